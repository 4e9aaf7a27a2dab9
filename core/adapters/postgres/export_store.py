"""Exports: their requests as a worker moves them on, and whose file which content is.

A file is claimed before it is stored and forgotten together with its row, both under one lock of its hash: content
that two exports share goes when the last of them goes, and never between a claim and its storing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from core.adapters.postgres.request_store import record_event

_IS_OPEN = "kind = 'export' AND status IN ('queued', 'processing')"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """An export that somebody waits for."""

    request_id: str
    organisation_id: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PostgresExports:
    """What a worker needs of the tables ``request`` and ``export_file``."""

    connection: Connection

    def begin(self, request_id: str) -> ExportRequest | None:
        """The request, in work from now on; None for one that is over or unknown."""
        row = self._move(request_id, "status = 'processing'", "request_id, organisation_id, params")
        return None if row is None else ExportRequest(**row._mapping)

    def tell(self, request_id: str, progress: Mapping[str, int]) -> bool:
        """Store how far it is; False once nobody waits for it."""
        row = self._move(request_id, "progress = :progress", "organisation_id", progress=json.dumps(progress))
        if row is not None:
            self._announce(row, request_id, "processing", progress)
        return row is not None

    def finish(self, request_id: str, result: Mapping[str, Any]) -> bool:
        """It is completed; False if it was over already."""
        row = self._move(
            request_id, "status = 'completed', result = :result", "organisation_id", result=json.dumps(result)
        )
        if row is not None:
            self._announce(row, request_id, "completed", result)
        return row is not None

    def fail(self, request_id: str, reason: str) -> None:
        """It ends with this reason, unless it is over already."""
        row = self._move(request_id, "status = 'failed', error = :reason", "organisation_id", reason=reason)
        if row is not None:
            self._announce(row, request_id, "failed", {"error": reason})

    def claim(self, request: ExportRequest, sha256: str, *, expires_at: datetime) -> None:
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

    def _move(self, request_id: str, changes: str, returning: str, **values: Any) -> Any:
        statement = (
            f"UPDATE request SET {changes}, updated_at = now()"  # noqa: S608  constants of this module
            f" WHERE request_id = :request AND {_IS_OPEN} RETURNING {returning}"
        )
        return self.connection.execute(text(statement), {"request": request_id, **values}).one_or_none()

    def _announce(self, row: Any, request_id: str, status: str, result: Mapping[str, Any]) -> None:
        record_event(
            self.connection,
            organisation_id=row.organisation_id,
            request_id=request_id,
            status=status,
            result=dict(result),
        )


def reopen_export(connection: Connection, request_id: str) -> bool:
    """Queue a failed export again; False for anything else."""
    row = connection.execute(
        text(
            "UPDATE request SET status = 'queued', error = NULL, updated_at = now()"
            " WHERE request_id = :request AND kind = 'export' AND status = 'failed' RETURNING organisation_id"
        ),
        {"request": request_id},
    ).one_or_none()
    if row is not None:
        record_event(connection, organisation_id=row.organisation_id, request_id=request_id, status="queued")
    return row is not None
