"""The run store as a process of the simulation reaches it: every call may be the last, and a COMMIT may go astray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from core.errors import RetryableError
from tests.fakes.memory_run_store import MemoryRegistryPlace, MemoryRunStore, MemoryTransaction
from tests.faults.simulation.knobs import Knobs
from tests.faults.simulation.scheduler import Process, ProcessDiedError, Scheduler

_LATE_SECONDS = 3.0  # a server goes on with a COMMIT, or notices that its client is gone


@dataclass
class Database:
    """The one store, and who waits on what."""

    scheduler: Scheduler
    knobs: Knobs
    store: MemoryRunStore
    server: Process
    is_hostile: bool = True

    def chance(self, probability: float) -> bool:
        """While the faults last."""
        return self.is_hostile and self.scheduler.chance(probability)

    def later(self, what: str, action: Callable[[], None]) -> None:
        """Something the server does by itself after a while."""

        def wait_and_act() -> None:
            self.scheduler.pause(self.scheduler.random.random() * _LATE_SECONDS)
            self.scheduler.say("postgres", what)
            action()

        self.scheduler.spawn(self.server, what, wait_and_act)


@dataclass(frozen=True)
class SimulatedStore:
    """A RunStore over the connections of one process."""

    database: Database
    process: Process

    @contextmanager
    def transaction(self, scope: str | None = None) -> Iterator[Any]:
        """As the store's own, but that its answers may be lost."""
        database, scheduler = self.database, self.database.scheduler
        scheduler.step("begin")
        if database.chance(database.knobs.store_away):
            raise RetryableError("PostgreSQL did not answer")
        transaction = database.store.begin()
        try:
            yield _Calls(self, transaction)
            if transaction.writes or transaction.connection:
                scheduler.step("commit")
        except ProcessDiedError:  # the server hears of it when it next looks at the socket
            database.later("roll back for a dead client", transaction.roll_back)
            raise
        except BaseException:
            transaction.roll_back()
            raise
        self._commit(transaction)

    def _commit(self, transaction: MemoryTransaction) -> None:
        database, scheduler, knobs = self.database, self.database.scheduler, self.database.knobs
        if not transaction.writes and not transaction.connection:
            transaction.commit()
            return
        if database.chance(knobs.commit_lost):
            transaction.roll_back()
            scheduler.say("postgres", "lost before COMMIT")
            raise RetryableError("the connection was lost")
        if database.chance(knobs.commit_late):
            database.later("a late COMMIT", transaction.commit)
            raise RetryableError("the connection was lost during COMMIT")
        transaction.commit()
        scheduler.step("committed")
        if database.chance(knobs.commit_unknown):
            scheduler.say("postgres", "COMMIT done, answer lost")
            raise RetryableError("the connection was lost during COMMIT")


class _Calls:
    """A transaction of which every call is a switch point."""

    def __init__(self, store: SimulatedStore, transaction: MemoryTransaction) -> None:
        self._store, self._transaction = store, transaction

    def __getattr__(self, noun: str) -> Any:
        if noun == "connection":
            return self._transaction.connection
        if noun == "epoch":
            self._before("epoch")
            return self._transaction.epoch
        return _Noun(self, noun, getattr(self._transaction, noun))

    def _before(self, what: str) -> None:
        database = self._store.database
        database.scheduler.step(what)
        if database.chance(database.knobs.store_away):
            raise RetryableError("the connection to PostgreSQL was lost")


class _Noun:
    """One noun of it."""

    def __init__(self, calls: _Calls, name: str, noun: Any) -> None:
        self._calls, self._name, self._noun = calls, name, noun

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._noun, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            self._calls._before(f"{self._name}.{name}")
            return method(*args, **kwargs)

        return call


@dataclass
class SimulatedPlace:
    """The registry's place, held over a connection that may be lost."""

    database: Database
    process: Process
    place: MemoryRegistryPlace

    @classmethod
    def of(cls, database: Database, process: Process) -> SimulatedPlace:
        """A place whose connection ends with its process."""
        place = MemoryRegistryPlace(database.store)
        process.on_death.append(lambda: database.later("free the registry's place", place.lose_connection))
        return cls(database, process, place)

    @property
    def epoch(self) -> int | None:
        return self.place.epoch

    def acquire(self) -> int | None:
        """The connection may have been lost since."""
        self.database.scheduler.step("place.acquire")
        if self.database.chance(self.database.knobs.place_lost):
            self.place.lose_connection()
        if self.database.chance(self.database.knobs.store_away):
            raise RetryableError("PostgreSQL did not answer")
        return self.place.acquire()

    def release(self) -> None:
        """Leave it."""
        self.database.scheduler.step("place.release")
        self.place.release()
