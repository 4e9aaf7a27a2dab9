"""The pipeline's store in PostgreSQL: one transaction, by noun."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, text

from core.adapters.postgres.brand_store import PostgresBrands
from core.adapters.postgres.engine import Database
from core.adapters.postgres.items import PostgresItems
from core.adapters.postgres.outbox import PostgresDeadLetters, PostgresOutbox
from core.adapters.postgres.request_store import PostgresRequests
from core.adapters.postgres.runs import PostgresAiPhases, PostgresLeases, PostgresRuns


@dataclass(frozen=True, slots=True)
class PostgresTransaction:
    """The nouns over one connection."""

    connection: Connection

    @property
    def runs(self) -> PostgresRuns:
        """Runs."""
        return PostgresRuns(self.connection)

    @property
    def items(self) -> PostgresItems:
        """Records, items and results."""
        return PostgresItems(self.connection)

    @property
    def leases(self) -> PostgresLeases:
        """Who may commit."""
        return PostgresLeases(self.connection)

    @property
    def ai_phases(self) -> PostgresAiPhases:
        """Who may read."""
        return PostgresAiPhases(self.connection)

    @property
    def outbox(self) -> PostgresOutbox:
        """Messages to send."""
        return PostgresOutbox(self.connection)

    @property
    def requests(self) -> PostgresRequests:
        """Callers' handles."""
        return PostgresRequests(self.connection)

    @property
    def brands(self) -> PostgresBrands:
        """Brands by name."""
        return PostgresBrands(self.connection)

    @property
    def dead_letters(self) -> PostgresDeadLetters:
        """What nobody could handle."""
        return PostgresDeadLetters(self.connection)

    @property
    def epoch(self) -> int:
        """The newest registry epoch."""
        epoch: int = self.connection.execute(text("SELECT epoch FROM registry_epoch")).scalar_one()
        return epoch


@dataclass(frozen=True, slots=True)
class PostgresRunStore:
    """A RunStore over PostgreSQL."""

    database: Database

    @contextmanager
    def transaction(self, scope: str | None = None) -> Iterator[PostgresTransaction]:
        """A worker's transaction; with a scope it may write that scope's record."""
        with self.database.machinery() if scope is None else self.database.worker(scope) as connection:
            yield PostgresTransaction(connection)


def beat(connection: Connection, *, process_id: str, roles: str, host: str) -> None:
    """Say that this process lives; forget those silent for a day."""
    connection.execute(
        text(
            "INSERT INTO heartbeat (process_id, roles, host) VALUES (:id, :roles, :host)"
            " ON CONFLICT (process_id) DO UPDATE SET last_seen_at = now()"
        ),
        {"id": process_id, "roles": roles, "host": host},
    )
    connection.execute(text("DELETE FROM heartbeat WHERE last_seen_at < now() - interval '1 day'"))
