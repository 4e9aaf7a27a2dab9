"""Who is the registry: an advisory lock on a connection of its own, and an epoch for each holder."""

from __future__ import annotations

import threading
from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from core.adapters.postgres.engine import Database, translated_errors

_LOCK_KEY = 7_202_611_211  # any number of our own: one registry at a time


class PostgresRegistryPlace:
    """Two processes can't both hold it; PostgreSQL frees it when the holder's connection ends."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._connection: Connection | None = None
        self._epoch: int | None = None

    def acquire(self) -> int | None:
        """Take or keep the place: the epoch, or None while another process has it. A lost connection: a new epoch."""
        with self._guard, translated_errors():
            if self._connection is not None and self._is_alive(self._connection):
                return self._epoch
            self._let_go()
            connection = self._database.worker_engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY}).scalar():
                connection.close()
                return None
            self._connection, self._epoch = connection, _next_epoch(connection)
            return self._epoch

    def release(self) -> None:
        """Leave the place: it is free when this returns, where the server can still be told."""
        with self._guard:
            if self._connection is not None:
                with suppress(DBAPIError):  # a closed session frees the lock too, but some moments later
                    self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})
            self._let_go()

    @property
    def epoch(self) -> int | None:
        """Of this holder, None while it isn't one. It may be past: only the store knows."""
        return self._epoch

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


def _next_epoch(connection: Connection) -> int:
    epoch: int = connection.execute(text("UPDATE registry_epoch SET epoch = epoch + 1 RETURNING epoch")).scalar_one()
    return epoch
