"""The run stores under contract, and what a test does to one besides using its port."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.registry_place import PostgresRegistryPlace
from core.adapters.postgres.run_store import PostgresRunStore
from core.domain.run import Item, ItemKind, ItemResult, ItemState
from core.pipeline.journal import RegistryPlace
from core.pipeline.store import NewRun, RunStore
from tests.fakes.memory_journal import MovableClock
from tests.fakes.memory_run_store import MemoryRegistryPlace, MemoryRunStore

STORES = ("memory", "postgres")
_PATIENCE_SECONDS = 20
_TIMES = ("created_at", "last_progress_at", "lease_until", "committed_at", "ai_lease_until")


@dataclass(frozen=True)
class Bench:
    """A store, its clock, and the tables that others write."""

    runs: RunStore
    new_place: Callable[[], RegistryPlace]
    let_pass: Callable[[float], None]
    set_request: Callable[[str, str], None]
    dead_letters: Callable[[], list[tuple[str, str, str]]]  # (queue, message_id, reason)
    somebody_waits: Callable[[], bool]

    def do(self, statement: Callable[[Any], Any], scope: str | None = None) -> Any:
        """One statement in a transaction of its own."""
        with self.runs.transaction(scope) as store:
            return statement(store)

    def open(self, batch_id: str, *items: str, brand: str = "acme", **changes: Any) -> None:
        """A run with its manifest, as gather leaves it."""
        with self.runs.transaction() as store:
            store.runs.insert(a_run(batch_id, len(items), brand=brand, **changes))
            store.items.insert_manifest(batch_id, "shared", [], map(an_item, items))

    def lease(self, batch_id: str, *, seconds: float = 60) -> int | None:
        """Ask for the right to commit."""
        token: int | None = self.do(lambda store: store.leases.grant(batch_id, lease_seconds=seconds))
        return token

    def commit(self, batch_id: str) -> None:
        """Take an empty or complete run to its end."""
        token = self.lease(batch_id)
        assert self.do(lambda store: store.runs.close(batch_id, token=token, ledger={"ads": 1}))

    def record(self, batch_id: str, item_id: str, state: ItemState = ItemState.OK, **changes: Any) -> bool:
        """Write a result in the newest epoch."""
        result = a_result(item_id, state, **changes)
        written: bool = self.do(lambda store: store.items.record(batch_id, result, epoch=store.epoch))
        return written

    def state(self, batch_id: str) -> str:
        """Of a run."""
        return str(self.do(lambda store: store.runs.find(batch_id)).state)

    def wait_for_a_waiter(self) -> None:
        """Return when another transaction waits for a lock."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while not self.somebody_waits():
            assert time.monotonic() < until, "nobody waits"
            time.sleep(0.002)


def a_run(batch_id: str, expected: int = 0, *, brand: str = "acme", key: str = "", **source: Any) -> NewRun:
    return NewRun(batch_id, "shared", brand, expected, key or f"key of {batch_id}", source)


def an_item(item_id: str, kind: ItemKind = ItemKind.MEDIA) -> Item:
    return Item(item_id, kind, "image" if kind is ItemKind.MEDIA else "text", f"https://example.com/{item_id}.png")


def a_result(item_id: str, state: ItemState = ItemState.OK, **changes: Any) -> ItemResult:
    return ItemResult(item_id, an_item(item_id).url, state, **changes)


@contextmanager
def open_bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The bench that a parametrised fixture asks for."""
    if request.param == "memory":
        yield _memory()
        return
    postgres = _Postgres(request.getfixturevalue("database"))
    yield postgres.bench()
    for place in postgres.places:
        place.release()


def _memory() -> Bench:
    clock = MovableClock()
    store = MemoryRunStore(clock)
    return Bench(
        store,
        lambda: MemoryRegistryPlace(store),
        clock.advance,
        lambda request_id, status: store.add_request(request_id, status=status),
        lambda: sorted((*key, row["reason"]) for key, row in store.tables["dead_letter"].items()),
        lambda: store.somebody_waits,
    )


class _Postgres:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.places: list[PostgresRegistryPlace] = []

    def bench(self) -> Bench:
        return Bench(
            PostgresRunStore(self._database),
            self._new_place,
            self._let_pass,
            self._set_request,
            self._dead_letters,
            self._somebody_waits,
        )

    def _new_place(self) -> PostgresRegistryPlace:
        self.places.append(PostgresRegistryPlace(self._database))
        return self.places[-1]

    def _let_pass(self, seconds: float) -> None:
        """What lies in the past lies further back."""
        moved = ", ".join(f"{name} = {name} - make_interval(secs => :seconds)" for name in _TIMES)
        self._execute(f"UPDATE run SET {moved}", seconds=seconds)

    def _set_request(self, request_id: str, status: str) -> None:
        self._execute(
            "INSERT INTO request (request_id, organisation_id, kind, status) VALUES (:id, 'local', 'ingest', :status)"
            " ON CONFLICT (request_id) DO UPDATE SET status = :status",
            id=request_id,
            status=status,
        )

    def _dead_letters(self) -> list[tuple[str, str, str]]:
        rows = self._execute("SELECT queue, message_id, reason FROM dead_letter ORDER BY queue, message_id")
        return [tuple(row) for row in rows]

    def _somebody_waits(self) -> bool:
        return bool(self._execute("SELECT 1 FROM pg_locks WHERE NOT granted"))

    def _execute(self, statement: str, **values: Any) -> list[Any]:
        with self._database.machinery() as connection:
            result = connection.execute(text(statement), values)
            return list(result) if result.returns_rows else []
