"""The contract of the registry's Journal, over PostgreSQL's and the one in memory that the registry's tests use."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.registry_place import PostgresRegistryPlace
from core.adapters.postgres.run_store import PostgresRunStore
from core.domain.media import MediaStatus
from core.domain.run import Item, ItemKind, ItemResult, ItemState, RunState
from core.errors import ConflictError, UnavailableError
from core.pipeline.journal import RunJournal
from core.pipeline.store import NewRun
from registry.active_brands import Journal
from tests.fakes.memory_journal import LEASE_SECONDS, MemoryJournal, MemoryStore, MovableClock

OK, FAILED = ItemState.OK, ItemState.FAILED


def an_item(item_id: str) -> Item:
    return Item(item_id, ItemKind.MEDIA, "image", f"https://example.com/{item_id}.png")


def a_result(item_id: str, state: ItemState = OK, **changes: Any) -> ItemResult:
    return ItemResult(item_id, an_item(item_id).url, state, **changes)


@dataclass
class Store:
    """What a test does to a store besides using a journal of it."""

    new_journal: Callable[[], Any]
    open_run: Callable[..., None]
    end_run: Callable[[str], None]
    lose_connection: Callable[[Any], None]
    let_leases_lapse: Callable[[], None]


def _memory() -> Store:
    clock = MovableClock()
    store = MemoryStore(clock)
    return Store(
        lambda: MemoryJournal(store),
        store.open_run,
        store.end_run,
        MemoryJournal.lose_connection,
        lambda: clock.advance(LEASE_SECONDS + 1),
    )


class _Postgres:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.journals: list[RunJournal] = []

    def new_journal(self) -> RunJournal:
        place = PostgresRegistryPlace(self._database)
        self.journals.append(RunJournal(PostgresRunStore(self._database), place, LEASE_SECONDS))
        return self.journals[-1]

    def open_run(self, batch_id: str, items: list[str], *, brand: str = "acme", scope: str = "shared") -> None:
        with PostgresRunStore(self._database).transaction() as store:
            store.runs.insert(NewRun(batch_id, scope, brand, len(items), batch_id, {}))
            store.items.insert_manifest(batch_id, scope, [], map(an_item, items))

    def end_run(self, batch_id: str) -> None:
        self._execute("UPDATE run SET state = 'committed' WHERE batch_id = :batch", batch=batch_id)

    def let_leases_lapse(self) -> None:
        self._execute("UPDATE run SET lease_until = now() - interval '1 second' WHERE state = 'committing'")

    def lose_connection(self, _: RunJournal) -> None:
        self._execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted")

    def _execute(self, statement: str, **values: Any) -> None:
        with self._database.machinery() as connection:
            connection.execute(text(statement), values)


@pytest.fixture(params=["memory", "postgres"])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield _memory()
        return
    postgres = _Postgres(request.getfixturevalue("database"))
    yield Store(
        postgres.new_journal,
        postgres.open_run,
        postgres.end_run,
        postgres.lose_connection,
        postgres.let_leases_lapse,
    )
    for journal in postgres.journals:
        journal.release()


@pytest.fixture
def journal(store: Store) -> Journal:
    journal: Journal = store.new_journal()
    journal.acquire()
    return journal


def test_only_one_of_two_journals_is_the_registry(store: Store) -> None:
    first, second = store.new_journal(), store.new_journal()

    epoch = first.acquire()

    assert epoch is not None
    assert second.acquire() is None
    assert first.acquire() == epoch  # it stays what it is


def test_the_place_passes_on_in_a_new_epoch(store: Store) -> None:
    first, second = store.new_journal(), store.new_journal()
    epoch = first.acquire()

    first.release()

    assert second.acquire() > epoch
    assert first.acquire() is None


def test_a_lost_connection_begins_a_new_epoch(store: Store) -> None:
    journal = store.new_journal()
    epoch = journal.acquire()

    store.lose_connection(journal)

    assert journal.acquire() > epoch


@pytest.mark.parametrize(
    "write",
    [
        lambda journal: journal.record("run", a_result("a")),
        lambda journal: journal.grant_lease("empty"),
        lambda journal: journal.open_learning("other", "shared", 1),
        lambda journal: journal.learn("run", an_item("b")),
    ],
    ids=["record", "grant_lease", "open_learning", "learn"],
)
def test_a_past_holder_can_not_write(store: Store, write: Callable[[Journal], Any]) -> None:
    store.open_run("run", ["a"])
    store.open_run("empty", [], brand="empty")
    past, present = store.new_journal(), store.new_journal()
    past.acquire()
    store.lose_connection(past)
    present.acquire()

    with pytest.raises(UnavailableError):
        write(past)

    assert write(present) is not None


def test_who_never_held_the_place_can_not_write(store: Store) -> None:
    store.open_run("run", ["a"])

    with pytest.raises(UnavailableError):
        store.new_journal().record("run", a_result("a"))


def test_the_first_result_of_an_item_stands(store: Store, journal: Journal) -> None:
    store.open_run("run", ["a", "b"])

    assert journal.record("run", a_result("a"))
    assert not journal.record("run", a_result("a", FAILED))

    found = journal.find("run")
    assert found is not None
    assert found.items == {"a": OK, "b": ItemState.PENDING}


def test_a_result_is_read_as_it_was_written(store: Store, journal: Journal) -> None:
    store.open_run("run", ["a", "b"])
    facts = {"sha256": "f" * 64, "width": 3}
    whole = a_result("a", status=MediaStatus.OK, facts=facts, embedding=b"\x00\x01\xff\\n")
    failed = a_result("b", FAILED, status=MediaStatus.EXPIRED_URL, reason="gone\tsince \\N monday")

    journal.record("run", whole)
    journal.record("run", failed)

    assert sorted(journal.results("run"), key=lambda result: result.item_id) == [whole, failed]


def test_a_result_of_an_unknown_item_is_not_written(store: Store, journal: Journal) -> None:
    store.open_run("run", ["a"])

    assert not journal.record("run", a_result("stranger"))


def test_nothing_is_written_to_a_run_that_is_over(store: Store, journal: Journal) -> None:
    store.open_run("run", ["a"])
    store.end_run("run")

    assert not journal.record("run", a_result("a"))
    assert not journal.learn("run", an_item("b"))
    assert journal.grant_lease("run") is None


def test_no_lease_before_the_last_result(store: Store, journal: Journal) -> None:
    store.open_run("run", ["a", "b"])

    journal.record("run", a_result("a"))
    assert journal.grant_lease("run") is None

    journal.record("run", a_result("b", FAILED))
    assert journal.grant_lease("run") == 1


def test_one_lease_at_a_time_and_a_higher_token_after_it(store: Store, journal: Journal) -> None:
    store.open_run("run", [])

    assert [journal.grant_lease("run") for _ in range(3)] == [1, None, None]
    store.let_leases_lapse()
    assert [journal.grant_lease("run") for _ in range(2)] == [2, None]


def test_sixteen_who_ask_at_once_get_one_lease(store: Store, journal: Journal) -> None:
    store.open_run("run", [])
    barrier = threading.Barrier(16)

    def ask(_: int) -> int | None:
        barrier.wait(10)
        return journal.grant_lease("run")

    with ThreadPoolExecutor(16) as pool:
        assert sorted(token for token in pool.map(ask, range(16)) if token) == [1]


def test_a_learning_run_takes_as_many_items_as_it_expects(journal: Journal) -> None:
    run = journal.open_learning("acme", "shared", 2)

    assert [journal.learn(run.batch_id, an_item(name)) for name in "aab"] == [True, True, True]
    assert not journal.learn(run.batch_id, an_item("c"))
    assert journal.learn(run.batch_id, an_item("a"))  # it is there already


def test_the_last_place_is_taken_once(journal: Journal) -> None:
    for brand in "abcde":
        run = journal.open_learning(brand, "shared", 1)
        barrier = threading.Barrier(16)

        def learn(name: str, batch_id: str = run.batch_id, barrier: threading.Barrier = barrier) -> bool:
            barrier.wait(10)
            return journal.learn(batch_id, an_item(name))

        with ThreadPoolExecutor(16) as pool:
            assert sum(pool.map(learn, "abcdefghijklmnop")) == 1


def test_a_brand_has_one_active_run_a_scope(store: Store, journal: Journal) -> None:
    store.open_run("run", ["a"])

    with pytest.raises(ConflictError):
        journal.open_learning("acme", "shared", 1)

    assert journal.open_learning("acme", "ours", 1).scope == "ours"
    store.end_run("run")
    assert journal.open_learning("acme", "shared", 1).state is RunState.OPEN


def test_active_runs_are_those_that_are_not_over(store: Store, journal: Journal) -> None:
    store.open_run("open", ["a"])
    store.open_run("over", ["a"], brand="other")
    store.end_run("over")

    assert [run.batch_id for run in journal.active()] == ["open"]
    assert journal.find_active("other", "shared") is None
    assert journal.find_active("acme", "ours") is None
    over, unknown = journal.find("over"), journal.find("unknown")
    assert over is not None
    assert over.state is RunState.COMMITTED
    assert unknown is None
