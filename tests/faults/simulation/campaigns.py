"""Many seeds, and every mutation, by two processes."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterable, Iterator

from tests.faults.simulation.mutations import MUTATIONS
from tests.faults.simulation.world import Outcome, simulate

_PROCESSES = 2
_CHUNK = 25
_SHOWN_LINES = 80
MOST_SEEDS = 1000


def traced(seed: int) -> list[str]:
    """The lines of a seed's trace."""
    lines: list[str] = []
    outcome = simulate(seed, trace=lines.append)
    return [*lines, *(f"BROKEN {rule}" for rule in outcome.failures)]


def hunt(name: str, *, most: int = MOST_SEEDS) -> tuple[int, str]:
    """How many seeds until a mutation is seen, and the rule that saw it; (0, "") when it never was."""
    mutation = next(mutation for mutation in MUTATIONS if mutation.name == name)
    with mutation.applied():
        for seed in range(most):
            outcome = simulate(seed)
            if outcome.failures:
                return seed + 1, outcome.failures[0]
    return 0, ""


def each(seeds: Iterable[int]) -> Iterator[Outcome]:
    """The outcomes, from two processes."""
    with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
        yield from pool.imap_unordered(simulate, seeds, chunksize=_CHUNK)


def run_seeds(first: int, count: int, say: Callable[[str], None]) -> bool:
    """Prints the failing seeds with the end of the first one's trace, and a line of figures."""
    began = time.monotonic()
    outcomes = list(each(range(first, first + count)))
    broken = sorted((outcome for outcome in outcomes if outcome.failures), key=lambda outcome: outcome.seed)
    for outcome in broken[:10]:
        say(f"seed {outcome.seed}: {outcome.failures[0]}")
    if broken:
        say("\n".join(traced(broken[0].seed)[-_SHOWN_LINES:]))
        say(f"again: python -m tests.faults.simulation --seed {broken[0].seed} --trace")
    rules = [rule for outcome in broken for rule in outcome.failures]
    say(
        f"RESULT L2 seeds={count} broken={len(broken)} runs={sum(o.runs for o in outcomes)}"
        f" steps={sum(o.steps for o in outcomes)} crashes={sum(o.crashes for o in outcomes)}"
        f" duplicates={sum(o.duplicates for o in outcomes)} overdue={sum(o.overdue for o in outcomes)}"
        f" lost={sum('without' in rule or 'rest' in rule for rule in rules)}"
        f" doubled={sum('twice' in rule or 'holds' in rule for rule in rules)} seconds={time.monotonic() - began:.0f}"
    )
    return not broken


def run_mutations(say: Callable[[str], None]) -> bool:
    """Prints a table: the bug, how many seeds it took, the rule that saw it."""
    began = time.monotonic()
    with multiprocessing.get_context("spawn").Pool(_PROCESSES) as pool:
        found = pool.map(hunt, [mutation.name for mutation in MUTATIONS], chunksize=1)
    for mutation, (seeds, rule) in zip(MUTATIONS, found, strict=True):
        say(f"{mutation.name:<7} {mutation.bug:<66} {seeds or 'never':>5}  {rule[:110]}")
    caught = [seeds for seeds, _ in found if seeds]
    say(
        f"RESULT L2-mutations caught={len(caught)} of={len(MUTATIONS)} most_seeds={max(caught, default=0)}"
        f" seconds={time.monotonic() - began:.0f}"
    )
    return len(caught) == len(MUTATIONS)
