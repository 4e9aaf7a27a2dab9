"""The pipeline's run store in memory: PostgreSQL's transactions as far as the port shows them, the clock injected.

READ COMMITTED over rows: what a transaction writes is its own until it commits, and gone if it doesn't. The first
write to a row locks it; another writer waits and then looks again. ``now`` stands still within a transaction. A circle
of waiting transactions is broken as PostgreSQL does, with an error that may be tried again.
"""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

from core.errors import RetryableError
from tests.fakes.memory_items import MemoryItems
from tests.fakes.memory_machinery import MemoryBrands, MemoryDeadLetters, MemoryOutbox, MemoryRequests
from tests.fakes.memory_runs import MemoryAiPhases, MemoryLeases, MemoryRuns

RowKey = tuple[str, Any]  # (table, key)


class Waiting(Protocol):
    """The part of threading.Condition that the store needs; a simulator brings its own."""

    def __enter__(self) -> Any: ...
    def __exit__(self, *_: object) -> Any: ...
    def wait_for(self, predicate: Callable[[], bool]) -> Any: ...
    def notify_all(self) -> None: ...


class MemoryRunStore:
    """A RunStore. ``tables`` is what is committed, ``record`` what commits wrote with ``connection``, in order.

    ``on_commit`` is told of every commit, before it is applied: {(table, key): row, or None where it was deleted}.
    """

    def __init__(self, clock: Callable[[], float], *, waiting: Waiting | None = None) -> None:
        self.clock = clock
        self.waiting = waiting or threading.Condition()
        self.tables: defaultdict[str, dict[Any, Any]] = defaultdict(dict)
        self.record: list[Any] = []
        self.locks: dict[RowKey, MemoryTransaction] = {}
        self.waiters = 0
        self.numbers = itertools.count(1)
        self.on_commit: Callable[[MemoryTransaction], None] = lambda _: None

    def begin(self) -> MemoryTransaction:
        """A transaction that the caller ends."""
        return MemoryTransaction(self)

    @contextmanager
    def transaction(self, scope: str | None = None) -> Iterator[MemoryTransaction]:
        """Committed at the end, rolled back on an error."""
        transaction = self.begin()
        try:
            yield transaction
        except BaseException:
            transaction.roll_back()
            raise
        transaction.commit()

    @property
    def somebody_waits(self) -> bool:
        """Whether a transaction waits for another's lock."""
        with self.waiting:
            return self.waiters > 0

    def add_request(self, request_id: str, *, status: str = "queued") -> None:
        """A caller's request, or its new status."""
        with self.waiting:
            self.tables["request"][request_id] = status

    def next_epoch(self) -> int:
        """A new registry begins."""
        with self.waiting:
            epoch: int = self.tables["registry_epoch"].get("epoch", 0) + 1
            self.tables["registry_epoch"]["epoch"] = epoch
            return epoch


