"""R7: what a URL costs whose job outlasts the visibility timeout, what becomes of a brand with a dead URL, and when a
brand is committed whose committer is killed with kill -9 in the middle of its transaction.

A job is slow because the picture comes late. Executions are counted until the last message is deleted, or for a minute
after the commit: a receipt that another one has replaced deletes nothing, so Celery goes on with work that is done.
Celery's executions are the downloads it began; ours are its deliveries, the most it can have executed. The committer
is caught by a lock on the table it writes, the same way on both sides, and another worker is started as soon as it is
dead.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from sqlalchemy import text

from benchmarks.harness import Figure, System, report
from benchmarks.pipeline.celery_peer import KOMBU_VISIBILITY_SECONDS, Tuning, celery, peer_versions
from benchmarks.pipeline.ours import Setup, ours
from benchmarks.pipeline.sides import (
    COMMIT_SECONDS,
    Bench,
    Start,
    await_commits,
    await_settled,
    await_until,
    check,
    superuser,
    urls_of,
)
from core.settings import Settings

GOAL_EXECUTIONS, GOAL_COMMITS, GOAL_RECOVERY_SECONDS = 1.05, 1, 15.0
SLOW_URLS, JOB_SECONDS, VISIBILITY_SECONDS = 12, 5, 2
DEAD_OF = 24  # URLs, one of them dead
LEASE_SECONDS = 10  # ours; and Celery's visibility timeout, where a committer is killed
LATE, EARLY = Tuning(prefetch=1), Tuning(prefetch=1, acks="early")
CATCHES_ALL = Tuning(prefetch=1, failures="returned")
SHORT_VISIBILITY = Setup(
    {"ADOLOGY_QUEUE_VISIBILITY_SECONDS": str(VISIBILITY_SECONDS)}, module="benchmarks.pipeline.short_visibility"
)
SHORT_LEASE = Setup({"ADOLOGY_LEASE_SECONDS": str(LEASE_SECONDS)}, is_split=True)
_NO_COMMIT_SECONDS, _SETTLED_SECONDS = 20.0, 60.0


@dataclass(frozen=True, slots=True)
class Slow:
    """What happened to URLs whose job outlasts the visibility timeout."""

    committed_after_seconds: float | None
    executions_until_commit: float  # a URL; so are the next two
    executions: float  # until the last message was deleted, or a minute after the commit
    deliveries: float
    settled: bool  # whether the last message was deleted by then


def measure(bench: Bench, *, settings: Mapping[str, str]) -> None:
    """All of R7."""
    slow = {
        "ours": run_slow(bench, ours(bench, SHORT_VISIBILITY)),
        "Celery": run_slow(bench, celery(bench, LATE, visibility_seconds=VISIBILITY_SECONDS)),
        "Celery, acks early": run_slow(bench, celery(bench, EARLY, visibility_seconds=VISIBILITY_SECONDS)),
    }
    dead = {
        "ours": run_dead(bench, ours(bench)),
        "Celery": run_dead(bench, celery(bench, LATE)),
        "Celery, its task catches all": run_dead(bench, celery(bench, CATCHES_ALL)),
    }
    killed = {
        "ours": run_killed(bench, ours(bench, SHORT_LEASE)),
        "Celery": run_killed(bench, celery(bench, LATE, visibility_seconds=LEASE_SECONDS)),
        "Celery, acks early": run_killed(bench, celery(bench, EARLY, visibility_seconds=LEASE_SECONDS)),
    }
    _print(slow, dead, killed)
    details = {"slow": {name: asdict(row) for name, row in slow.items()}, "dead": dead, "killed": killed}
    report("R7", figures(slow, dead, killed), {**details, "peer": peer_versions()}, settings)


def run_slow(bench: Bench, start: Start) -> Slow:
    """A job of 2.5 visibility timeouts: each further execution is work done twice."""
    brands = bench.brands(SLOW_URLS, folder=f"after/{JOB_SECONDS}")
    urls = urls_of(brands)
    with bench.running(start) as (side, sqs):
        side.ask(brands)
        seconds = await_commits(side, brands)
        until_commit = bench.host.fetches_of(urls)
        settled = await_settled(sqs, side.url_queue, seconds=_SETTLED_SECONDS)
        deliveries = sqs.counts()[side.url_queue].get("received", 0)
        executions = bench.host.fetches_of(urls)
        if seconds is not None:
            check(side, brands, failed=0)
    return Slow(seconds, until_commit / SLOW_URLS, executions / SLOW_URLS, deliveries / SLOW_URLS, settled)


def run_dead(bench: Bench, start: Start) -> int:
    """How many commits a brand gets one of whose URLs is gone."""
    brands = bench.brands(DEAD_OF, of=DEAD_OF)
    [[brand, urls]] = brands.items()
    brands = {brand: [*urls[1:], urls[0].replace("/pictures/", "/gone/")]}
    with bench.running(start) as (side, sqs):
        side.ask(brands)
        if await_commits(side, brands, seconds=_NO_COMMIT_SECONDS) is not None:
            check(side, brands, failed=1)
        elif not await_settled(sqs, side.url_queue, seconds=_SETTLED_SECONDS):
            sys.exit("void: URLs were still waiting, a commit might have come")
        return side.outcome(brands).committed


def run_killed(bench: Bench, start: Start) -> float | None:
    """Seconds from kill -9 in the middle of the commit until the brand is committed; None if it never is."""
    brands = bench.brands(DEAD_OF, of=DEAD_OF)
    with bench.running(start) as (side, _):
        with commits_held(bench.system, side.commit_table) as is_committing:
            side.ask(brands)
            if await_until(is_committing, seconds=COMMIT_SECONDS) is None:
                sys.exit("void: nobody began to commit")
            side.kill_worker()
            killed = time.monotonic()
        side.replace_worker()
        if await_commits(side, brands, seconds=3 * LEASE_SECONDS + _NO_COMMIT_SECONDS) is None:
            return None
        seconds = time.monotonic() - killed
        check(side, brands, failed=0)
    return seconds


@contextmanager
def commits_held(system: System, table: str) -> Iterator[Callable[[], bool]]:
    """Let nobody write the table until the block ends; gives whether somebody waits to."""
    waiting = text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = CAST(:table AS regclass))")
    engine = superuser(system)
    try:
        with engine.begin() as holder, engine.connect() as watcher:
            holder.execute(text(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE"))
            yield lambda: bool(watcher.execute(waiting, {"table": table}).scalar_one())
    finally:
        engine.dispose()


def figures(slow: Mapping[str, Slow], dead: Mapping[str, int], killed: Mapping[str, float | None]) -> dict[str, Figure]:
    """R7's line."""
    executions, commits, recovery = slow["ours"].deliveries, dead["ours"], killed["ours"]
    met = (
        executions <= GOAL_EXECUTIONS
        and slow["ours"].settled
        and slow["ours"].committed_after_seconds is not None
        and commits == GOAL_COMMITS
        and recovery is not None
        and recovery <= GOAL_RECOVERY_SECONDS
    )
    return {
        "executions_per_url": executions,
        "celery_executions_per_url": slow["Celery"].executions,
        "celery_until_commit": slow["Celery"].executions_until_commit,
        "commits_with_a_dead_url": commits,
        "celery_commits": dead["Celery"],
        "recovery_seconds": _figure(recovery),
        "celery_recovery_seconds": _figure(killed["Celery"]),
        "goal": f"<={GOAL_EXECUTIONS:g},{GOAL_COMMITS},<={GOAL_RECOVERY_SECONDS:g}",
        "met": "yes" if met else "no",
    }


