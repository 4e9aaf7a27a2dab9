"""The contract of the RunStore, over PostgreSQL's and the one in memory: its transactions and runs.

Leases and AI phases: ``test_run_store_leases.py``; all the other nouns: ``test_run_store_rows.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.domain.run import ItemState, Run, RunState
from core.errors import ConflictError, RetryableError
from core.pipeline.store import Transaction
from tests.contract.run_stores import STORES, Bench, a_result, a_run, open_bench

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


class OnPurposeError(Exception):
    """What a test raises inside a transaction."""


# --- transactions -------------------------------------------------------------------------------------


def test_what_a_transaction_writes_is_its_own_until_it_ends(bench: Bench) -> None:
    with bench.runs.transaction() as store:
        store.runs.insert(a_run("run"))
        store.outbox.add("brand-gather-queue", ["body"])
        assert store.runs.find("run") is not None
        assert bench.do(lambda other: other.runs.find("run")) is None
        assert bench.do(lambda other: other.outbox.take(limit=10)) == []

    assert bench.state("run") == RunState.OPEN


def test_an_error_leaves_nothing_of_a_transaction(bench: Bench) -> None:
    bench.set_request("request", "queued")
    bench.open("run", "a")

    def write_everything(store: Transaction) -> None:
        store.items.record("run", a_result("a"), epoch=store.epoch)
        assert store.leases.grant("run", lease_seconds=LEASE_SECONDS) == 1
        store.runs.close("run", token=1, ledger={})
        store.outbox.add("brand-ai-phase-queue", ["body"])
        store.requests.link(request_id="request", batch_id="run")
        store.brands.resolve(scope="shared", name="Acme")
        _file(store)
        raise OnPurposeError

    with pytest.raises(OnPurposeError):
        bench.do(write_everything, "shared")

    with bench.runs.transaction("shared") as store:
        assert store.runs.find("run") == _run("run", RunState.OPEN, expected=1)
        assert store.items.states("run") == {"a": ItemState.PENDING}
        assert store.outbox.take(limit=10) == []
        assert store.requests.run_of("request", brand_slug="acme", scope="shared") is None
        assert store.brands.find(scope="shared", name="Acme") is None
    assert bench.dead_letters() == []


def test_a_refused_insert_leaves_the_transaction_usable(bench: Bench) -> None:
    bench.open("first")

    with bench.runs.transaction() as store:
        with pytest.raises(ConflictError):
            store.runs.insert(a_run("second"))
        store.runs.insert(a_run("third", brand="other"))

    assert bench.state("third") == RunState.OPEN


def test_a_circle_of_waiting_transactions_is_broken(bench: Bench, beside: ThreadPoolExecutor) -> None:
    for name in "ab":
        bench.open(name, brand=name)
        bench.lease(name)
    both_hold_one = threading.Barrier(2)

    def extend_both(first: str, second: str) -> bool:
        try:
            with bench.runs.transaction() as store:
                store.leases.extend(first, token=1, lease_seconds=LEASE_SECONDS)
                both_hold_one.wait(10)
                store.leases.extend(second, token=1, lease_seconds=LEASE_SECONDS)
        except RetryableError:
            return False
        return True

    assert sorted(beside.map(extend_both, "ab", "ba")) == [False, True]


# --- runs ---------------------------------------------------------------------------------------------


def test_a_run_is_found_as_it_was_opened(bench: Bench) -> None:
    bench.do(lambda store: store.runs.insert(a_run("run", 3, source="files", learns=True)))

    expected = _run("run", RunState.OPEN, expected=3, source={"source": "files", "learns": True})
    assert bench.do(lambda store: store.runs.find("run")) == expected
    assert bench.do(lambda store: store.runs.of_gather("key of run")) == expected
    assert bench.do(lambda store: store.runs.active(brand_slug="acme", scope="shared")) == expected
    assert bench.do(lambda store: store.runs.all_active()) == [expected]


def test_an_unknown_run_is_none(bench: Bench) -> None:
    assert bench.do(lambda store: store.runs.find("run")) is None
    assert bench.do(lambda store: store.runs.of_gather("key")) is None
    assert bench.do(lambda store: store.runs.active(brand_slug="acme", scope="shared", to_join=True)) is None


def test_a_brand_has_one_active_run_a_scope(bench: Bench) -> None:
    bench.open("first")

    with pytest.raises(ConflictError):
        bench.open("second")
    bench.open("third", brand="other")

    bench.commit("first")
    bench.open("second")


def test_a_gather_message_opens_one_run(bench: Bench) -> None:
    bench.open("first", key="message")
    bench.commit("first")

    with pytest.raises(ConflictError):
        bench.open("second", key="message")


def test_of_sixteen_who_open_a_run_at_once_one_does(bench: Bench, beside: ThreadPoolExecutor) -> None:
    barrier = threading.Barrier(16)

    def open_run(number: int) -> bool:
        barrier.wait(10)
        try:
            bench.open(f"run {number}")
        except ConflictError:
            return False
        return True

    assert sum(beside.map(open_run, range(16))) == 1


def test_who_opens_waits_for_the_end_of_the_run_before(bench: Bench, beside: ThreadPoolExecutor) -> None:
    bench.open("first")
    bench.lease("first")

    with bench.runs.transaction() as store:
        store.runs.close("first", token=1, ledger={})
        opening = beside.submit(bench.open, "second")
        bench.wait_for_a_waiter()

    opening.result()
    assert bench.state("second") == RunState.OPEN


def test_a_run_that_could_not_be_gathered_is_over(bench: Bench) -> None:
    bench.open("active")

    bench.do(lambda store: store.runs.insert_failed(a_run("failed"), error="no source"))

    assert bench.state("failed") == RunState.FAILED
    assert bench.state("active") == RunState.OPEN


def test_what_was_gathered_is_not_recorded_as_failed(bench: Bench) -> None:
    bench.open("run", key="message")

    bench.do(lambda store: store.runs.insert_failed(a_run("again", key="message"), error="too late"))

    assert bench.do(lambda store: store.runs.find("again")) is None
    assert bench.state("run") == RunState.OPEN


@pytest.mark.parametrize("end", ["close", "abandon"])
def test_only_the_newest_lease_ends_a_run(bench: Bench, end: str) -> None:
    bench.open("run")
    bench.lease("run")
    bench.let_pass(LEASE_SECONDS + 1)
    bench.lease("run")

    assert not bench.do(lambda store: _end(store, end, token=1))
    assert bench.state("run") == RunState.COMMITTING
    assert bench.do(lambda store: _end(store, end, token=2))
    assert not bench.do(lambda store: _end(store, end, token=2))


def test_a_run_nobody_leased_is_not_closed(bench: Bench) -> None:
    bench.open("run")

    assert not bench.do(lambda store: _end(store, "close", token=0))


def test_a_committed_run_waits_to_be_read(bench: Bench) -> None:
    bench.open("run")
    bench.commit("run")

    assert bench.do(lambda store: store.runs.find("run")) == _run(
        "run", RunState.COMMITTED, fence=1, ai_state="pending"
    )
    assert bench.do(lambda store: store.runs.all_active()) == []


def test_who_closes_waits_for_another_and_then_finds_it_closed(bench: Bench, beside: ThreadPoolExecutor) -> None:
    bench.open("run")
    bench.lease("run")

    with bench.runs.transaction() as store:
        assert store.runs.close("run", token=1, ledger={})
        second = beside.submit(bench.do, lambda other: other.runs.close("run", token=1, ledger={}))
        bench.wait_for_a_waiter()

    assert second.result() is False


# --- cancelling ---------------------------------------------------------------------------------------


def _link(bench: Bench, request_id: str, status: str) -> None:
    bench.set_request(request_id, status)
    bench.do(lambda store: store.requests.link(request_id=request_id, batch_id="run"))


def test_a_run_whose_requests_are_all_cancelled_ends(bench: Bench) -> None:
    bench.open("run", "a")
    _link(bench, "one", "cancelled")
    _link(bench, "two", "queued")

    assert bench.do(lambda store: store.runs.cancel_unwanted()) == []
    bench.set_request("two", "cancelled")
    assert bench.do(lambda store: store.runs.cancel_unwanted()) == ["run"]
    assert bench.do(lambda store: store.runs.cancel_unwanted()) == []
    assert bench.state("run") == RunState.CANCELLED


def test_a_run_without_requests_is_wanted(bench: Bench) -> None:
    bench.open("run")

    assert bench.do(lambda store: store.runs.cancel_unwanted()) == []


def test_a_run_that_a_message_without_a_request_asked_for_is_wanted(bench: Bench) -> None:
    bench.open("run", "a", bundle="b")
    _link(bench, "one", "cancelled")

    bench.do(lambda store: store.runs.keep("run"))

    assert bench.do(lambda store: store.runs.cancel_unwanted()) == []
    assert bench.do(lambda store: store.runs.find("run")).source == {"bundle": "b", "kept": True}


def test_of_two_who_join_one_waits_for_the_other(bench: Bench, beside: ThreadPoolExecutor) -> None:
    """Each may write the run next: with a lock that both could have, neither could."""
    bench.open("run", "a")

    def join(store: Transaction) -> None:
        store.runs.active(brand_slug="acme", scope="shared", to_join=True)
        store.runs.keep("run")

    with bench.runs.transaction() as store:
        store.runs.active(brand_slug="acme", scope="shared", to_join=True)
        joining = beside.submit(bench.do, join)
        bench.wait_for_a_waiter()
        store.runs.keep("run")

    assert joining.result() is None


def test_a_run_being_committed_is_not_cancelled(bench: Bench) -> None:
    bench.open("run")
    _link(bench, "one", "cancelled")
    bench.lease("run")

    assert bench.do(lambda store: store.runs.cancel_unwanted()) == []


def test_a_run_being_joined_is_not_cancelled(bench: Bench) -> None:
    bench.open("run", "a")
    _link(bench, "one", "cancelled")
    bench.set_request("two", "queued")

    with bench.runs.transaction() as store:
        assert store.runs.active(brand_slug="acme", scope="shared", to_join=True) is not None
        assert bench.do(lambda other: other.runs.cancel_unwanted()) == []
        store.requests.link(request_id="two", batch_id="run")

    assert bench.do(lambda store: store.runs.cancel_unwanted()) == []


def test_who_joins_waits_for_a_cancelling_and_then_finds_no_run(bench: Bench, beside: ThreadPoolExecutor) -> None:
    bench.open("run", "a")
    _link(bench, "one", "cancelled")

    with bench.runs.transaction() as store:
        assert store.runs.cancel_unwanted() == ["run"]
        joining = beside.submit(
            bench.do, lambda other: other.runs.active(brand_slug="acme", scope="shared", to_join=True)
        )
        bench.wait_for_a_waiter()

    assert joining.result() is None


# --- the registry's place -----------------------------------------------------------------------------


def test_each_new_registry_begins_a_higher_epoch(bench: Bench) -> None:
    first, second = bench.new_place(), bench.new_place()

    epoch = first.acquire()
    assert epoch is not None
    assert bench.do(lambda store: store.epoch) == epoch == first.epoch == first.acquire()
    assert second.acquire() is None
    first.release()
    following = second.acquire()
    assert following is not None
    assert following > epoch
    assert bench.do(lambda store: store.epoch) == following
    assert (first.epoch, first.acquire()) == (None, None)


# --- helpers ------------------------------------------------------------------------------------------


def _run(batch_id: str, state: RunState, *, expected: int = 0, fence: int = 0, **changes: Any) -> Run:
    values: dict[str, Any] = {"ai_state": "none", "source": {}} | changes
    return Run(batch_id, "shared", "acme", state, expected, fence, **values)


def _end(store: Any, end: str, *, token: int) -> bool:
    how: dict[str, Callable[[], bool]] = {
        "close": lambda: store.runs.close("run", token=token, ledger={}),
        "abandon": lambda: store.runs.abandon("run", token=token, error="no"),
    }
    return how[end]()


def _file(store: Any) -> None:
    store.dead_letters.file(
        scope="shared", queue="q", message_id="m", body="b", reason="r", batch_id=None, item_id=None
    )
