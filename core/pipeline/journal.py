"""The registry's journal: every write goes to the run store, within the epoch of the one registry there is."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from core.crash_points import crash_point
from core.domain.identity import identity
from core.domain.run import Item, ItemResult, Run, RunSnapshot
from core.errors import UnavailableError
from core.pipeline.store import NewRun, RunStore, Transaction


class RegistryPlace(Protocol):
    """The place of the registry, which one process holds."""

    def acquire(self) -> int | None:
        """Take or keep the place: the epoch, or None while another process has it."""
        ...

    def release(self) -> None:
        """Leave the place."""
        ...

    @property
    def epoch(self) -> int | None:
        """Of this holder, None while it isn't one."""
        ...


def _random_name() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class RunJournal:
    """Runs and items for the registry. A past holder of the place can't write."""

    runs: RunStore
    place: RegistryPlace
    lease_seconds: float
    new_name: Callable[[], str] = _random_name

    def acquire(self) -> int | None:
        """Try to become, or stay, the registry: the epoch, or None while another process is."""
        return self.place.acquire()

    def release(self) -> None:
        """Stop being the registry."""
        self.place.release()

    def active(self) -> list[RunSnapshot]:
        """Every active run with its items' states."""
        with self.runs.transaction() as store:
            return [_snapshot(store, run) for run in store.runs.all_active()]

    def find(self, batch_id: str) -> RunSnapshot | None:
        """One run with its items' states."""
        with self.runs.transaction() as store:
            run = store.runs.find(batch_id)
            return None if run is None else _snapshot(store, run)

    def find_active(self, brand: str, scope: str) -> RunSnapshot | None:
        """The active run of (brand, scope) with its items' states."""
        with self.runs.transaction() as store:
            run = store.runs.active(brand_slug=brand, scope=scope)
            return None if run is None else _snapshot(store, run)

    def open_learning(self, brand: str, scope: str, expected_count: int) -> RunSnapshot:
        """Open a run without a manifest, within this epoch."""
        with self._writing() as store:
            batch_id = identity("learning", scope, brand, self.new_name())
            store.runs.insert(NewRun(batch_id, scope, brand, expected_count, batch_id, {"learns": True}))
            run = store.runs.find(batch_id)
            assert run is not None
            return _snapshot(store, run)

    def learn(self, batch_id: str, item: Item) -> bool:
        """Add an item to a run that learns, within this epoch."""
        with self._writing() as store:
            return store.items.learn(batch_id, item)

    def record(self, batch_id: str, result: ItemResult) -> bool:
        """Write the first result. Raises UnavailableError when a newer registry has begun."""
        epoch = self._epoch()
        with self.runs.transaction() as store:
            written = store.items.record(batch_id, result, epoch=epoch)
            if not written:
                _require_current(store, epoch)
        crash_point("registry.recorded")
        return written

    def grant_lease(self, batch_id: str) -> int | None:
        """The fencing token of a new lease."""
        with self._writing() as store:
            token = store.leases.grant(batch_id, lease_seconds=self.lease_seconds)
        crash_point("registry.leased")
        return token

    def complete(self, batch_id: str) -> None:
        """Close a leased run without a manifest, within this epoch: it has no record here, and nothing to read."""
        with self._writing() as store:
            run = store.runs.find(batch_id)
            if run is not None and run.learns and store.runs.close(batch_id, token=run.fence, ledger={}):
                store.ai_phases.finish(batch_id, token=None)
                store.items.clear(batch_id)

    def results(self, batch_id: str) -> Iterator[ItemResult]:
        """The results so far, streamed."""
        with self.runs.transaction() as store:
            yield from store.items.results(batch_id)

    @contextmanager
    def _writing(self) -> Iterator[Transaction]:
        """A transaction of the current registry. Raises UnavailableError in a past one.

        Between the check and the write a newer epoch may begin: what both could write is safe in the store itself
        (a lease is one row, an active run is unique, the run is locked while it learns).
        """
        epoch = self._epoch()
        with self.runs.transaction() as store:
            _require_current(store, epoch)
            yield store

    def _epoch(self) -> int:
        epoch = self.place.epoch
        if epoch is None:
            raise UnavailableError("this process isn't the registry", retry_after_seconds=1)
        return epoch


def _require_current(store: Transaction, epoch: int) -> None:
    # The epoch that was written with, not today's: this process may have lost its place meanwhile and taken it anew.
    if store.epoch != epoch:
        raise UnavailableError("a newer epoch of the registry has begun", retry_after_seconds=1)


def _snapshot(store: Transaction, run: Run) -> RunSnapshot:
    return RunSnapshot(
        batch_id=run.batch_id,
        brand=run.brand_slug,
        scope=run.scope,
        state=run.state,
        expected_count=run.expected_count,
        learns=run.learns,
        items=store.items.states(run.batch_id),
    )