def _figure(seconds: float | None) -> Figure:
    return "never" if seconds is None else seconds


def _print(slow: Mapping[str, Slow], dead: Mapping[str, int], killed: Mapping[str, float | None]) -> None:
    print(f"\na job of {JOB_SECONDS} s, visibility {VISIBILITY_SECONDS} s, {SLOW_URLS} URLs")
    for name, row in slow.items():
        counts = f"{row.executions:>6.2f} executions a URL ({row.executions_until_commit:.2f} until the commit)"
        ended = "" if row.settled else "; messages still came a minute later"
        print(f"  {name:<30}{counts}, {row.deliveries:.2f} deliveries, {_told(row.committed_after_seconds)}{ended}")
    print(f"\na brand with one dead URL of {DEAD_OF}")
    for name, commits in dead.items():
        print(f"  {name:<30}{commits:>3} commits")
    print(f"\nkill -9 in the middle of a commit; lease (ours) and visibility (Celery) {LEASE_SECONDS} s")
    for name, seconds in killed.items():
        print(f"  {name:<30} {_told(seconds)}")
    lease, sweep = (Settings.model_fields[name].default for name in ("lease_seconds", "sweep_seconds"))
    print(f"  by default ours takes at most {lease} + {sweep:g} s (lease, sweep), Celery {KOMBU_VISIBILITY_SECONDS} s")


def _told(seconds: float | None) -> str:
    return "never committed" if seconds is None else f"committed after {seconds:.1f} s"
