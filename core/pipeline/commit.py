"""Phase 2, per run: whoever holds the lease commits all of it in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.crash_points import crash_point
from core.domain.run import Run, RunState
from core.errors import NotFoundError, RetryableError, StaleError
from core.messages import AI_QUEUE, AiPhaseMessage
from core.observability.logs import get_logger
from core.pipeline.repeat import Repeat, every
from core.pipeline.store import RunStore, Transaction

_log = get_logger(__name__)
_SHOWN = ("ads", "new", "changed", "seen_again", "not_seen")

WriteRecord = Callable[[Transaction, Run], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Committer:
    """Commit with its ports. ``write`` puts the run's record into the transaction and returns the ledger."""

    runs: RunStore
    write: WriteRecord
    lease_seconds: float
    repeat: Repeat = every

    def commit(self, batch_id: str, *, token: int) -> dict[str, Any]:
        """Write the run and its AI message in one transaction; returns the ledger.

        The lease is kept while it goes on, and given up when it fails, so that another can try at once. Raises
        StaleError when another holds the lease by now: nothing was written. A connection lost during COMMIT is
        resolved by reading the run, never by a blind retry.
        """
        crash_point("commit.begun")
        try:
            with self.repeat(self.lease_seconds / 3, lambda: self._extend(batch_id, token)):
                return self._commit(batch_id, token)
        except RetryableError:
            if self._run(batch_id).state is RunState.COMMITTED:
                _log.warning("commit was acknowledged late", batch_id=batch_id)
                return {}
            self._release(batch_id, token)
            raise

    def _commit(self, batch_id: str, token: int) -> dict[str, Any]:
        run = self._run(batch_id)
        with self.runs.transaction(run.scope) as store:
            ledger = self.write(store, run)
            crash_point("commit.written")
            # Last, so that the row is locked for a moment only: a stale token rolls everything back.
            if not store.runs.close(batch_id, token=token, ledger=ledger):
                raise StaleError(f"the lease on run {batch_id} is lost; another worker commits it")
            message = AiPhaseMessage(brand=run.brand_slug, scope=run.scope, batch_id=batch_id)
            store.outbox.add(AI_QUEUE, [message.to_body()])
            store.items.clear(batch_id)
            crash_point("commit.closing")
        crash_point("commit.committed")
        shown = {name: ledger[name] for name in _SHOWN if name in ledger}
        _log.info("run committed", brand=run.brand_slug, batch_id=batch_id, **shown)
        return ledger

    def _run(self, batch_id: str) -> Run:
        with self.runs.transaction() as store:
            run = store.runs.find(batch_id)
        if run is None:
            raise NotFoundError(f"no run {batch_id}")
        return run

    def _extend(self, batch_id: str, token: int) -> None:
        with self.runs.transaction() as store:
            store.leases.extend(batch_id, token=token, lease_seconds=self.lease_seconds)

    def _release(self, batch_id: str, token: int) -> None:
        with self.runs.transaction() as store:
            store.leases.release(batch_id, token=token)
