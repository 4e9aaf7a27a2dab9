"""Messages on their way out, and those that no worker could handle."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extras import execute_values
from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class PostgresOutbox:
    """The table ``outbox``."""

    connection: Connection

    def add(self, queue: str, bodies: Iterable[str]) -> int:
        """Store bodies; returns how many."""
        rows = [(queue, body) for body in bodies]
        if rows:
            cursor: Any = self.connection.connection.cursor()
            execute_values(cursor, "INSERT INTO outbox (queue, body) VALUES %s", rows, page_size=1000)
            cursor.close()
        return len(rows)

    def take(self, *, limit: int, without: Collection[str] = ()) -> list[tuple[int, str, str]]:
        """Lock (id, queue, body) of unsent messages; another relay skips them."""
        rows = self.connection.execute(
            text(
                "SELECT outbox_id, queue, body FROM outbox WHERE queue <> ALL(:without)"
                " ORDER BY outbox_id LIMIT :n FOR UPDATE SKIP LOCKED"
            ),
            {"n": limit, "without": list(without)},
        )
        return [(row.outbox_id, row.queue, row.body) for row in rows]

    def delete(self, ids: Sequence[int]) -> None:
        """Forget messages that were sent."""
        self.connection.execute(text("DELETE FROM outbox WHERE outbox_id = ANY(:ids)"), {"ids": list(ids)})


@dataclass(frozen=True, slots=True)
class FiledLetter:
    """A dead letter: the queue it died in, and when it was sent again, if it was."""

    queue: str
    body: str
    redriven_at: datetime | None


@dataclass(frozen=True, slots=True)
class PostgresDeadLetters:
    """The table ``dead_letter``."""

    connection: Connection

    def file(
        self,
        *,
        scope: str,
        queue: str,
        message_id: str,
        body: str,
        reason: str,
        batch_id: str | None,
        item_id: str | None,
    ) -> None:
        """Keep what no worker could handle, with the reason; once per message of a queue, however often it comes."""
        self.connection.execute(
            text(
                "INSERT INTO dead_letter (scope, queue, message_id, body, reason, batch_id, item_id)"
                " VALUES (:scope, :queue, :message, :body, :reason, :batch, :item) ON CONFLICT DO NOTHING"
            ),
            {
                "scope": scope,
                "queue": queue,
                "message": message_id,
                "body": body,
                "reason": reason,
                "batch": batch_id,
                "item": item_id,
            },
        )

    def take(self, dead_letter_id: int) -> FiledLetter | None:
        """One dead letter, locked until the transaction ends: it is sent again once."""
        statement = text("SELECT queue, body, redriven_at FROM dead_letter WHERE dead_letter_id = :id FOR UPDATE")
        row = self.connection.execute(statement, {"id": dead_letter_id}).first()
        return None if row is None else FiledLetter(**row._mapping)

    def mark_redriven(self, dead_letter_id: int) -> None:
        """It was sent again."""
        statement = text("UPDATE dead_letter SET redriven_at = now() WHERE dead_letter_id = :id")
        self.connection.execute(statement, {"id": dead_letter_id})
