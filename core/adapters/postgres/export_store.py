"""Exports: their requests as a worker moves them on, and whose file which content is.

A file is claimed before it is stored and forgotten together with its row, both under one lock of its hash: content
that two exports share goes when the last of them goes, and never between a claim and its storing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from core.adapters.postgres.worked_requests import WorkedRequest, WorkedRequests


@dataclass(frozen=True, slots=True)
class PostgresExports(WorkedRequests):
    """What a worker needs of the tables ``request`` and ``export_file``."""

    kind: str = "export"

    def claim(self, request: WorkedRequest, sha256: str, *, expires_at: datetime) -> None:
        """Say whose file this content will be, before it is stored."""
        self.lock(sha256)
        self.connection.execute(
            text(
                "INSERT INTO export_file (request_id, sha256, organisation_id, expires_at)"
                " VALUES (:request, :sha256, :organisation, :expires)"
                " ON CONFLICT (request_id, sha256) DO UPDATE SET expires_at = excluded.expires_at"
            ),
            {
                "request": request.request_id,
                "sha256": sha256,
                "organisation": request.organisation_id,
                "expires": expires_at,
            },
        )

    def lock(self, sha256: str) -> None:
        """Until the transaction ends nobody else claims or forgets this content."""
        self.connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:sha256, 0))"), {"sha256": sha256})

    def release(self, request_id: str, sha256: str) -> bool:
        """The content is the export's no longer, under the lock; returns whether it is nobody's any more."""
        values = {"request": request_id, "sha256": sha256}
        self.connection.execute(
            text("DELETE FROM export_file WHERE request_id = :request AND sha256 = :sha256"), values
        )
        self.connection.execute(
            text(
                "UPDATE request SET result = result || jsonb_build_object('expired', true)"
                " WHERE request_id = :request AND status = 'completed' AND result ->> 'sha256' = :sha256"
            ),
            values,
        )
        statement = text("SELECT 1 FROM export_file WHERE sha256 = :sha256 LIMIT 1")
        return self.connection.execute(statement, values).first() is None

    def others(self, request_id: str, sha256: str) -> Sequence[str]:
        """The contents that workers before have claimed for the request."""
        statement = text("SELECT sha256 FROM export_file WHERE request_id = :request AND sha256 <> :sha256")
        return list(self.connection.execute(statement, {"request": request_id, "sha256": sha256}).scalars())

    def is_the_result(self, request_id: str, sha256: str) -> bool:
        """Whether the request ended with this very content."""
        statement = text(
            "SELECT 1 FROM request WHERE request_id = :request AND status = 'completed'"
            " AND result ->> 'sha256' = :sha256"
        )
        return self.connection.execute(statement, {"request": request_id, "sha256": sha256}).first() is not None

    def expired(self, now: datetime, *, limit: int) -> Sequence[tuple[str, str]]:
        """(request_id, sha256) of files that were kept long enough, oldest first."""
        rows = self.connection.execute(
            text(
                "SELECT request_id, sha256 FROM export_file WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit"
            ),
            {"now": now, "limit": limit},
        )
        return [(row.request_id, row.sha256) for row in rows]
