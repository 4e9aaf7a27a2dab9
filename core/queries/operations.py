"""The operators' figures over all tenants: counts and states, never content.

The only queries without a principal: operators stand outside organisations, and the database role behind
``database.operator()`` may call nothing but these functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.queries.pages import checked_limit

HEARTBEAT_LATE_SECONDS = 60.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """One queue that holds something; an empty queue has no row."""

    queue: str
    waiting: int
    in_flight: int
    delayed: int
    oldest_age_seconds: float | None


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One run; finished items include the failed ones."""

    batch_id: str
    scope: str
    brand_slug: str
    state: str
    expected_count: int
    finished_count: int
    failed_count: int
    partial: bool
    ai_state: str
    error: str | None
    created_at: datetime
    last_progress_at: datetime
    committed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that crashed its worker, and why."""

    dead_letter_id: int
    scope: str
    queue: str
    reason: str
    batch_id: str | None
    item_id: str | None
    created_at: datetime
    redriven_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoticeView:
    """Something a person should know."""

    notice_id: int
    level: str
    subject: str
    text: str
    context: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A process and when it was last heard of."""

    process_id: str
    roles: str
    host: str
    started_at: datetime
    last_seen_at: datetime

    def is_alive(self, now: datetime, *, late_after_seconds: float = HEARTBEAT_LATE_SECONDS) -> bool:
        """Whether it was heard of within ``late_after_seconds`` of ``now``."""
        return now - self.last_seen_at <= timedelta(seconds=late_after_seconds)


def queue_depths(database: Database) -> list[QueueFigures]:
    """The queues that hold messages, by name."""
    return _call(database, QueueFigures, "SELECT * FROM operator_queue_depths() ORDER BY queue")


def recent_runs(database: Database, *, limit: int = 50) -> list[RunFigures]:
    """Newest first."""
    return _call(database, RunFigures, "SELECT * FROM operator_runs(:limit)", limit=checked_limit(limit))


def dead_letters(database: Database, *, limit: int = 50) -> list[DeadLetter]:
    """Newest first, redriven ones too."""
    return _call(database, DeadLetter, "SELECT * FROM operator_dead_letters(:limit)", limit=checked_limit(limit))


def recent_notices(database: Database, *, limit: int = 50) -> list[NoticeView]:
    """Errors, warnings and notes, newest first."""
    return _call(database, NoticeView, "SELECT * FROM operator_notices(:limit)", limit=checked_limit(limit))


def heartbeats(database: Database) -> list[Heartbeat]:
    """Every process that was heard of, latest first."""
    return _call(database, Heartbeat, "SELECT * FROM operator_heartbeats()")


def _call(database: Database, kind: type[T], statement: str, **parameters: int) -> list[T]:
    with database.operator() as connection:
        return [kind(**row._mapping) for row in connection.execute(text(statement), parameters)]
