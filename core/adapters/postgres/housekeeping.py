"""What is over is forgotten after a while."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from core.adapters.postgres.idempotency_store import KEPT as ANSWER_KEPT

# table → the time from which its rows age, and how long they are kept
_KEPT: Final[Mapping[str, tuple[str, timedelta]]] = {
    "session": ("expires_at", timedelta(days=30)),
    "sign_in_link": ("expires_at", timedelta(days=30)),
    "idempotency_key": ("created_at", ANSWER_KEPT),
    "webhook_delivery": ("settled_at", timedelta(days=7)),
    "api_usage": ("minute", timedelta(days=2)),
}


def forget_what_is_over(connection: Connection, *, now: datetime) -> Mapping[str, int]:
    """Delete sessions, links, kept answers, deliveries and counts of calls that are too old; how many, by table."""
    return {
        table: connection.execute(
            text(f"DELETE FROM {table} WHERE {column} < :before"),  # noqa: S608  # both are words of ours
            {"before": now - kept},
        ).rowcount
        for table, (column, kept) in _KEPT.items()
    }
