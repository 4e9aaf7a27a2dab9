"""Requests that whoever works on them moves on himself, from ``queued`` to their end: exports and analyses.

One that is over stays as it is: of two who work on it, the first to end it wins, and nobody revives a cancelled one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from core.adapters.postgres.request_store import record_event

_OPEN = "status IN ('queued', 'processing')"


@dataclass(frozen=True, slots=True)
class WorkedRequest:
    """A request that somebody waits for."""

    request_id: str
    organisation_id: str
    params: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkedRequests:
    """Those of one kind in the table ``request``. Each step is an event."""

    connection: Connection
    kind: str

    def begin(self, request_id: str) -> WorkedRequest | None:
        """The request, in work from now on; None for one that is over or unknown."""
        row = self._move(request_id, "status = 'processing'", "request_id, organisation_id, params")
        return None if row is None else WorkedRequest(**row._mapping)

    def tell(self, request_id: str, progress: Mapping[str, int]) -> bool:
        """Store how far it is; False once nobody waits for it."""
        row = self._move(request_id, "progress = :progress", "organisation_id", progress=json.dumps(progress))
        return self._announce(row, request_id, "processing", progress)

    def finish(self, request_id: str, result: Mapping[str, Any]) -> bool:
        """It is completed; False if it was over already."""
        changes = "status = 'completed', result = :result"
        row = self._move(request_id, changes, "organisation_id", result=json.dumps(result))
        return self._announce(row, request_id, "completed", result)

    def fail(self, request_id: str, reason: str) -> None:
        """It ends with this reason, unless it is over already."""
        row = self._move(request_id, "status = 'failed', error = :reason", "organisation_id", reason=reason)
        self._announce(row, request_id, "failed", {"error": reason})

    def reopen(self, request_id: str) -> bool:
        """Queue a failed one again; False for anything else."""
        changes = "status = 'queued', error = NULL"
        row = self._move(request_id, changes, "organisation_id", among="status = 'failed'")
        return self._announce(row, request_id, "queued", None)

    def _move(self, request_id: str, changes: str, returning: str, *, among: str = _OPEN, **values: Any) -> Any:
        statement = (
            f"UPDATE request SET {changes}, updated_at = now()"  # noqa: S608  constants of this module
            f" WHERE request_id = :request AND kind = :kind AND {among} RETURNING {returning}"
        )
        return self.connection.execute(
            text(statement), {"request": request_id, "kind": self.kind, **values}
        ).one_or_none()

    def _announce(self, row: Any, request_id: str, status: str, result: Mapping[str, Any] | None) -> bool:
        if row is None:
            return False
        told = None if result is None else dict(result)
        record_event(
            self.connection, organisation_id=row.organisation_id, request_id=request_id, status=status, result=told
        )
        return True
