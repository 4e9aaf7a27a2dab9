"""The registry's memory in front of the store: one lock, answers that are the same however often one asks.

Every write goes to the store first, so a restart loses nothing; the memory answers "is it complete" without
counting rows for each of 20,000 submits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from core.domain.run import ACTIVE_STATES, Item, ItemResult, ItemState, RunSnapshot
from core.errors import ConflictError, NotFoundError, RetryableError, StaleError, UnavailableError
from registry.batch import Batch


class Journal(Protocol):
    """The store behind the registry. Raises UnavailableError while this process doesn't hold the registry."""

    def acquire(self) -> int | None:
        """Become, or stay, the one registry: the epoch held, or None while another process is it."""
        ...

    def release(self) -> None:
        """Stop being the registry."""
        ...

    def active(self) -> list[RunSnapshot]:
        """Every run that isn't over."""
        ...

    def find(self, batch_id: str) -> RunSnapshot | None:
        """One run, over or not."""
        ...

    def find_active(self, brand: str, scope: str) -> RunSnapshot | None:
        """The run of (brand, scope) that isn't over."""
        ...

    def open_learning(self, brand: str, scope: str, expected_count: int) -> RunSnapshot:
        """Open a run without a manifest."""
        ...

    def learn(self, batch_id: str, item: Item) -> bool:
        """Add an item to such a run, or find it there; False when the run has all its items or is over."""
        ...

    def record(self, batch_id: str, result: ItemResult) -> bool:
        """Write the first result of an item; False if it had one or the run is no longer open."""
        ...

    def grant_lease(self, batch_id: str) -> int | None:
        """The fencing token, or None while a lease lives or something is missing."""
        ...

    def results(self, batch_id: str) -> Iterator[ItemResult]:
        """The results so far."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """``should_commit`` and, with it, the token that the commit must show."""

    batch_id: str
    should_commit: bool
    token: int | None = None


class ActiveBrands:
    """Start, submit, results, commit-complete. Thread-safe."""

    def __init__(self, journal: Journal, *, monotonic: Callable[[], float], lease_seconds: float) -> None:
        self._journal = journal
        self._monotonic = monotonic
        self._lease_seconds = lease_seconds
        self._lock = threading.Lock()
        self._batches: dict[str, Batch] = {}
        self._lease_ends: dict[str, float] = {}
        self._epoch: int | None = None

    @property
    def is_serving(self) -> bool:
        """False until the memory is rebuilt: nobody may take silence for "done"."""
        return self._epoch is not None

    def hold(self) -> None:
        """Be the registry if nobody else is; repeated, it notices a lost connection and rebuilds in a new epoch."""
        try:
            epoch = self._journal.acquire()
        except RetryableError:
            self._stop_serving()
            raise
        if epoch is None:
            self._stop_serving()
        elif epoch != self._epoch:
            self._stop_serving()
            self._rebuild(epoch)

    def let_go(self) -> None:
        """Answer nothing more and let another process be the registry."""
        self._stop_serving()
        self._journal.release()

    def _rebuild(self, epoch: int) -> None:
        batches = {snapshot.batch_id: Batch.of(snapshot) for snapshot in self._journal.active()}
        with self._lock:
            self._batches, self._lease_ends, self._epoch = batches, {}, epoch

    def _stop_serving(self) -> None:
        with self._lock:
            self._epoch = None
            self._batches.clear()
            self._lease_ends.clear()

    def start(self, *, brand: str, expected_count: int, scope: str, batch_id: str | None = None) -> Answer:
        """Begin tracking; the same start again is the same answer. Raises ConflictError while another is active."""
        self._require_serving()
        self._forget_what_is_over(brand, scope)  # a run may end without anybody telling us
        batch = self._known(brand, scope, batch_id)
        if batch is None:
            batch = self._remember(self._journal.open_learning(brand, scope, expected_count))
        if batch.expected_count != expected_count:
            raise ConflictError(
                f"{brand!r} is active as batch {batch.batch_id} with {batch.expected_count} URLs, not {expected_count}"
            )
        return self._offer(batch)

    def submit(self, *, brand: str, scope: str, item: Item, result: ItemResult, batch_id: str | None = None) -> Answer:
        """Take an item's result. The first stands; whoever completes the batch is asked to commit."""
        self._require_serving()
        batch = self._known(brand, scope, batch_id)
        if batch is None:
            raise NotFoundError(f"no batch of {brand!r} is active: POST /start first")
        with self._lock:
            must_learn = batch.must_learn(item.item_id)
            settled = batch.is_settled(item.item_id)
        if must_learn and not self._journal.learn(batch.batch_id, item):
            self._refresh(batch)
            raise batch.one_too_many()
        if not settled:
            self._settle(batch, result)
        return self._offer(batch)

    def results(self, *, brand: str, scope: str) -> Iterator[ItemResult]:
        """The accumulated results of a brand, streamed. Raises NotFoundError for an unknown brand."""
        self._require_serving()
        batch = self._known(brand, scope, None)
        if batch is None:
            raise NotFoundError(f"no batch of {brand!r} is active")
        return self._journal.results(batch.batch_id)

    def commit_complete(self, *, brand: str, scope: str, batch_id: str | None = None) -> None:
        """A hint that the memory may be freed: the store says whether the run is really over."""
        self._require_serving()
        self._forget_what_is_over(brand, scope, batch_id)

    def _require_serving(self) -> None:
        if not self.is_serving:
            raise UnavailableError("the registry isn't serving yet; ask again", retry_after_seconds=1)

    def _known(self, brand: str, scope: str, batch_id: str | None) -> Batch | None:
        """The batch meant, from memory or from the store. Raises StaleError for one that is over."""
        with self._lock:
            for batch in self._batches.values():
                if batch.batch_id == batch_id or (batch_id is None and (batch.brand, batch.scope) == (brand, scope)):
                    return batch
        snapshot = self._journal.find_active(brand, scope) if batch_id is None else self._journal.find(batch_id)
        if snapshot is None:
            if batch_id is not None:
                raise NotFoundError(f"no batch {batch_id}")
            return None
        if snapshot.state not in ACTIVE_STATES:
            raise StaleError(f"batch {batch_id} is {snapshot.state}: nothing more is taken for it")
        return self._remember(snapshot)

    def _remember(self, snapshot: RunSnapshot) -> Batch:
        with self._lock:
            return self._batches.setdefault(snapshot.batch_id, Batch.of(snapshot))

    def _settle(self, batch: Batch, result: ItemResult) -> None:
        if not self._journal.record(batch.batch_id, result):
            self._refresh(batch)  # the store knew better: a sweep or an earlier delivery was first
            return
        with self._lock:
            batch.items[result.item_id] = result.state

    def _refresh(self, batch: Batch) -> None:
        snapshot = self._journal.find(batch.batch_id)
        if snapshot is None or snapshot.state not in ACTIVE_STATES:
            self._forget_if_over(batch.batch_id)
            raise StaleError(f"batch {batch.batch_id} is over: nothing more is taken for it")
        ended = {item_id: state for item_id, state in snapshot.items.items() if state is not ItemState.PENDING}
        with self._lock:
            batch.items.update(ended)  # what is pending in the snapshot may have its result by now

    def _offer(self, batch: Batch) -> Answer:
        """Offer the commit if the batch is complete and nobody holds its lease. The store decides between two."""
        with self._lock:
            leased = self._lease_ends.get(batch.batch_id, 0.0) > self._monotonic()
            if not batch.is_complete or leased:
                return Answer(batch.batch_id, should_commit=False)
        token = self._journal.grant_lease(batch.batch_id)
        if token is None:
            return Answer(batch.batch_id, should_commit=False)
        with self._lock:
            self._lease_ends[batch.batch_id] = self._monotonic() + self._lease_seconds
        return Answer(batch.batch_id, should_commit=True, token=token)

    def _forget_what_is_over(self, brand: str, scope: str, batch_id: str | None = None) -> None:
        with self._lock:
            known = [batch.batch_id for batch in self._batches.values() if (batch.brand, batch.scope) == (brand, scope)]
        for candidate in known:
            if batch_id in (None, candidate):
                self._forget_if_over(candidate)

    def _forget_if_over(self, batch_id: str) -> None:
        snapshot = self._journal.find(batch_id)
        if snapshot is not None and snapshot.state in ACTIVE_STATES:
            return
        with self._lock:
            self._batches.pop(batch_id, None)
            self._lease_ends.pop(batch_id, None)
