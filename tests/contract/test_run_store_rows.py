"""The contract of the RunStore, continued: items, outbox, requests, brands, dead letters."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.domain.media import MediaStatus
from core.domain.run import ItemKind, ItemState, RunState
from core.pipeline.store import Transaction
from tests.contract.run_stores import STORES, Bench, a_result, a_run, an_item, open_bench

OK, FAILED, PENDING = ItemState.OK, ItemState.FAILED, ItemState.PENDING
DEADLINE_SECONDS = 900


@pytest.fixture(params=STORES)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with open_bench(request) as bench:
        yield bench


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Threads for what goes on beside the test's own transaction."""
    with ThreadPoolExecutor(16) as pool:
        yield pool


# --- items --------------------------------------------------------------------------------------------


def test_a_manifest_is_read_in_its_order(bench: Bench) -> None:
    records = [(f"ad {n}", {"n": n, "text": "tab\t\\N"}, ["b", "a"][: n % 3]) for n in range(30, 0, -1)]
    with bench.runs.transaction() as store:
        store.runs.insert(a_run("run", 2))
        store.items.insert_manifest("run", "shared", records, map(an_item, "ab"))

    assert bench.do(lambda store: list(store.items.records("run"))) == records
    assert bench.do(lambda store: store.items.states("run")) == {"a": PENDING, "b": PENDING}
    assert bench.do(lambda store: list(store.items.results("run"))) == []


def test_the_first_result_of_an_item_stands(bench: Bench) -> None:
    bench.open("run", "a", "b")

    assert bench.record("run", "a")
    assert not bench.record("run", "a", FAILED)
    assert bench.do(lambda store: store.items.states("run")) == {"a": OK, "b": PENDING}


def test_of_two_results_at_once_the_first_to_commit_stands(bench: Bench, beside: ThreadPoolExecutor) -> None:
    bench.open("run", "a")

    with bench.runs.transaction() as store:
        assert store.items.record("run", a_result("a"), epoch=store.epoch)
        second = beside.submit(bench.record, "run", "a", FAILED)
        bench.wait_for_a_waiter()

    assert second.result() is False
    assert bench.do(lambda store: store.items.states("run")) == {"a": OK}


def test_a_result_is_read_as_it_was_written(bench: Bench) -> None:
    bench.open("run", "a", "b", "c")
    whole = {"status": MediaStatus.OK, "facts": {"sha256": "f" * 64, "width": 3}, "embedding": b"\x00\xff\\n"}
    failed = {"status": MediaStatus.EXPIRED_URL, "reason": "gone\tsince \\N monday"}

    bench.record("run", "b", FAILED, **failed)
    bench.record("run", "a", OK, **whole)

    found = bench.do(lambda store: list(store.items.results("run")))
    assert found == [a_result("a", OK, **whole), a_result("b", FAILED, **failed)]


@pytest.mark.parametrize("state", [RunState.COMMITTING, RunState.COMMITTED, RunState.CANCELLED])
def test_nothing_is_recorded_in_a_run_that_is_not_open(bench: Bench, state: RunState) -> None:
    bench.set_request("request", "cancelled")
    bench.open("run", "a")
    if state is RunState.CANCELLED:
        bench.do(lambda store: store.requests.link(request_id="request", batch_id="run"))
        bench.do(lambda store: store.runs.cancel_unwanted())
    else:
        bench.record("run", "a")
        bench.commit("run") if state is RunState.COMMITTED else bench.lease("run")

    assert bench.state("run") == state
    assert not bench.record("run", "a", FAILED)
    assert not bench.do(lambda store: store.items.learn("run", an_item("b")))


def test_nothing_is_recorded_by_a_past_registry_or_for_a_stranger(bench: Bench) -> None:
    bench.open("run", "a")
    bench.new_place().acquire()

    past = bench.do(lambda store: store.items.record("run", a_result("a"), epoch=store.epoch - 1))

    assert past is False
    assert not bench.record("run", "stranger")
    assert not bench.record("no run", "a")
    assert bench.record("run", "a")


def test_a_run_learns_as_many_items_as_it_expects(bench: Bench) -> None:
    bench.do(lambda store: store.runs.insert(a_run("run", 2, learns=True)))

    assert [bench.do(lambda store, name=name: store.items.learn("run", an_item(name))) for name in "aabca"] == [
        True,
        True,
        True,
        False,
        True,
    ]
    assert bench.do(lambda store: store.items.states("run")) == {"a": PENDING, "b": PENDING}


def test_the_last_place_is_taken_once(bench: Bench, beside: ThreadPoolExecutor) -> None:
    bench.do(lambda store: store.runs.insert(a_run("run", 1, learns=True)))
    barrier = threading.Barrier(16)

    def learn(number: int) -> bool:
        barrier.wait(10)
        learnt: bool = bench.do(lambda store: store.items.learn("run", an_item(f"item {number}")))
        return learnt

    assert sum(beside.map(learn, range(16))) == 1


