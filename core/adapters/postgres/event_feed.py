"""Request events as they are committed, from whichever process: LISTEN says that there is news, the rows say what."""

from __future__ import annotations

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

_BATCH = 500  # events read at once
_WAIT_SECONDS = 0.5  # how soon a stop is seen
_CHECK_SECONDS = 30.0  # how often a silent connection is tried: a lost network says nothing
_NEW = """
    SELECT e.event_id, e.organisation_id, e.body,
           ARRAY(SELECT b.brandspace_id FROM request_brandspace b WHERE b.request_id = e.request_id)
    FROM event e WHERE e.event_id > %s ORDER BY e.event_id LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """``body`` has the specification's shape ``{"request_id", "status", "result"}``; the brandspaces are those that the
    request concerns."""

    event_id: int
    organisation_id: str
    body: Mapping[str, Any]
    brandspaces: Sequence[str] = ()


def announce(database: Database, *, request_id: str, status: str, result: Any = None) -> None:
    """Store an event of a request and tell every hub. Raises NotFoundError."""
    owner = text("SELECT organisation_id FROM request WHERE request_id = :id")
    with database.machinery() as connection:
        organisation = connection.execute(owner, {"id": request_id}).scalar_one_or_none()
        if organisation is None:
            raise NotFoundError("there is no such request")
        record_event(connection, organisation_id=organisation, request_id=request_id, status=status, result=result)


class EventFeed:
    """One listening connection (role worker). ``follow`` again after an error: what came meanwhile is not lost.

    Ids have the order of commits, so that whatever is new has a greater one than whatever was read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._last_id: int | None = None
        self._stopped = threading.Event()

    def follow(self) -> Iterator[Sequence[RequestEvent]]:
        """Batches of new events until ``stop``; the first batch, maybe empty, says that it listens.

        Raises RetryableError when the connection is lost.
        """
        try:
            with self._listening() as connection:
                while not self._stopped.is_set():
                    events = self._read(connection)
                    yield events
                    if len(events) < _BATCH:
                        self._wait(connection)
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

    def _wait(self, connection: Any) -> None:
        """Until there is news, it is time to try the connection, or somebody stops us."""
        deadline = time.monotonic() + _CHECK_SECONDS
        while not (connection.notifies or self._stopped.is_set() or time.monotonic() > deadline):
            if select.select([connection], [], [], _WAIT_SECONDS)[0]:
                connection.poll()
        connection.notifies.clear()

    def _read(self, connection: Any) -> list[RequestEvent]:
        with connection.cursor() as cursor:
            if self._last_id is None:
                cursor.execute("SELECT coalesce(max(event_id), 0) FROM event")
                self._last_id = cursor.fetchone()[0]
            cursor.execute(_NEW, (self._last_id, _BATCH))
            events = [RequestEvent(*row) for row in cursor.fetchall()]
        if events:
            self._last_id = events[-1].event_id
        return events
