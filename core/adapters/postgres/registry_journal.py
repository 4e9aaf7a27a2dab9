"""The registry's store: an advisory lock on a connection of its own, an epoch on every write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.adapters.postgres.engine import Database, translated_errors
from core.adapters.postgres.run_store import (
    RunRow,
    active_run,
    active_runs,
    find_run,
    grant_lease,
    insert_run,
    item_states,
    learn_item,
    next_epoch,
    record_result,
    results_of,
)
from core.domain.identity import identity
from core.domain.run import Item, ItemResult, RunSnapshot
from core.errors import UnavailableError

_LOCK_KEY = 7_202_611_211  # any number of our own: one registry at a time


class PostgresJournal:
    """Runs and items for the registry. Two processes can't both hold it; a past holder can't write."""

    def __init__(self, database: Database, *, lease_seconds: int) -> None:
        self._database = database
        self._lease_seconds = lease_seconds
        self._guard = threading.Lock()
        self._connection: Connection | None = None
        self._epoch: int | None = None

    def acquire(self) -> int | None:
        """Try to become the registry: the epoch, or None while another process is. A lost connection is a new epoch."""
        with self._guard, translated_errors():
            if self._connection is not None and self._is_alive(self._connection):
                return self._epoch
            self._let_go()
            connection = self._database.worker_engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY}).scalar():
                connection.close()
                return None
            self._connection, self._epoch = connection, next_epoch(connection)
            return self._epoch

    def release(self) -> None:
        """Stop being the registry."""
        with self._guard:
            self._let_go()

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # closing the session is what frees the lock
            self._connection.close()
        self._connection, self._epoch = None, None

    @staticmethod
    def _is_alive(connection: Connection) -> bool:
        try:
            connection.execute(text("SELECT 1"))
        except DBAPIError:
            return False
        return True

    @property
    def epoch(self) -> int:
        """Of this holder. Raises UnavailableError when this process isn't the registry."""
        if self._epoch is None:
            raise UnavailableError("this process isn't the registry", retry_after_seconds=1)
        return self._epoch

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction of the current registry. Raises UnavailableError in a past one.

        Between the check and the write a newer epoch may begin: what both could write is safe in the store itself
        (a lease is one row, an active run is unique, the run is locked while it learns).
        """
        with self._database.machinery() as connection:
            self._check_epoch(connection)
            yield connection

    def _check_epoch(self, connection: Connection) -> None:
        if connection.execute(text("SELECT epoch FROM registry_epoch")).scalar_one() != self.epoch:
            raise UnavailableError("another registry has begun a newer epoch", retry_after_seconds=1)

    def active(self) -> list[RunSnapshot]:
        """Every active run with its items' states."""
        with self._database.machinery() as connection:
            return [_snapshot(connection, run) for run in active_runs(connection)]

    def find(self, batch_id: str) -> RunSnapshot | None:
        """One run with its items' states."""
        with self._database.machinery() as connection:
            run = find_run(connection, batch_id=batch_id)
            return None if run is None else _snapshot(connection, run)

    def find_active(self, brand: str, scope: str) -> RunSnapshot | None:
        """The active run of (brand, scope) with its items' states."""
        with self._database.machinery() as connection:
            run = active_run(connection, brand_slug=brand, scope=scope)
            return None if run is None else _snapshot(connection, run)

    def open_learning(self, brand: str, scope: str, expected_count: int) -> RunSnapshot:
        """Open a run without a manifest, within this epoch."""
        with self._writing() as connection:
            started = connection.execute(text("SELECT clock_timestamp()")).scalar_one().isoformat()
            batch_id = identity("learning", scope, brand, started, str(self.epoch))
            insert_run(
                connection,
                batch_id=batch_id,
                scope=scope,
                brand_slug=brand,
                expected_count=expected_count,
                gather_key=batch_id,
                source={"learns": True},
            )
            run = find_run(connection, batch_id=batch_id)
            assert run is not None
            return _snapshot(connection, run)

    def learn(self, batch_id: str, item: Item) -> bool:
        """Add an item to a run that learns, within this epoch."""
        with self._writing() as connection:
            return learn_item(connection, batch_id, item)

    def record(self, batch_id: str, result: ItemResult) -> bool:
        """Write the first result. Raises UnavailableError when a newer registry has begun."""
        epoch = self.epoch
        with self._database.machinery() as connection:
            written = record_result(connection, batch_id, result, epoch=epoch)
            if not written:
                self._check_epoch(connection)
        return written

    def grant_lease(self, batch_id: str) -> int | None:
        """The fencing token of a new lease."""
        with self._writing() as connection:
            return grant_lease(connection, batch_id, lease_seconds=self._lease_seconds)

    def results(self, batch_id: str) -> Iterator[ItemResult]:
        """The results so far, streamed."""
        with self._database.machinery() as connection:
            yield from results_of(connection, batch_id)


def _snapshot(connection: Connection, run: RunRow) -> RunSnapshot:
    return RunSnapshot(
        batch_id=run.batch_id,
        brand=run.brand_slug,
        scope=run.scope,
        state=run.state,
        expected_count=run.expected_count,
        learns=bool(run.source.get("learns")),
        items=item_states(connection, run.batch_id),
    )
