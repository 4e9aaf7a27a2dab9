"""What nobody may be left waiting for: lapsed leases, overdue items, forgotten AI phases, old events."""

from __future__ import annotations

from dataclasses import dataclass

from core.adapters.postgres.engine import Database
from core.adapters.postgres.request_store import forget_old_events
from core.adapters.postgres.run_store import (
    abandon_run,
    close_overdue_items,
    forgotten_ai_phases,
    grant_lease,
    insert_messages,
    lapsed_commits,
)
from core.errors import RetryableError, StaleError
from core.messages import AI_QUEUE, AiPhaseMessage
from core.observability.logs import get_logger
from core.pipeline.commit import Committer

_log = get_logger(__name__)
_AI_FORGOTTEN_SECONDS = 600  # longer than a message may wait in a busy queue
_MOST_COMMITS = 5  # of one run, each by another lease


@dataclass(frozen=True, slots=True)
class Sweeper:
    """The sweeps with their ports."""

    database: Database
    committer: Committer
    lease_seconds: int
    deadline_seconds: int
    event_hours: int

    def sweep(self) -> None:
        """Everything once."""
        self.close_overdue()
        self.take_lapsed_commits()
        self.send_forgotten_ai_phases()
        with self.database.machinery() as connection:
            forget_old_events(connection, hours=self.event_hours)

    def close_overdue(self) -> None:
        """Fail the missing items of runs without progress, so that they complete."""
        with self.database.machinery() as connection:
            closed = close_overdue_items(connection, deadline_seconds=self.deadline_seconds)
        if closed:
            _log.warning("items closed at their run's deadline", items=closed)

    def take_lapsed_commits(self) -> None:
        """Commit what its committer left behind; the fence keeps a late one from writing."""
        with self.database.machinery() as connection:
            waiting = lapsed_commits(connection)
        for batch_id in waiting:
            with self.database.machinery() as connection:
                token = grant_lease(connection, batch_id, lease_seconds=self.lease_seconds)
            if token is None:
                continue
            _log.warning("commit taken over", batch_id=batch_id)
            try:
                self.committer.commit(batch_id, token=token)
            except (RetryableError, StaleError) as error:
                _log.warning("commit not done; a later sweep looks again", batch_id=batch_id, reason=str(error))
            except Exception as error:  # the end of this run's commit: the other runs must not wait for it
                _log.exception("commit failed", batch_id=batch_id)
                self._abandon(batch_id, token, error)

    def _abandon(self, batch_id: str, token: int, error: Exception) -> None:
        """Let the brand go on without a run that can't be committed, after several attempts."""
        if token >= _MOST_COMMITS:
            with self.database.machinery() as connection:
                abandon_run(connection, batch_id, token=token, error=f"it could not be stored: {type(error).__name__}")

    def send_forgotten_ai_phases(self) -> None:
        """Send the AI message of committed runs again when nobody works on them."""
        with self.database.machinery() as connection:
            runs = forgotten_ai_phases(connection, older_than_seconds=_AI_FORGOTTEN_SECONDS)
            bodies = [
                AiPhaseMessage(brand=run.brand_slug, scope=run.scope, batch_id=run.batch_id).to_body() for run in runs
            ]
            insert_messages(connection, AI_QUEUE, bodies)
        if runs:
            _log.warning("AI phase sent again", runs=len(runs))
