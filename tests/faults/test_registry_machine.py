"""L1: random walks through the registry, 500 of 50 steps in CI and 20,000 with FULL=1.

CI's walks follow from the code alone, so that it never fails by luck; FULL's are new ones, whose seed is told first and
may be given back: ``FULL=1 SEED=… pytest tests/faults/test_registry_machine.py``.
"""

from __future__ import annotations

import os
import secrets
import time
from collections import Counter
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.figures import tell
from tests.faults.registry_machine import RegistryMachine

FULL = bool(os.environ.get("FULL"))
PROFILE = settings(
    max_examples=20_000 if FULL else 500,
    stateful_step_count=50,
    derandomize=not FULL,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


class Walks(RegistryMachine):
    """Counted apart from other tests' walks."""

    steps: ClassVar[Counter[str]] = Counter()


@pytest.mark.timeout(7200 if FULL else 180)
def test_no_walk_breaks_a_rule_of_the_registry(capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    if FULL:
        number = int(os.environ.get("SEED") or secrets.randbits(32))
        tell(capsys, "L1", seed=number)
        seed(number)(Walks)

    run_state_machine_as_test(Walks, settings=PROFILE)

    counts = {name.replace(" ", "_"): count for name, count in sorted(Walks.steps.items())}
    tell(capsys, "L1", seconds=round(time.monotonic() - started), **counts)
