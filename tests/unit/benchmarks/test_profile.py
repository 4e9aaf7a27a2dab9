"""The profile's arithmetic: a phase's own time is without the phases inside it."""

from __future__ import annotations

import pytest

from benchmarks.pipeline.timed_daemon import PHASES, PhaseTimer, function_at
from benchmarks.profile_pipeline import table


class Clock:
    """Time that passes when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timer(clock: Clock) -> PhaseTimer:
    return PhaseTimer(clock, lambda: clock.now / 10)


def passing(clock: Clock, seconds: float) -> None:
    clock.now += seconds


def test_time_inside_another_phase_is_that_phase_s_alone(timer: PhaseTimer, clock: Clock) -> None:
    fetch = timer.timed("fetch", lambda: passing(clock, 3.0))

    def work() -> None:
        passing(clock, 1.0)
        fetch()
        fetch()
        passing(clock, 1.0)

    timer.timed("job", work)()

    sums = timer.sums()
    assert sums["job"] == pytest.approx({"calls": 1, "seconds": 2.0, "cpu_seconds": 0.2})
    assert sums["fetch"] == pytest.approx({"calls": 2, "seconds": 6.0, "cpu_seconds": 0.6})


def test_a_phase_that_fails_is_timed_and_ends(timer: PhaseTimer, clock: Clock) -> None:
    def fails() -> None:
        passing(clock, 1.0)
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        timer.timed("fetch", fails)()
    timer.timed("job", lambda: passing(clock, 1.0))()

    assert timer.sums()["fetch"]["seconds"] == 1.0
    assert timer.sums()["job"]["seconds"] == 1.0


def test_the_shares_are_of_what_was_added_since_the_warm_up() -> None:
    phases = iter(PHASES)
    first, second = next(phases), next(phases)
    before = {first: {"calls": 5, "seconds": 1.0, "cpu_seconds": 0.5}}
    after = {
        first: {"calls": 15, "seconds": 3.0, "cpu_seconds": 0.6},
        second: {"calls": 10, "seconds": 1.0, "cpu_seconds": 0.9},
    }

    rows = table(before, after, urls=10)

    assert list(rows) == [second, first]  # the most computing first
    assert rows[first] == pytest.approx({"cpu_ms_a_url": 10.0, "thread_ms_a_url": 200.0, "calls_a_url": 1.0})


@pytest.mark.parametrize("place", [place for places in PHASES.values() for place in places])
def test_every_phase_is_found_where_it_is_called(place: str) -> None:
    assert callable(function_at(place))


def test_a_phase_whose_function_is_gone_is_told() -> None:
    with pytest.raises(AttributeError):
        function_at("core.adapters.guarded_fetch:GuardedMediaFetcher.download")