def test_failed_media_are_those_that_could_not_be_had(bench: Bench) -> None:
    items = [an_item("c"), an_item("a"), an_item("b"), an_item("text", ItemKind.TEXT)]
    with bench.runs.transaction() as store:
        store.runs.insert(a_run("run", 4))
        store.items.insert_manifest("run", "shared", [], items)
    for name, state in {"c": FAILED, "a": FAILED, "b": OK, "text": FAILED}.items():
        bench.record("run", name, state)

    assert bench.do(lambda store: store.items.failed_media("run")) == [an_item("a"), an_item("c")]


def test_a_cleared_run_keeps_its_items_as_a_tombstone(bench: Bench) -> None:
    with bench.runs.transaction() as store:
        store.runs.insert(a_run("run", 1))
        store.items.insert_manifest("run", "shared", [("ad", {}, ["a"])], [an_item("a")])
    bench.record("run", "a", facts={"width": 1}, embedding=b"1234")

    bench.do(lambda store: store.items.clear("run"))

    assert bench.do(lambda store: list(store.items.records("run"))) == []
    assert bench.do(lambda store: list(store.items.results("run"))) == [a_result("a", facts={"width": 1})]


# --- the deadline -------------------------------------------------------------------------------------


def _close_overdue(bench: Bench) -> int:
    closed: int = bench.do(lambda store: store.items.close_overdue(deadline_seconds=DEADLINE_SECONDS))
    return closed


def test_items_of_a_run_without_progress_fail_at_its_deadline(bench: Bench) -> None:
    bench.open("run", "a", "b")
    bench.record("run", "a")

    bench.let_pass(DEADLINE_SECONDS - 1)
    assert _close_overdue(bench) == 0
    bench.let_pass(2)
    assert [_close_overdue(bench), _close_overdue(bench)] == [1, 0]

    [_, late] = bench.do(lambda store: list(store.items.results("run")))
    assert (late.item_id, late.state, late.status) == ("b", FAILED, MediaStatus.NOT_ATTEMPTED)
    assert late.reason == "no result before the run's deadline"
    assert bench.lease("run") == 1


def test_a_result_is_progress(bench: Bench) -> None:
    bench.open("run", "a", "b")

    bench.let_pass(DEADLINE_SECONDS - 1)
    bench.record("run", "a")
    bench.let_pass(DEADLINE_SECONDS - 1)

    assert _close_overdue(bench) == 0


def test_a_run_behind_an_older_one_that_gets_on_is_not_late(bench: Bench) -> None:
    bench.open("older", "a", "b", brand="older")
    bench.let_pass(1)
    bench.open("younger", "a")

    bench.let_pass(DEADLINE_SECONDS + 1)
    bench.record("older", "a")
    assert _close_overdue(bench) == 0
    bench.let_pass(DEADLINE_SECONDS + 1)
    assert _close_overdue(bench) == 2


def test_a_committed_run_is_in_nobodys_way_once_its_commit_is_old(bench: Bench) -> None:
    bench.open("older", brand="older")
    bench.let_pass(1)
    bench.open("younger", "a")
    bench.let_pass(DEADLINE_SECONDS)
    bench.commit("older")

    bench.let_pass(DEADLINE_SECONDS - 1)
    assert _close_overdue(bench) == 0
    bench.let_pass(2)
    assert _close_overdue(bench) == 1


def test_a_learning_run_expects_no_more_after_its_deadline(bench: Bench) -> None:
    bench.do(lambda store: store.runs.insert(a_run("run", 5, learns=True)))
    bench.do(lambda store: store.items.learn("run", an_item("a")))

    bench.let_pass(DEADLINE_SECONDS + 1)

    assert _close_overdue(bench) == 1
    assert bench.do(lambda store: store.runs.find("run")).expected_count == 1
    assert bench.lease("run") == 1


# --- outbox -------------------------------------------------------------------------------------------


def test_the_oldest_messages_go_first(bench: Bench) -> None:
    assert bench.do(lambda store: store.outbox.add("q", [])) == 0
    assert bench.do(lambda store: store.outbox.add("q", ["1", "2"])) == 2
    assert bench.do(lambda store: store.outbox.add("other", iter(["3"]))) == 1

    with bench.runs.transaction() as store:
        assert [(queue, body) for _, queue, body in store.outbox.take(limit=2)] == [("q", "1"), ("q", "2")]
        assert [(queue, body) for _, queue, body in store.outbox.take(limit=9)][2:] == [("other", "3")]


def test_what_goes_to_a_queue_that_is_away_is_left(bench: Bench) -> None:
    bench.do(lambda store: store.outbox.add("away", ["1", "2"]))
    bench.do(lambda store: store.outbox.add("q", ["3"]))

    with bench.runs.transaction() as store:
        assert [body for _, _, body in store.outbox.take(limit=2, without={"away"})] == ["3"]
        assert [body for _, _, body in store.outbox.take(limit=9, without=set())] == ["1", "2", "3"]