class MemoryTransaction:
    """One transaction: its own writes over what is committed, the rows it has locked, and the nouns over both."""

    def __init__(self, store: MemoryRunStore) -> None:
        self.store = store
        self.connection: list[Any] = []
        self.writes: dict[str, dict[Any, Any]] = {}
        self.is_over = False
        self._locked: list[RowKey] = []
        self._now: float | None = None
        self._waits_for: MemoryTransaction | None = None

    @property
    def runs(self) -> MemoryRuns:
        return MemoryRuns(self)

    @property
    def items(self) -> MemoryItems:
        return MemoryItems(self)

    @property
    def leases(self) -> MemoryLeases:
        return MemoryLeases(self)

    @property
    def ai_phases(self) -> MemoryAiPhases:
        return MemoryAiPhases(self)

    @property
    def outbox(self) -> MemoryOutbox:
        return MemoryOutbox(self)

    @property
    def requests(self) -> MemoryRequests:
        return MemoryRequests(self)

    @property
    def brands(self) -> MemoryBrands:
        return MemoryBrands(self)

    @property
    def dead_letters(self) -> MemoryDeadLetters:
        return MemoryDeadLetters(self)

    @property
    def epoch(self) -> int:
        epoch: int = self.store.tables["registry_epoch"].get("epoch", 0)
        return epoch

    @property
    def now(self) -> float:
        """The store's time when the transaction began."""
        if self._now is None:
            self._now = self.store.clock()
        return self._now

    @property
    def mutex(self) -> AbstractContextManager[Any]:
        """Held while one statement is carried out."""
        return self.store.waiting

    def get(self, table: str, key: Any) -> Any:
        """A row as this transaction sees it, or None."""
        own = self.writes.get(table)
        return own[key] if own and key in own else self.store.tables[table].get(key)

    def rows(self, table: str) -> Mapping[Any, Any]:
        """Every row as this transaction sees it."""
        own = self.writes.get(table)
        if not own:
            return self.store.tables[table]
        return {key: row for key, row in (self.store.tables[table] | own).items() if row is not None}

    def put(self, table: str, key: Any, row: Any) -> None:
        """Write a row, None for nothing. The caller has locked it, or nobody else can know of it."""
        self.writes.setdefault(table, {})[key] = row

    def update(self, table: str, key: Any, where: Callable[[Any], bool], change: Callable[[Any], Any]) -> Any:
        """Change a row ``where`` it holds, now and after waiting for whoever is at it; the new row, or None."""
        row = self.get(table, key)
        if row is None or not where(row):
            return None
        self.lock(table, key)
        row = self.get(table, key)
        if row is None or not where(row):
            return None
        row = change(row)
        self.put(table, key, row)
        return row

    def insert(self, table: str, key: Any, row: Any) -> bool:
        """Add a row; False where there is one by then."""
        self.lock(table, key)
        if self.get(table, key) is not None:
            return False
        self.put(table, key, row)
        return True

    def lock(self, table: str, key: Any) -> None:
        """Lock a row until the end, waiting for another's lock. Raises RetryableError for a deadlock."""
        row = (table, key)
        while (owner := self.store.locks.get(row)) not in (None, self):
            assert owner is not None
            if owner.waits_for(self):
                raise RetryableError("deadlock detected; try again")
            self._waits_for = owner
            self.store.waiters += 1
            try:
                self.store.waiting.wait_for(lambda row=row, owner=owner: self.store.locks.get(row) is not owner)
            finally:
                self._waits_for = None
                self.store.waiters -= 1
        self.try_lock(table, key)

    def try_lock(self, table: str, key: Any) -> bool:
        """Lock a row unless another has it."""
        if self.store.locks.get((table, key)) is self:
            return True
        if (table, key) in self.store.locks:
            return False
        self.store.locks[table, key] = self
        self._locked.append((table, key))
        return True

    def waits_for(self, other: MemoryTransaction) -> bool:
        """Whether this one can't go on before the other ends."""
        blocker = self._waits_for
        while blocker is not None:
            if blocker is other:
                return True
            blocker = blocker._waits_for
        return False

    def commit(self) -> None:
        """Show the writes to everybody."""
        with self.mutex:
            if self.is_over:
                raise RetryableError("the connection was lost; try again")
            self.store.on_commit(self)
            for table, rows in self.writes.items():
                committed = self.store.tables[table]
                for key, row in rows.items():
                    if row is None:
                        committed.pop(key, None)
                    else:
                        committed[key] = row
            self.store.record += self.connection
            self._end()

    def roll_back(self) -> None:
        """Forget the writes."""
        with self.mutex:
            if not self.is_over:
                self._end()

    def _end(self) -> None:
        self.is_over = True
        for row in self._locked:
            del self.store.locks[row]
        self.store.waiting.notify_all()


class MemoryRegistryPlace:
    """A RegistryPlace: one holder at a time, a new epoch for each."""

    def __init__(self, store: MemoryRunStore) -> None:
        self._store = store
        self._epoch: int | None = None

    @property
    def epoch(self) -> int | None:
        return self._epoch

    def acquire(self) -> int | None:
        with self._store.waiting:
            holder = self._store.tables["registry_place"]
            if holder.get("holder") is self:
                return self._epoch
            self._epoch = None
            if "holder" in holder:
                return None
            holder["holder"] = self
            self._epoch = self._store.next_epoch()
            return self._epoch

    def release(self) -> None:
        self.lose_connection()
        self._epoch = None

    def lose_connection(self) -> None:
        """The store frees the place; the holder doesn't know yet."""
        with self._store.waiting:
            if self._store.tables["registry_place"].get("holder") is self:
                del self._store.tables["registry_place"]["holder"]
