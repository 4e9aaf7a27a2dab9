"""``python -m tests.faults.soak.daemon_process --roles worker``: the daemon as it ships, but for its text model.

A worker that is killed every few seconds would do nothing but load the model and embed the taxonomy's examples (ten
processor seconds), so texts get cheap vectors. ``ADOLOGY_SOAK_BREAK`` names a fault built into the daemon on purpose:
a soak that doesn't notice it is worthless.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import text

from core.adapters.postgres.runs import PostgresLeases, PostgresRuns
from core.bootstrap import Services
from daemon.__main__ import main
from daemon.consumer import Consumer
from tests.fakes.embedder import FakeEmbedder

BREAK: Final = "ADOLOGY_SOAK_BREAK"
LEASE_SECONDS: Final = 3  # shorter than a freeze, so that the frozen wake up to find others in their place


def delete_first() -> None:
    """At most once: a message is deleted when it is received, so that a worker takes it to its grave."""
    settle = Consumer._settle

    def delete_then_settle(self: Consumer, message: Any, in_work: Any) -> str:
        self.queue.delete_batch([message])
        return settle(self, message, in_work)

    Consumer._settle = delete_then_settle  # type: ignore[method-assign]


def no_fence() -> None:
    """A commit outlasts its lease, which nobody keeps, and asks nobody whether it is still good."""

    def close(self: PostgresRuns, batch_id: str, *, token: int, ledger: Any) -> bool:
        self.connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": LEASE_SECONDS + 1})
        statement = text(
            "UPDATE run SET state = 'committed', committed_at = now(), last_progress_at = now(), ledger = '{}',"
            " ai_state = CASE ai_state WHEN 'none' THEN 'pending' ELSE ai_state END WHERE batch_id = :batch"
        )
        self.connection.execute(statement, {"batch": batch_id})
        return True

    PostgresRuns.close = close  # type: ignore[method-assign]
    PostgresLeases.extend = lambda *_, **__: True  # type: ignore[method-assign]


BREAKS: Final[dict[str, Callable[[], None]]] = {"delete-first": delete_first, "no-fence": no_fence}


if __name__ == "__main__":
    Services.embedder = FakeEmbedder()  # type: ignore[assignment]
    if wanted := os.environ.get(BREAK):
        BREAKS[wanted]()
    sys.exit(main())
