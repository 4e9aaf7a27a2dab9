"""The contract of the RunStore, continued: who may commit a run, and who may read it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.domain.run import ItemState, Run, RunState
from tests.contract.run_stores import STORES, Bench, a_run, open_bench

LEASE_SECONDS = 60


@pytest.fixture(params=STORES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with open_bench(request) as bench:
        yield bench


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Threads for what goes on beside the test's own transaction."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


def _end(store: Any, end: str, *, token: int) -> bool:
    how: dict[str, Callable[[], bool]] = {
        "close": lambda: store.runs.close("run", token=token, ledger={}),
        "abandon": lambda: store.runs.abandon("run", token=token, error="no"),
    }
    return how[end]()


def _link(bench: Bench, request_id: str, status: str) -> None:
    bench.set_request(request_id, status)
    bench.do(lambda store: store.requests.link(request_id=request_id, batch_id="run"))


# --- leases -------------------------------------------------------------------------------------------


def test_no_lease_before_the_last_result(bench: Bench) -> None:
    bench.open("run", "a", "b")

    bench.record("run", "a")
    assert bench.lease("run") is None
    bench.record("run", "b", ItemState.FAILED)
    assert bench.lease("run") == 1
    assert bench.state("run") == RunState.COMMITTING


def test_no_lease_of_a_run_with_fewer_items_than_expected(bench: Bench) -> None:
    bench.do(lambda store: store.runs.insert(a_run("run", 1, learns=True)))

    assert bench.lease("run") is None


def test_one_lease_at_a_time_and_a_higher_token_after_it(bench: Bench) -> None:
    bench.open("run")

    assert [bench.lease("run") for _ in range(3)] == [1, None, None]
    bench.let_pass(LEASE_SECONDS + 1)
    assert [bench.lease("run") for _ in range(2)] == [2, None]


def test_of_sixteen_who_ask_at_once_one_gets_the_lease(bench: Bench, beside: ThreadPoolExecutor) -> None:
    bench.open("run")
    barrier = threading.Barrier(16)

    def ask(_: int) -> int | None:
        barrier.wait(10)
        return bench.lease("run")

    assert [token for token in beside.map(ask, range(16)) if token] == [1]


@pytest.mark.parametrize("end", ["committed", "failed", "cancelled", "unknown"])
def test_a_run_that_is_over_is_not_leased(bench: Bench, end: str) -> None:
    bench.open("run")
    if end == "cancelled":
        _link(bench, "one", "cancelled")
        bench.do(lambda store: store.runs.cancel_unwanted())
    else:
        bench.lease("run")
        bench.do(lambda store: _end(store, "close" if end == "committed" else "abandon", token=1))
    bench.let_pass(LEASE_SECONDS + 1)

    assert bench.lease("run" if end != "unknown" else "stranger") is None


def test_an_extended_lease_lives_on(bench: Bench) -> None:
    bench.open("run")
    bench.lease("run")

    bench.let_pass(LEASE_SECONDS - 10)
    assert bench.do(lambda store: store.leases.extend("run", token=1, lease_seconds=LEASE_SECONDS))
    bench.let_pass(LEASE_SECONDS - 10)

    assert bench.lease("run") is None


def test_a_lapsed_lease_is_extended_until_another_has_it(bench: Bench) -> None:
    bench.open("run")
    bench.lease("run")
    bench.let_pass(LEASE_SECONDS + 1)

    assert bench.do(lambda store: store.leases.extend("run", token=1, lease_seconds=-1))
    assert bench.lease("run") == 2
    assert not bench.do(lambda store: store.leases.extend("run", token=1, lease_seconds=LEASE_SECONDS))


def test_a_released_lease_can_be_had_at_once(bench: Bench) -> None:
    bench.open("run")
    bench.lease("run")

    bench.do(lambda store: store.leases.release("run", token=1))
    assert bench.lease("run") == 2
    bench.do(lambda store: store.leases.release("run", token=1))  # not its own any more
    assert bench.lease("run") is None


def test_a_lapsed_commit_is_told_until_somebody_has_it(bench: Bench) -> None:
    bench.open("run")
    bench.lease("run")

    assert bench.do(lambda store: store.runs.lapsed_commits()) == []
    bench.let_pass(LEASE_SECONDS + 1)
    assert bench.do(lambda store: store.runs.lapsed_commits()) == ["run"]
    bench.lease("run")
    assert bench.do(lambda store: store.runs.lapsed_commits()) == []


def test_complete_runs_nobody_was_told_of_are_told_after_a_while_oldest_first(bench: Bench) -> None:
    for name in ("old", "young"):
        bench.open(name, brand=name)
        bench.let_pass(5)
    bench.open("waiting", "a", brand="waiting")

    assert bench.do(lambda store: store.runs.lapsed_commits()) == []
    bench.let_pass(16)
    assert bench.do(lambda store: store.runs.lapsed_commits()) == ["old", "young"]


# --- AI phases ----------------------------------------------------------------------------------------


def _claim(bench: Bench, *, seconds: float = LEASE_SECONDS) -> int | None:
    token: int | None = bench.do(lambda store: store.ai_phases.claim("run", lease_seconds=seconds))
    return token


@pytest.fixture
def committed(bench: Bench) -> Bench:
    """With one committed run, ``run``."""
    bench.open("run")
    bench.commit("run")
    return bench


def test_only_a_committed_run_is_read(bench: Bench) -> None:
    bench.open("run")

    assert _claim(bench) is None
    assert not bench.do(lambda store: store.ai_phases.finish("run", token=None))


def test_one_reader_at_a_time_and_a_higher_token_after_it(committed: Bench) -> None:
    assert [_claim(committed) for _ in range(2)] == [1, None]
    committed.let_pass(LEASE_SECONDS + 1)
    assert [_claim(committed) for _ in range(2)] == [2, None]


def test_a_reader_keeps_its_claim(committed: Bench) -> None:
    _claim(committed)

    committed.let_pass(LEASE_SECONDS - 10)
    assert committed.do(lambda store: store.ai_phases.extend("run", token=1, lease_seconds=LEASE_SECONDS))
    committed.let_pass(LEASE_SECONDS - 10)

    assert _claim(committed) is None


def test_a_past_reader_changes_nothing(committed: Bench) -> None:
    _claim(committed)
    committed.let_pass(LEASE_SECONDS + 1)
    _claim(committed)

    assert not committed.do(lambda store: store.ai_phases.extend("run", token=1, lease_seconds=LEASE_SECONDS))
    committed.do(lambda store: store.ai_phases.release("run", token=1))
    assert not committed.do(lambda store: store.ai_phases.finish("run", token=1))
    assert committed.do(lambda store: store.runs.find("run")).ai_state == "running"
    assert committed.do(lambda store: store.ai_phases.finish("run", token=2))


def test_a_claim_given_back_can_be_had_at_once(committed: Bench) -> None:
    _claim(committed)
    committed.do(lambda store: store.ai_phases.release("run", token=1))

    assert _claim(committed) == 2


@pytest.mark.parametrize("token", [1, None], ids=["its reader", "nobody will read it"])
def test_what_is_read_is_read(committed: Bench, token: int | None) -> None:
    _claim(committed)

    assert committed.do(lambda store: store.ai_phases.finish("run", token=token))
    assert committed.do(lambda store: store.runs.find("run")).ai_state == "done"
    committed.let_pass(LEASE_SECONDS + 1)
    assert _claim(committed) is None
    assert not committed.do(lambda store: store.ai_phases.finish("run", token=1))


def _forgotten(bench: Bench) -> list[str]:
    runs: list[Run] = bench.do(lambda store: store.runs.forgotten_ai_phases(older_than_seconds=600))
    return [run.batch_id for run in runs]


def test_a_forgotten_ai_phase_is_told_once_in_a_while(committed: Bench) -> None:
    assert _forgotten(committed) == []
    committed.let_pass(601)
    assert [_forgotten(committed), _forgotten(committed)] == [["run"], []]
    committed.let_pass(601)
    assert _forgotten(committed) == ["run"]


def test_a_phase_somebody_works_on_is_not_forgotten(committed: Bench) -> None:
    _claim(committed, seconds=1000)

    committed.let_pass(1500)
    assert _forgotten(committed) == []
    committed.let_pass(101)
    assert _forgotten(committed) == ["run"]


def test_what_is_read_or_not_committed_is_not_forgotten(committed: Bench) -> None:
    committed.do(lambda store: store.ai_phases.finish("run", token=None))
    committed.open("open")

    committed.let_pass(5000)
    assert _forgotten(committed) == []
