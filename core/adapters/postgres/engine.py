"""Connections by role. Nothing reads or writes a scoped row without saying for whom.

``reader``/``writer`` speak for a principal (role app), ``worker`` for a scope (role worker), ``machinery`` for the
pipeline itself, ``operator`` calls the SECURITY DEFINER functions. Row-level security stands behind each.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from core.domain.principal import Principal
from core.errors import RetryableError, UnavailableError

__all__ = ["Connection", "Database", "DatabaseUrls"]  # the pipeline hands connections on without SQLAlchemy

# Who is cut off without a word (a lost route, a failed-over server) learns of it within half a minute.
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
_SET_SCOPE = text("SELECT set_config('app.scope', :scope, true)")
_FRESH_SECONDS = 1.0  # a connection that lay no longer is taken to be alive


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One URL per role."""

    app: URL
    worker: URL
    operator: URL

    @classmethod
    def parse(cls, app: str, worker: str, operator: str) -> DatabaseUrls:
        """From the text of three URLs, passwords included."""
        return cls(make_url(app), make_url(worker), make_url(operator))


class Database:
    """The engines of one process, made when first used (a forked child must make its own)."""

    def __init__(self, urls: DatabaseUrls, *, pool_size: int = 20, idle_seconds: float = 60.0) -> None:
        """The server ends a transaction without a statement for ``idle_seconds``: its process was suspended or lost,
        and everybody else would wait for its locks until it wakes."""
        self._urls = urls
        self._pool_size = pool_size
        self._options = f"-c idle_in_transaction_session_timeout={round(idle_seconds * 1000)}"
        self._joined: ContextVar[tuple[str, Connection] | None] = ContextVar("joined", default=None)

    def _engine(self, url: URL, *, pool_size: int, read_only: bool = False) -> Engine:
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            hide_parameters=True,  # an error's text is logged and stored: no ad of anybody's may stand in it
            connect_args={
                "connect_timeout": 10,
                **_KEEPALIVE,
                "application_name": f"{url.username}-{os.getpid()}",
                "options": self._options + (" -c default_transaction_read_only=on" if read_only else ""),
            },
        )
        _ping_when_idle(engine)
        return engine

    @cached_property
    def app_engine(self) -> Engine:
        """Role app: what pages and API write, and the doors."""
        return self._engine(self._urls.app, pool_size=self._pool_size)

    @cached_property
    def reading_engine(self) -> Engine:
        """Role app: what pages and API read. Read-only from the start: no transaction has to say so."""
        return self._engine(self._urls.app, pool_size=self._pool_size, read_only=True)

    @cached_property
    def worker_engine(self) -> Engine:
        """Role worker: the pipeline, the registry and the embedded queue."""
        return self._engine(self._urls.worker, pool_size=self._pool_size)

    @cached_property
    def operator_engine(self) -> Engine:
        """Role operator: figures over all tenants."""
        return self._engine(self._urls.operator, pool_size=2)

    @contextmanager
    def reader(self, principal: Principal) -> Iterator[Connection]:
        """A read-only transaction that sees ``shared`` and the principal's organisation."""
        joined = self._joined.get()
        if joined is not None and joined[0] == principal.scope:
            yield joined[1]
            return
        with translated_errors(), self.reading_engine.begin() as connection:
            connection.execute(_SET_SCOPE, {"scope": principal.scope})
            yield connection

    @contextmanager
    def writer(self, principal: Principal) -> Iterator[Connection]:
        """A transaction that writes rows of the principal's organisation."""
        joined = self._joined.get()
        if joined is not None and joined[0] == principal.scope:
            with joined[1].begin_nested():
                yield joined[1]
            return
        with translated_errors(), self.app_engine.begin() as connection:
            connection.execute(_SET_SCOPE, {"scope": principal.scope})
            yield connection

    @contextmanager
    def together(self, principal: Principal) -> Iterator[Connection]:
        """One transaction: whatever this thread reads and writes for the principal inside joins it."""
        with self.writer(principal) as connection, self._joining(principal, connection):
            yield connection

    @contextmanager
    def snapshot(self, principal: Principal) -> Iterator[None]:
        """Whatever this thread reads for the principal inside is as of one moment. Nothing can be written."""
        engine = self.reading_engine.execution_options(isolation_level="REPEATABLE READ")
        with translated_errors(), engine.begin() as connection:
            connection.execute(_SET_SCOPE, {"scope": principal.scope})
            with self._joining(principal, connection):
                yield

    @contextmanager
    def anonymous(self) -> Iterator[Connection]:
        """A transaction (role app) for nobody: it sees no row, and may knock at the doors that tell who somebody is."""
        with translated_errors(), self.app_engine.begin() as connection:
            yield connection

    @contextmanager
    def _joining(self, principal: Principal, connection: Connection) -> Iterator[None]:
        token = self._joined.set((principal.scope, connection))
        try:
            yield
        finally:
            self._joined.reset(token)

    @contextmanager
    def worker(self, scope: str) -> Iterator[Connection]:
        """A worker's transaction for one scope: reads it and ``shared``, writes it only."""
        with translated_errors(), self.worker_engine.begin() as connection:
            connection.execute(_SET_SCOPE, {"scope": scope})
            yield connection

    @contextmanager
    def machinery(self) -> Iterator[Connection]:
        """A worker's transaction on runs, items, outbox and requests; sees no ad."""
        with translated_errors(), self.worker_engine.begin() as connection:
            yield connection

    @contextmanager
    def operator(self, *, writes: bool = False) -> Iterator[Connection]:
        """A transaction that may only call the operator functions; those that change something with ``writes``."""
        begin = self.operator_engine.begin if writes else lambda: self._read_only(self.operator_engine)
        with translated_errors(), begin() as connection:
            yield connection

    @staticmethod
    @contextmanager
    def _read_only(engine: Engine) -> Iterator[Connection]:
        with engine.connect().execution_options(postgresql_readonly=True) as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        """Close every pooled connection."""
        for name in ("app_engine", "reading_engine", "worker_engine", "operator_engine"):
            engine = self.__dict__.pop(name, None)
            if engine is not None:
                engine.dispose()


def _ping_when_idle(engine: Engine) -> None:
    """A connection that lay for a second is asked whether it still leads anywhere; if not, the pool is made anew.

    Asking at each use costs as much as many an answer. A server that goes away in between costs the calls of that
    second a RetryableError.
    """

    def rest(_: Any, record: ConnectionPoolEntry) -> None:
        record.info["since"] = time.monotonic()

    def wake(connection: Any, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        if "since" not in record.info or time.monotonic() - record.info["since"] < _FRESH_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("the connection was lost while nobody used it") from error

    event.listen(engine, "checkin", rest)
    event.listen(engine, "checkout", wake)


@contextmanager
def translated_errors() -> Iterator[None]:
    """An unreachable or lost server is a RetryableError, an empty pool an UnavailableError.

    Errors of ours in SQL stay what they are.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise UnavailableError("every database connection is in use; try again") from error
    except OperationalError as error:
        raise RetryableError(f"PostgreSQL did not answer: {type(error.orig).__name__}; try again") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise RetryableError("the connection to PostgreSQL was lost; try again") from error
        raise
