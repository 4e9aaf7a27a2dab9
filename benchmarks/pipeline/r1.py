"""R1: SQS API calls a URL, Celery ÷ ours; the server counts.

From the request until the last message of the URL queue is deleted: sends, receives (empty ones, too), deletes, changes
of visibility, questions about attributes. The second column adds every other queue. Celery runs with several tunings
and is compared at its best.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from benchmarks.harness import ratio_of, report
from benchmarks.pipeline.celery_peer import Tuning, celery, peer_versions
from benchmarks.pipeline.ours import ours
from benchmarks.pipeline.sides import Bench, Start, await_commits, await_settled, check
from benchmarks.pipeline.sqs import Counts, calls, total

GOAL_RATIO, GOAL_CALLS = 5.0, 0.4
TUNINGS = (
    Tuning(prefetch=1),
    Tuning(prefetch=4),
    Tuning(prefetch=10),
    Tuning(concurrency=20, prefetch=10),
    Tuning(prefetch=4, acks="early"),
    Tuning(pool="prefork", concurrency=4, prefetch=4),
    Tuning(pool="prefork", concurrency=4, prefetch=25),
)
_SETTLED_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Cost:
    """API calls a URL: on the URL queue (in all and by operation), and on all queues together."""

    url_queue: float
    all_queues: float
    operations: Mapping[str, float]
    seconds: float  # from the request to the last commit; no goal here


def cost_of(queues: Mapping[str, Counts], url_queue: str, *, urls: int, seconds: float) -> Cost:
    """From what the server counted."""
    own = queues[url_queue]
    operations = {name: number / urls for name, number in sorted(own.items()) if name[0].isupper()}
    return Cost(calls(own) / urls, calls(total(queues)) / urls, operations, seconds)


def measure(bench: Bench, *, urls: int, pairs: int, settings: Mapping[str, str]) -> None:
    """Every tuning of the peer once; then ours and its best in pairs, A-B-B-A."""
    tried = {tuning: run(bench, celery(bench, tuning), urls) for tuning in TUNINGS}
    best = min(tried, key=lambda tuning: tried[tuning].url_queue)
    starts = {"ours": ours(bench), "celery": celery(bench, best)}
    costs: dict[str, list[Cost]] = {"ours": [], "celery": []}
    for pair in range(pairs):
        for name in ("ours", "celery") if pair % 2 == 0 else ("celery", "ours"):
            costs[name].append(run(bench, starts[name], urls))
    rows = {f"Celery, {tuning}": cost for tuning, cost in tried.items()}
    rows |= {f"Celery at its best, {number}": cost for number, cost in enumerate(costs["celery"], 1)}
    rows |= {f"ours, {number}": cost for number, cost in enumerate(costs["ours"], 1)}
    _print(rows, urls)
    details = {"runs": {name: asdict(cost) for name, cost in rows.items()}, "peer": peer_versions(), "urls": urls}
    report("R1", figures(costs["ours"], costs["celery"]), details, settings)


def run(bench: Bench, start: Start, urls: int) -> Cost:
    """One run, its record checked."""
    brands = bench.brands(urls)
    with bench.running(start) as (side, sqs):
        side.ask(brands)
        seconds = await_commits(side, brands)
        if seconds is None or not await_settled(sqs, side.url_queue, seconds=_SETTLED_SECONDS):
            sys.exit(f"void: {side.outcome(brands).committed} of {len(brands)} brands committed, {sqs.counts()}")
        queues = sqs.counts()
        check(side, brands, failed=0)
    return cost_of(queues, side.url_queue, urls=urls, seconds=seconds)


def figures(mine: Sequence[Cost], celery_best: Sequence[Cost]) -> dict[str, float | int | str]:
    """R1's line: the worst of ours, the best of Celery, the median ratio of the pairs."""
    ratio = ratio_of([cost.url_queue for cost in celery_best], [cost.url_queue for cost in mine])
    most = max(cost.url_queue for cost in mine)
    return {
        "ratio": ratio.median,
        "min": ratio.smallest,
        "max": ratio.largest,
        "pairs": ratio.pairs,
        "ours": f"{most:.3f}",
        "celery": f"{min(cost.url_queue for cost in celery_best):.3f}",
        "ours_all_queues": f"{max(cost.all_queues for cost in mine):.3f}",
        "celery_all_queues": f"{min(cost.all_queues for cost in celery_best):.3f}",
        "goal": f">={GOAL_RATIO:g}",
        "met": "yes" if ratio.median >= GOAL_RATIO and most <= GOAL_CALLS else "no",
    }


def _print(rows: Mapping[str, Cost], urls: int) -> None:
    print(f"SQS API calls a URL, {urls} URLs")
    print(f"{'':<52}{'URL queue':>10}{'all':>8}{'seconds':>9}   by operation on the URL queue")
    for name, cost in rows.items():
        operations = ", ".join(f"{key} {value:.3f}" for key, value in cost.operations.items())
        print(f"{name:<52}{cost.url_queue:>10.3f}{cost.all_queues:>8.3f}{cost.seconds:>9.1f}   {operations}")
