"""The registry's memory in front of the store: one lock, answers that are the same however often one asks.

Every write goes to the store first, so a restart loses nothing; the memory answers "is it complete" without
counting rows for each of 20,000 submits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from core.domain.run import ACTIVE_STATES, Item, ItemResult, RunSnapshot
from core.errors import ConflictError, NotFoundError, RetryableError, StaleError, UnavailableError
from registry.batch import Batch

_Brand = tuple[str, str]  # (brand, scope)


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

    def complete(self, batch_id: str) -> None:
        """End a leased run without a manifest: whoever submitted its URLs has committed them elsewhere."""
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
    """Start, submit, results, commit-complete. Thread-safe; the lock is never held while the store is asked."""

    def __init__(self, journal: Journal, *, monotonic: Callable[[], float], lease_seconds: float) -> None:
        self._journal = journal
        self._monotonic = monotonic
        self._lease_seconds = lease_seconds
        self._lock = threading.Lock()
        self._batches: dict[_Brand, Batch] = {}  # a brand has one active batch a scope
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
        else:
            self._forget_unused()

    def let_go(self) -> None:
        """Answer nothing more and let another process be the registry."""
        self._stop_serving()
        self._journal.release()

    def _rebuild(self, epoch: int) -> None:
        batches = [Batch.of(snapshot) for snapshot in self._journal.active()]
        with self._lock:
            for batch in batches:
                self._put(batch)
            self._epoch = epoch

    def _stop_serving(self) -> None:
        with self._lock:
            self._epoch = None
            self._batches.clear()

    def _forget_unused(self) -> None:
        """Free what nobody asked about for so long that its lease has lapsed, too: the store has all of it."""
        oldest = self._monotonic() - self._lease_seconds
        with self._lock:
            self._batches = {brand: batch for brand, batch in self._batches.items() if batch.used_at >= oldest}

    def start(self, *, brand: str, expected_count: int, scope: str, batch_id: str | None = None) -> Answer:
        """Begin tracking; the same start again is the same answer. Raises ConflictError while another is active."""
        self._require_serving()
        self._forget_if_over(brand, scope, batch_id)  # a run may end without anybody telling us
        batch = self._known(brand, scope, batch_id) or self._open(brand, scope, expected_count)
        batch.require_count(expected_count)
        return self._offer(batch)

    def submit(self, *, brand: str, scope: str, item: Item, result: ItemResult, batch_id: str | None = None) -> Answer:
        """Take an item's result. The first stands; whoever completes the batch is asked to commit."""
        self._require_serving()
        batch = self._known(brand, scope, batch_id)
        if batch is None:
            raise NotFoundError(f"no batch of {brand!r} is active: POST /start first")
        try:
            return self._take(batch, item, result)
        except StaleError:
            if batch_id is not None:
                raise
        # It ended unheard and is forgotten by now; a body without a batch_id means whichever is active.
        return self.submit(brand=brand, scope=scope, item=item, result=result)

    def results(self, *, brand: str, scope: str) -> Iterator[ItemResult]:
        """The accumulated results of a brand, streamed. Raises NotFoundError for an unknown brand."""
        self._require_serving()
        batch = self._known(brand, scope, None)
        if batch is None:
            raise NotFoundError(f"no batch of {brand!r} is active")
        return self._journal.results(batch.batch_id)

    def commit_complete(self, *, brand: str, scope: str, batch_id: str | None = None) -> None:
        """Free the memory of a run that is over.

        Of a run with a manifest the store knows whether it is committed, so this is a hint. One that learned its
        items is its caller's own: what was asked of him is done, and the brand may start again.
        """
        self._require_serving()
        with suppress(NotFoundError, StaleError):
            batch = self._known(brand, scope, batch_id)
            if batch is not None and batch.learns:
                self._journal.complete(batch.batch_id)
        self._forget_if_over(brand, scope, batch_id)

    def _require_serving(self) -> None:
        if not self.is_serving:
            raise UnavailableError("the registry isn't serving yet; ask again", retry_after_seconds=1)

    def _known(self, brand: str, scope: str, batch_id: str | None) -> Batch | None:
        """The batch meant, from memory or from the store. Raises StaleError for one that is over."""
        with self._lock:
            batch = self._batches.get((brand, scope))
            if batch is not None and batch_id in (None, batch.batch_id):
                batch.used_at = self._monotonic()
                return batch
        if batch_id is None:
            snapshot = self._journal.find_active(brand, scope)
            return None if snapshot is None else self._remember(snapshot)
        snapshot = self._journal.find(batch_id)
        if snapshot is None or (snapshot.brand, snapshot.scope) != (brand, scope):
            raise NotFoundError(f"no batch {batch_id} of {brand!r}")
        if snapshot.state not in ACTIVE_STATES:
            raise StaleError(f"batch {batch_id} is {snapshot.state}: nothing more is taken for it")
        return self._remember(snapshot)

    def _open(self, brand: str, scope: str, expected_count: int) -> Batch:
        try:
            snapshot = self._journal.open_learning(brand, scope, expected_count)
        except ConflictError:  # another start was faster: it may have been the same
            batch = self._known(brand, scope, None)
            if batch is None:
                raise
            return batch
        return self._remember(snapshot)

    def _remember(self, snapshot: RunSnapshot) -> Batch:
        with self._lock:
            known = self._batches.get((snapshot.brand, snapshot.scope))
            if known is not None and known.batch_id == snapshot.batch_id:
                return known  # it may know more than the snapshot by now
            return self._put(Batch.of(snapshot))

    def _put(self, batch: Batch) -> Batch:
        batch.used_at = self._monotonic()
        self._batches[batch.brand, batch.scope] = batch
        return batch

    def _take(self, batch: Batch, item: Item, result: ItemResult) -> Answer:
        if not self._has(batch, item):
            self._refresh(batch)  # nothing is refused by the memory alone
            raise batch.refusal(item.item_id)
        with self._lock:
            is_settled = self._current(batch).is_settled(item.item_id)
        if not is_settled:
            self._settle(batch, result)
        return self._offer(batch)

    def _has(self, batch: Batch, item: Item) -> bool:
        with self._lock:
            current = self._current(batch)
            if item.item_id in current.items:
                return True
            may_learn = current.may_learn
        return may_learn and self._journal.learn(batch.batch_id, item)

    def _current(self, batch: Batch) -> Batch:
        """The batch as the memory has it now: it may have been read anew while the caller asked the store."""
        known = self._batches.get((batch.brand, batch.scope))
        return known if known is not None and known.batch_id == batch.batch_id else batch

    def _settle(self, batch: Batch, result: ItemResult) -> None:
        if not self._journal.record(batch.batch_id, result):
            self._refresh(batch)  # the store knew better: a sweep or an earlier delivery was first
            return
        with self._lock:
            self._current(batch).items[result.item_id] = result.state

    def _refresh(self, batch: Batch) -> None:
        snapshot = self._journal.find(batch.batch_id)
        if snapshot is None or snapshot.state not in ACTIVE_STATES:
            self._forget(batch)
            raise StaleError(f"batch {batch.batch_id} is over: nothing more is taken for it")
        with self._lock:
            self._current(batch).catch_up(snapshot)

    def _offer(self, batch: Batch) -> Answer:
        """Offer the commit if the batch is complete and nobody holds its lease. The store decides between two."""
        with self._lock:
            batch = self._current(batch)
            if not batch.is_complete or batch.lease_until > self._monotonic():
                return Answer(batch.batch_id, should_commit=False)
        token = self._journal.grant_lease(batch.batch_id)
        if token is None:
            return Answer(batch.batch_id, should_commit=False)
        with self._lock:
            self._current(batch).lease_until = self._monotonic() + self._lease_seconds
        return Answer(batch.batch_id, should_commit=True, token=token)

    def _forget_if_over(self, brand: str, scope: str, batch_id: str | None) -> None:
        with self._lock:
            batch = self._batches.get((brand, scope))
        if batch is None or batch_id not in (None, batch.batch_id):
            return
        snapshot = self._journal.find(batch.batch_id)
        if snapshot is None or snapshot.state not in ACTIVE_STATES:
            self._forget(batch)

    def _forget(self, batch: Batch) -> None:
        with self._lock:
            known = self._batches.get((batch.brand, batch.scope))
            if known is not None and known.batch_id == batch.batch_id:
                del self._batches[batch.brand, batch.scope]
