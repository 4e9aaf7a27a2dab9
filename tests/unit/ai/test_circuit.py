"""When a provider may be called: told times alone, so every rule is a line of a story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from core.ai.circuit import LONGEST_PAUSE_SECONDS, OUTAGE_PAUSE_SECONDS, OUTAGES_IN_A_ROW, PROBE_SECONDS, Circuit, Pass

START = datetime(2026, 11, 1, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def admitted(circuit: Circuit, seconds: float) -> Pass:
    call = circuit.admit(after(seconds))
    assert call is not None
    return call


def opened_at(pause_seconds: float) -> Circuit:
    circuit = Circuit()
    assert circuit.failed(admitted(circuit, 0), START, pause_seconds=pause_seconds)
    return circuit


def test_a_pause_that_is_asked_for_is_kept_to_the_second() -> None:
    circuit = opened_at(7)

    assert circuit.admit(after(6.9)) is None
    assert circuit.wait_seconds(after(2)) == 5
    assert admitted(circuit, 7).is_probe


def test_one_call_probes_while_the_others_wait() -> None:
    circuit = opened_at(7)
    admitted(circuit, 8)

    assert circuit.admit(after(8)) is None
    assert circuit.wait_seconds(after(8)) == PROBE_SECONDS


def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    circuit = opened_at(7)

    assert circuit.succeeded(admitted(circuit, 8))
    assert not admitted(circuit, 8).is_probe
    assert circuit.wait_seconds(after(8)) == 0


def test_probes_that_fail_wait_twice_as_long_each_time_up_to_a_limit() -> None:
    circuit, now, waits = opened_at(10), 10.0, []
    for _ in range(7):
        circuit.failed(admitted(circuit, now), after(now), pause_seconds=10)
        waits.append(circuit.wait_seconds(after(now)))
        now += waits[-1]

    assert waits == [20, 40, 80, 160, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS]


def test_a_provider_may_ask_for_longer_than_we_choose() -> None:
    assert opened_at(3_600).wait_seconds(START) == 3_600


def test_only_outages_in_a_row_open_it() -> None:
    circuit = Circuit()
    for _ in range(OUTAGES_IN_A_ROW - 1):
        assert not circuit.failed(admitted(circuit, 0), START)
    circuit.succeeded(admitted(circuit, 0))
    for _ in range(OUTAGES_IN_A_ROW - 1):
        assert not circuit.failed(admitted(circuit, 0), START)

    assert circuit.failed(admitted(circuit, 0), START)
    assert circuit.wait_seconds(START) == OUTAGE_PAUSE_SECONDS


def test_a_probe_that_meets_an_outage_opens_it_again_at_once() -> None:
    circuit = opened_at(1)
    assert circuit.failed(admitted(circuit, 2), after(2))
    assert circuit.admit(after(3)) is None


def test_calls_throttled_together_open_it_once_for_the_longest_of_their_pauses() -> None:
    circuit = Circuit()
    first, second, third = (admitted(circuit, 0) for _ in range(3))
    assert circuit.failed(first, START, pause_seconds=5)

    assert not circuit.failed(second, START, pause_seconds=9)
    assert not circuit.failed(third, START, pause_seconds=1)

    assert circuit.wait_seconds(START) == 9


@pytest.mark.parametrize("news", ["succeeded", "abandoned"])
def test_a_call_from_before_the_opening_closes_nothing(news: str) -> None:
    circuit = Circuit()
    early = admitted(circuit, 0)
    circuit.failed(admitted(circuit, 0), START, pause_seconds=60)

    getattr(circuit, news)(early)

    assert circuit.admit(after(1)) is None


def test_a_probe_that_learns_nothing_leaves_the_probing_to_the_next() -> None:
    circuit = opened_at(7)
    circuit.abandoned(admitted(circuit, 8))
    assert admitted(circuit, 8).is_probe
