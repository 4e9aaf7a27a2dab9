"""What nobody may be left waiting for: unwanted runs, overdue items, lapsed leases, forgotten AI phases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from core.crash_points import crash_point
from core.errors import RetryableError, StaleError
from core.messages import AI_QUEUE, AiPhaseMessage
from core.observability.logs import get_logger
from core.pipeline.commit import Committer
from core.pipeline.store import RunStore

_log = get_logger(__name__)
_AI_FORGOTTEN_SECONDS = 600  # longer than a message may wait in a busy queue
_MOST_FAILURES = 4  # of one run, each for a reason that repeating may not cure


@dataclass(frozen=True, slots=True)
class Sweeper:
    """The sweeps with their ports."""

    runs: RunStore
    committer: Committer
    deadline_seconds: int
    failures: Counter[str] = field(default_factory=Counter)  # by run, of this process

    def sweep(self) -> None:
        """Everything once."""
        self.cancel_unwanted()
        self.close_overdue()
        self.take_lapsed_commits()
        self.send_forgotten_ai_phases()

    def cancel_unwanted(self) -> None:
        """Stop the runs for which nobody waits any more."""
        with self.runs.transaction() as store:
            cancelled = store.runs.cancel_unwanted()
        if cancelled:
            _log.info("runs cancelled: nobody waits for them", runs=len(cancelled))

    def close_overdue(self) -> None:
        """Fail the missing items of runs without progress, so that they complete."""
        with self.runs.transaction() as store:
            closed = store.items.close_overdue(deadline_seconds=self.deadline_seconds)
        if closed:
            _log.warning("items closed at their run's deadline", items=closed)

    def take_lapsed_commits(self) -> None:
        """Commit what its committer left behind; the fence keeps a late one from writing."""
        with self.runs.transaction() as store:
            waiting = store.runs.lapsed_commits()
        for batch_id in waiting:
            with self.runs.transaction() as store:
                token = store.leases.grant(batch_id, lease_seconds=self.committer.lease_seconds)
            if token is None:
                continue
            crash_point("sweep.leased")
            _log.warning("commit taken over", batch_id=batch_id)
            try:
                self.committer.commit(batch_id, token=token)
                self.failures.pop(batch_id, None)
            except (RetryableError, StaleError) as error:
                _log.warning("commit not done; a later sweep looks again", batch_id=batch_id, reason=str(error))
            except Exception as error:  # the end of this run's commit: the other runs must not wait for it
                _log.exception("commit failed", batch_id=batch_id)
                self._abandon(batch_id, token, error)

    def _abandon(self, batch_id: str, token: int, error: Exception) -> None:
        """Let the brand go on without a run that can't be committed, after several failures.

        Failures are counted, not leases: a run that had lost connections before isn't given up for one hard error.
        """
        self.failures[batch_id] += 1
        if self.failures[batch_id] >= _MOST_FAILURES:
            del self.failures[batch_id]
            with self.runs.transaction() as store:
                store.runs.abandon(batch_id, token=token, error=f"it could not be stored: {type(error).__name__}")

    def send_forgotten_ai_phases(self) -> None:
        """Send the AI message of committed runs again when nobody works on them."""
        with self.runs.transaction() as store:
            forgotten = store.runs.forgotten_ai_phases(older_than_seconds=_AI_FORGOTTEN_SECONDS)
            bodies = [
                AiPhaseMessage(brand=run.brand_slug, scope=run.scope, batch_id=run.batch_id).to_body()
                for run in forgotten
            ]
            store.outbox.add(AI_QUEUE, bodies)
        if forgotten:
            _log.warning("AI phase sent again", runs=len(forgotten))
