"""L3: a process dies at each named crash point, and the record becomes what it would have been without that.

``make test`` tries a few points, ``make test-faults-crashes`` each of them once, with FULL=1 the second passage, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from core.crash_points import CRASH_POINTS
from core.domain.ad import AdRecord
from tests.faults.figures import tell
from tests.faults.outcome import DEADLY, Outcome
from tests.faults.processes import Processes
from tests.faults.role_process import REGISTRY, SCHEDULER, WORKER, wait_until
from tests.running_system import a_picture, an_ad

FULL = bool(os.environ.get("FULL"))
FEW = {"registry.leased", "commit.closing"}
ELSEWHERE = ("export.", "webhook.")  # no run passes them: tests/daemon lets workers die there
AFTER_A_COMMITTER = ("commit.", "sweep.")  # where a scheduler passes only after a worker's death


@dataclass(frozen=True)
class Death:
    """A process with ``role`` dies when it passes ``point`` for the ``hit``-th time."""

    point: str
    role: str
    hit: int = 1

    def __str__(self) -> str:
        return f"{self.point}-{self.role.rpartition(',')[2]}-{self.hit}"

    @property
    def crash_at(self) -> str:
        return f"{self.point}:{self.hit}"

    @property
    def takes_over(self) -> bool:
        """Whether it dies in doing what a dead committer left."""
        return self.role == SCHEDULER and self.point.startswith(AFTER_A_COMMITTER)


def roles_of(point: str) -> tuple[str, ...]:
    """Which processes pass it; each of them dies there with FULL=1, else the first."""
    family = point.partition(".")[0]
    by_sweep = ("commit.begun", "commit.written", "commit.closing", "commit.committed")
    only = {"registry": (REGISTRY,), "relay": (SCHEDULER,), "sweep": (SCHEDULER,)}
    return only.get(family) or ((WORKER, SCHEDULER) if point in by_sweep else (WORKER,))


def deaths() -> Iterator[Death]:
    for point in CRASH_POINTS:
        if point.startswith(ELSEWHERE):
            continue
        roles = roles_of(point)
        yield Death(point, roles[0])
        if not FULL:
            continue
        yield from (Death(point, role) for role in roles[1:])
        # Of one commit that was left behind there is one takeover, of one poisonous item one dead letter.
        if not point.startswith(("sweep.", "dead_letter.")):
            yield Death(point, roles[0], hit=2)


def cases() -> list[object]:
    few = [death for death in deaths() if death.point in FEW and death.hit == 1]
    return [pytest.param(death, id=str(death), marks=() if death in few else pytest.mark.slow) for death in deaths()]


def a_bundle(processes: Processes) -> list[AdRecord]:
    """Two brands: texts alone, images of which one is shared, and a file whose message no worker could handle."""
    red, blue, green = (processes.upload(a_picture(colour)) for colour in ("red", "blue", "green"))
    poison, venom = (processes.upload(a_picture(colour), DEADLY) for colour in ("black", "white"))
    acme = (
        an_ad("1", "Last chance: 20% off."),
        an_ad("2", "Two at once.", red),
        an_ad("3", "Three.", red, blue, poison),
    )
    bolt = (
        an_ad("4", "Four, to begin with.", brand_name="Bolt"),
        an_ad("5", "Five times the fun!", green, venom, brand_name="Bolt"),
    )
    return [*acme, *bolt]


@pytest.fixture(scope="module")
def bundle(processes: Processes) -> list[AdRecord]:
    processes.storage.bury_what_is_deadly()
    return a_bundle(processes)


@pytest.fixture(scope="module")
def undisturbed(processes: Processes, bundle: list[AdRecord]) -> Outcome:
    """What a run leaves in which nobody dies."""
    return processes.undisturbed(bundle)


def ask_and_let_die(processes: Processes, bundle: list[AdRecord], death: Death) -> str:
    """Ask, and wait for the death: only the armed process could do what leads to it. The request id."""
    with ExitStack() as stack:
        if death.role == WORKER or death.takes_over:
            stack.enter_context(processes.worker.standing_still())
        if death.role == SCHEDULER:
            stack.enter_context(processes.scheduler.standing_still())
        if death.takes_over:
            processes.start(WORKER, crash_at="commit.begun")
        armed = processes.start(death.role, crash_at=death.crash_at)
        request_id = processes.ask(bundle)
        unmet = f"the {death.role} passes {death.crash_at}"
        wait_until(lambda: armed.has_crashed, unmet, but=lambda: f"{armed.said[-2000:]}\n{processes.what_is_left}")
    return request_id


@pytest.fixture(scope="module")
def survived() -> dict[Death, float]:
    """The deaths after which all was well, and how many seconds each took."""
    return {}


@pytest.mark.parametrize("death", cases())
def test_a_death_at_a_crash_point_leaves_the_record_of_an_undisturbed_run(
    clean: Processes, undisturbed: Outcome, bundle: list[AdRecord], survived: dict[Death, float], death: Death
) -> None:
    began = time.monotonic()
    clean.wait_until_done(ask_and_let_die(clean, bundle, death))
    assert clean.storage.outcome().differs_from(undisturbed) == []

    clean.wait_until_done(clean.ask(bundle))  # it finds nothing new

    assert clean.storage.record() == undisturbed.record
    survived[death] = time.monotonic() - began


def test_what_was_survived_is_told(survived: dict[Death, float], capsys: pytest.CaptureFixture[str]) -> None:
    points = {death.point for death in survived}
    tell(
        capsys, "L3", points=f"{len(points)}/{len(CRASH_POINTS)}", converged=len(survived),
        seconds=round(sum(survived.values())), slowest=round(max(survived.values(), default=0)),
    )  # fmt: skip
