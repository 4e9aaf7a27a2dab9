"""Request events as they are committed, from whichever process: LISTEN says that there is one, the row says what."""

from __future__ import annotations

import json
import select
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.adapters.postgres.engine import Database
from core.adapters.postgres.request_store import EVENT_CHANNEL, record_event
from core.errors import NotFoundError, RetryableError

_MOST_RESUMED = 1_000  # after a lost connection; older ones are in the requests themselves
_WAIT_SECONDS = 0.5  # how soon a stop is seen
_CHECK_SECONDS = 30.0  # how often a silent connection is tried: a lost network says nothing


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """``body`` has the specification's shape ``{"request_id", "status", "result"}``."""

    event_id: int
    organisation_id: str
    body: Mapping[str, Any]


def announce(database: Database, *, request_id: str, status: str, result: Any = None) -> None:
    """Store an event of a request and tell every hub. Raises NotFoundError."""
    owner = text("SELECT organisation_id FROM request WHERE request_id = :id")
    with database.machinery() as connection:
        organisation = connection.execute(owner, {"id": request_id}).scalar_one_or_none()
        if organisation is None:
            raise NotFoundError("there is no such request")
        record_event(connection, organisation_id=organisation, request_id=request_id, status=status, result=result)


class EventFeed:
    """One listening connection (role worker). ``follow`` again after an error: what came meanwhile is not lost."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last_id: int | None = None
        self._stopped = threading.Event()
        self._checked = 0.0

    def follow(self) -> Iterator[Sequence[RequestEvent]]:
        """Batches of new events until ``stop``; the first batch, maybe empty, says that it listens.

        Raises RetryableError when the connection is lost.
        """
        try:
            with self._listening() as connection:
                yield self._resumed(connection)
                while not self._stopped.is_set():
                    yield self._read(connection, self._announced(connection))
        except (psycopg2.Error, DBAPIError) as error:
            raise RetryableError("the connection that hears of events was lost") from error

    def stop(self) -> None:
        """End ``follow``, from another thread."""
        self._stopped.set()

    @contextmanager
    def _listening(self) -> Iterator[Any]:
        pooled = self._database.worker_engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()  # held for the life of the process: not one of the pool's
        try:
            connection.rollback()
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(EVENT_CHANNEL)))
            yield connection
        finally:
            connection.close()

    def _announced(self, connection: Any) -> list[int]:
        """Wait a moment for notifications; the ids they name."""
        if time.monotonic() - self._checked > _CHECK_SECONDS:
            self._checked = time.monotonic()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        elif select.select([connection], [], [], _WAIT_SECONDS)[0]:
            connection.poll()
        payloads = [notify.payload for notify in connection.notifies]
        connection.notifies.clear()
        return [json.loads(payload)["event_id"] for payload in payloads]

    def _resumed(self, connection: Any) -> list[RequestEvent]:
        if self._last_id is None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT coalesce(max(event_id), 0) FROM event")
                self._last_id = cursor.fetchone()[0]
            return []
        return self._select(connection, "event_id > %s", self._last_id)

    def _read(self, connection: Any, ids: Sequence[int]) -> list[RequestEvent]:
        return self._select(connection, "event_id = ANY(%s)", list(ids)) if ids else []

    def _select(self, connection: Any, condition: str, value: Any) -> list[RequestEvent]:
        statement = f"SELECT event_id, organisation_id, body FROM event WHERE {condition} ORDER BY event_id LIMIT %s"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(statement, (value, _MOST_RESUMED))
            events = [RequestEvent(*row) for row in cursor.fetchall()]
        self._last_id = max([self._last_id or 0, *(event.event_id for event in events)])
        return events
