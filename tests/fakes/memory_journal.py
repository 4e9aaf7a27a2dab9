"""The registry's store in memory: same answers as PostgreSQL's, with a clock that tests move."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from core.domain.run import ACTIVE_STATES, Item, ItemResult, ItemState, RunSnapshot, RunState
from core.errors import ConflictError, UnavailableError

LEASE_SECONDS = 60.0


@dataclass
class MovableClock:
    """Seconds since some moment."""

    seconds: float = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class StoredRun:
    batch_id: str
    brand: str
    scope: str
    expected_count: int
    learns: bool
    state: RunState = RunState.OPEN
    items: dict[str, ItemState] = field(default_factory=dict)
    results: list[ItemResult] = field(default_factory=list)
    fence: int = 0
    lease_until: float = 0.0

    def snapshot(self) -> RunSnapshot:
        return RunSnapshot(
            self.batch_id, self.brand, self.scope, self.state, self.expected_count, self.learns, dict(self.items)
        )


class MemoryStore:
    """What several journals share: runs, the epoch and who holds the registry."""

    def __init__(self, clock: MovableClock) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.runs: dict[str, StoredRun] = {}
        self.epoch = 0
        self.holder: MemoryJournal | None = None

    def open_run(self, batch_id: str, items: Sequence[str], *, brand: str = "acme", scope: str = "shared") -> None:
        """A run with a manifest, as gather leaves it."""
        run = StoredRun(batch_id, brand, scope, len(items), learns=False)
        run.items = dict.fromkeys(items, ItemState.PENDING)
        self.runs[batch_id] = run

    def end_run(self, batch_id: str) -> None:
        self.runs[batch_id].state = RunState.COMMITTED


class MemoryJournal:
    """A registry's Journal over a MemoryStore."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._epoch: int | None = None

    def acquire(self) -> int | None:
        with self._store.lock:
            if self._store.holder is self:
                return self._epoch
            if self._store.holder is not None:
                return None
            self._store.holder = self
            self._store.epoch += 1
            self._epoch = self._store.epoch
            return self._epoch

    def release(self) -> None:
        with self._store.lock:
            if self._store.holder is self:
                self._store.holder = None
            self._epoch = None

    def lose_connection(self) -> None:
        """The store frees the place; the holder doesn't know yet."""
        with self._store.lock:
            self._store.holder = None

    def active(self) -> list[RunSnapshot]:
        with self._store.lock:
            return [run.snapshot() for run in self._store.runs.values() if run.state in ACTIVE_STATES]

    def find(self, batch_id: str) -> RunSnapshot | None:
        with self._store.lock:
            run = self._store.runs.get(batch_id)
            return run.snapshot() if run else None

    def find_active(self, brand: str, scope: str) -> RunSnapshot | None:
        return next((run for run in self.active() if (run.brand, run.scope) == (brand, scope)), None)

    def open_learning(self, brand: str, scope: str, expected_count: int) -> RunSnapshot:
        with self._store.lock:
            self._check_epoch()
            if self.find_active(brand, scope):
                raise ConflictError(f"a run of {brand!r} is active; this one follows it")
            run = StoredRun(f"learning-{len(self._store.runs)}", brand, scope, expected_count, learns=True)
            self._store.runs[run.batch_id] = run
            return run.snapshot()

    def learn(self, batch_id: str, item: Item) -> bool:
        with self._store.lock:
            self._check_epoch()
            run = self._store.runs[batch_id]
            if run.state is not RunState.OPEN:
                return False
            if item.item_id not in run.items and len(run.items) < run.expected_count:
                run.items[item.item_id] = ItemState.PENDING
            return item.item_id in run.items

    def record(self, batch_id: str, result: ItemResult) -> bool:
        with self._store.lock:
            self._check_epoch()
            run = self._store.runs[batch_id]
            if run.state is not RunState.OPEN or run.items.get(result.item_id) is not ItemState.PENDING:
                return False
            run.items[result.item_id] = result.state
            run.results.append(result)
            return True

    def grant_lease(self, batch_id: str) -> int | None:
        with self._store.lock:
            self._check_epoch()
            run, now = self._store.runs[batch_id], self._store.clock()
            is_complete = len(run.items) >= run.expected_count and ItemState.PENDING not in run.items.values()
            is_free = run.state is RunState.OPEN or (run.state is RunState.COMMITTING and run.lease_until < now)
            if not (is_complete and is_free):
                return None
            run.state, run.fence, run.lease_until = RunState.COMMITTING, run.fence + 1, now + LEASE_SECONDS
            return run.fence

    def complete(self, batch_id: str) -> None:
        with self._store.lock:
            self._check_epoch()
            run = self._store.runs[batch_id]
            if run.learns and run.state is RunState.COMMITTING:
                run.state = RunState.COMMITTED

    def results(self, batch_id: str) -> Iterator[ItemResult]:
        with self._store.lock:
            yield from list(self._store.runs[batch_id].results)

    def _check_epoch(self) -> None:
        if self._epoch is None or self._epoch != self._store.epoch:
            raise UnavailableError("this process isn't the registry", retry_after_seconds=1)