def test_a_second_relay_takes_what_the_first_left(bench: Bench) -> None:
    bench.do(lambda store: store.outbox.add("q", ["1", "2"]))

    with bench.runs.transaction() as store:
        first = store.outbox.take(limit=1)
        second = bench.do(lambda other: other.outbox.take(limit=9))
        store.outbox.delete([number for number, _, _ in first])

    assert [body for _, _, body in first + second] == ["1", "2"]
    assert bench.do(lambda store: store.outbox.take(limit=9)) == second


def test_a_relay_that_dies_lets_go_of_its_messages(bench: Bench) -> None:
    bench.do(lambda store: store.outbox.add("q", ["1"]))

    def die(store: Transaction) -> None:
        store.outbox.delete([number for number, _, _ in store.outbox.take(limit=9)])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bench.do(die)

    assert len(bench.do(lambda store: store.outbox.take(limit=9))) == 1


# --- requests -----------------------------------------------------------------------------------------


def _run_of(bench: Bench, request_id: str, brand: str = "acme") -> str | None:
    run = bench.do(lambda store: store.requests.run_of(request_id, brand_slug=brand, scope="shared"))
    return None if run is None else str(run.batch_id)


def test_a_request_hangs_on_the_newest_of_its_runs_of_the_brand(bench: Bench) -> None:
    bench.set_request("request", "queued")
    for name in ("first", "second", "elsewhere"):
        bench.open(name, brand="other" if name == "elsewhere" else "acme")
        for _ in range(2):
            bench.do(lambda store, name=name: store.requests.link(request_id="request", batch_id=name))
        bench.commit(name)
        bench.let_pass(1)

    assert _run_of(bench, "request") == "second"
    assert _run_of(bench, "request", "other") == "elsewhere"
    assert _run_of(bench, "stranger") is None


def test_a_request_nobody_stored_hangs_on_nothing_and_is_wanted(bench: Bench) -> None:
    bench.open("run")

    bench.do(lambda store: store.requests.link(request_id="stranger", batch_id="run"))

    assert _run_of(bench, "stranger") is None
    assert bench.do(lambda store: store.requests.is_wanted("stranger"))


def test_a_cancelled_request_is_not_wanted(bench: Bench) -> None:
    bench.set_request("request", "processing")
    assert bench.do(lambda store: store.requests.is_wanted("request"))
    bench.set_request("request", "cancelled")
    assert not bench.do(lambda store: store.requests.is_wanted("request"))


# --- brands -------------------------------------------------------------------------------------------


def _resolve(bench: Bench, name: str, *aliases: str, scope: str = "shared") -> str:
    slug: str = bench.do(lambda store: store.brands.resolve(scope=scope, name=name, aliases=aliases), scope)
    return slug


def _find(bench: Bench, name: str, scope: str = "shared") -> str | None:
    slug: str | None = bench.do(lambda store: store.brands.find(scope=scope, name=name), scope)
    return slug


def test_a_brand_is_found_by_any_of_its_names(bench: Bench) -> None:
    assert _find(bench, "Bright Cup") is None
    assert _resolve(bench, "Bright Cup", "ブライトカップ") == "bright-cup"

    names = ("bright cup", "BRIGHT-CUP", "bright-cup", "ブライトカップ")
    assert [_find(bench, name) for name in names] == ["bright-cup"] * 4
    assert _resolve(bench, "brightcup", "BC") == _find(bench, "bc") == "bright-cup"


def test_two_names_with_the_same_letters_are_two_brands(bench: Bench) -> None:
    assert [_resolve(bench, name) for name in ("Müller", "Mûller", "Mũller")] == ["muller", "muller-2", "muller-3"]


def test_a_private_brand_is_not_met_by_others(bench: Bench) -> None:
    assert _resolve(bench, "Acme") == "acme"
    assert _resolve(bench, "Acme", "our client", scope="local") == "acme"

    assert _find(bench, "our client", "local") == "acme"
    assert _find(bench, "our client") is None


def test_a_brand_resolved_by_sixteen_at_once_is_one(bench: Bench, beside: ThreadPoolExecutor) -> None:
    barrier = threading.Barrier(16)

    def resolve(_: int) -> str:
        barrier.wait(10)
        return _resolve(bench, "Acme")

    assert set(beside.map(resolve, range(16))) == {"acme"}


# --- dead letters -------------------------------------------------------------------------------------


def test_a_dead_letter_is_filed_once_per_message_of_a_queue(bench: Bench) -> None:
    def file(queue: str, message_id: str, reason: str) -> None:
        bench.do(
            lambda store: store.dead_letters.file(
                scope="shared",
                queue=queue,
                message_id=message_id,
                body="{}",
                reason=reason,
                batch_id="run",
                item_id=None,
            )
        )

    for queue, message_id, reason in [("q", "1", "first"), ("q", "1", "again"), ("q", "2", "x"), ("other", "1", "y")]:
        file(queue, message_id, reason)

    assert bench.dead_letters() == [("other", "1", "y"), ("q", "1", "first"), ("q", "2", "x")]
