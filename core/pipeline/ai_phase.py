"""The right to read a committed run: one reader at a time, fenced, kept while it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from core.crash_points import crash_point
from core.domain.run import Run
from core.errors import StaleError, WaitingForTurnError
from core.pipeline.repeat import Repeat, every
from core.pipeline.store import RunStore

KeepAlive = Callable[[], None]
_LEASE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class AiPhase:
    """Claims a run, has it read, says that it is."""

    runs: RunStore
    lease_seconds: float = _LEASE_SECONDS
    repeat: Repeat = every

    def read(self, batch_id: str, read: Callable[[Run, KeepAlive], int]) -> int:
        """``read`` the run unless somebody did; returns its count, 0 when there was nothing to do.

        Raises WaitingForTurnError while somebody else reads it: he may die, and then nobody else has his message.
        ``read`` calls its second argument between two steps; that raises StaleError when the claim was lost. What
        ``read`` raises gives the claim back: the message's next delivery goes on.
        """
        with self.runs.transaction() as store:
            token = store.ai_phases.claim(batch_id, lease_seconds=self.lease_seconds)
            run = store.runs.find(batch_id)
        if run is None or token is None:
            return _nothing_to_read(run)
        crash_point("ai.claimed")
        keep = partial(self._keep, batch_id, token)
        try:
            with self.repeat(self.lease_seconds / 3, keep):
                count = read(run, keep)
        except BaseException:
            with self.runs.transaction() as store:
                store.ai_phases.release(batch_id, token=token)
            raise
        crash_point("ai.read")
        with self.runs.transaction() as store:
            store.ai_phases.finish(batch_id, token=token)
        crash_point("ai.finished")
        return count

    def give_up(self, batch_id: str) -> None:
        """Nobody will read the run: its request must end all the same."""
        with self.runs.transaction() as store:
            store.ai_phases.finish(batch_id, token=None)

    def _keep(self, batch_id: str, token: int) -> None:
        with self.runs.transaction() as store:
            if not store.ai_phases.extend(batch_id, token=token, lease_seconds=self.lease_seconds):
                raise StaleError(f"somebody else reads run {batch_id} by now")


def _nothing_to_read(run: Run | None) -> int:
    if run is not None and run.ai_state == "running":
        raise WaitingForTurnError(f"run {run.batch_id} is being read; this message sees to it that it ends")
    return 0
