"""The pipeline simulated: a share of the seeds, and every mutation. ``python -m tests.faults.simulation`` runs more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.simulation.campaigns import MOST_SEEDS, hunt, traced
from tests.faults.simulation.mutations import MUTATIONS
from tests.faults.simulation.world import simulate

PROJECT = Path(__file__).parents[2]
SEEDS = 500
CHUNKS = 5


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_whatever_breaks_every_history_ends_whole(chunk: int) -> None:
    share = SEEDS // CHUNKS
    outcomes = [simulate(seed) for seed in range(chunk * share, (chunk + 1) * share)]

    assert {outcome.seed: outcome.failures for outcome in outcomes if outcome.failures} == {}
    assert sum(outcome.crashes for outcome in outcomes) > share  # the world was hostile indeed
    assert sum(outcome.runs for outcome in outcomes) > share


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", [mutation.name for mutation in MUTATIONS])
def test_a_bug_put_back_is_seen(name: str) -> None:
    seeds, rule = hunt(name)

    assert rule, f"not seen in {MOST_SEEDS} seeds"
    assert simulate(seeds - 1).failures == ()  # by the mutation alone


def test_a_seed_is_the_same_history_in_every_process() -> None:
    program = "import sys; from tests.faults.simulation.campaigns import traced; print('\\n'.join(traced(7)))"
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(PROJECT)}
    elsewhere = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True
    )

    lines = traced(7)

    assert len(lines) > 100
    assert elsewhere.stdout.splitlines() == "\n".join(lines).splitlines()
