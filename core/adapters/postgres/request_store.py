"""Requests and their events. An event is a row; NOTIFY only says that there is one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from core.adapters.postgres.bulk import copy_upsert
from core.adapters.postgres.runs import PostgresRuns
from core.adapters.postgres.schema import rejected_row
from core.adapters.postgres.webhook_store import queue_deliveries
from core.domain.ad import Rejection
from core.domain.principal import Principal
from core.domain.run import Run

EVENT_CHANNEL = "adology_events"  # the trigger order_event speaks there


def insert_request(connection: Connection, principal: Principal, *, kind: str, params: Mapping[str, Any]) -> str:
    """A new request in state ``queued``; returns its id."""
    request_id = secrets.token_hex(12)
    organisation_id = principal.organisation_id
    connection.execute(
        text(
            "INSERT INTO request (request_id, organisation_id, kind, status, params, progress, created_by)"
            " VALUES (:id, :organisation, :kind, 'queued', :params, '{}', :actor)"
        ),
        {
            "id": request_id,
            "organisation": organisation_id,
            "kind": kind,
            "params": json.dumps(params),
            "actor": principal.actor,
        },
    )
    record_event(connection, organisation_id=organisation_id, request_id=request_id, status="queued")
    return request_id


def insert_rejections(
    connection: Connection, *, request_id: str, organisation_id: str, rejections: Sequence[Rejection]
) -> None:
    """The rows of a request that were not stored, with line and reason."""
    columns = ("request_id", "position", "organisation_id", "file", "line", "code", "reason", "excerpt")
    rows = (
        (request_id, position, organisation_id, item.file, item.line, item.code, item.reason, item.excerpt)
        for position, item in enumerate(rejections)
    )
    copy_upsert(connection, rejected_row, columns, rows)


def record_event(
    connection: Connection, *, organisation_id: str, request_id: str, status: str, result: Any = None
) -> None:
    """Store an event in the specification's shape, and a delivery to each webhook that wants it.

    It gets its id, and the hubs hear of it, at the commit.
    """
    body = {"request_id": request_id, "status": status, "result": result}
    queue_deliveries(connection, organisation_id=organisation_id, body=body)
    connection.execute(
        text("INSERT INTO event (organisation_id, request_id, body) VALUES (:organisation, :request, :body)"),
        {"organisation": organisation_id, "request": request_id, "body": json.dumps(body)},
    )


@dataclass(frozen=True, slots=True)
class PostgresRequests:
    """What the pipeline needs of the tables ``request`` and ``request_run``."""

    connection: Connection

    def link(self, *, request_id: str, batch_id: str) -> None:
        """Hang a request on a run; repeated links and unknown requests change nothing."""
        self.connection.execute(
            text(
                "INSERT INTO request_run (request_id, batch_id, organisation_id)"
                " SELECT request_id, :batch, organisation_id FROM request WHERE request_id = :request"
                " ON CONFLICT DO NOTHING"
            ),
            {"request": request_id, "batch": batch_id},
        )

    def run_of(self, request_id: str, *, brand_slug: str, scope: str) -> Run | None:
        """The newest run of the (brand, scope) on which the request hangs."""
        found = self.connection.execute(
            text(
                "SELECT batch_id FROM request_run JOIN run USING (batch_id)"
                " WHERE request_id = :request AND brand_slug = :brand AND scope = :scope"
                " ORDER BY run.created_at DESC LIMIT 1"
            ),
            {"request": request_id, "brand": brand_slug, "scope": scope},
        ).scalar()
        return None if found is None else PostgresRuns(self.connection).find(found)

    def is_wanted(self, request_id: str) -> bool:
        """False once it was cancelled."""
        statement = text("SELECT 1 FROM request WHERE request_id = :request AND status = 'cancelled'")
        return self.connection.execute(statement, {"request": request_id}).first() is None


def open_requests(connection: Connection, *, after: str = "", limit: int = 500) -> list[dict[str, Any]]:
    """Requests for runs that aren't over, or were cancelled and have no ledger yet, by id from ``after`` on; locked so
    that one process reports each. Whoever works on an export or analysis reports it himself."""
    rows = connection.execute(
        text(
            "SELECT request_id, organisation_id, kind, status, params, progress FROM request"
            " WHERE (status IN ('queued', 'processing') OR (status = 'cancelled' AND result IS NULL))"
            " AND kind NOT IN ('export', 'analyse') AND request_id > :after"
            " ORDER BY request_id LIMIT :limit FOR UPDATE SKIP LOCKED"
        ),
        {"after": after, "limit": limit},
    )
    return [dict(row._mapping) for row in rows]


def runs_of(connection: Connection, request_id: str) -> list[dict[str, Any]]:
    """The runs of a request with counts of their items."""
    rows = connection.execute(
        text(
            "SELECT r.batch_id, r.scope, r.brand_slug, r.state, r.ai_state, r.expected_count, r.partial, r.ledger,"
            " r.error,"
            " (SELECT count(*) FROM run_item i WHERE i.batch_id = r.batch_id AND i.state <> 'pending') AS finished"
            " FROM request_run q JOIN run r USING (batch_id) WHERE q.request_id = :request ORDER BY r.created_at"
        ),
        {"request": request_id},
    )
    return [dict(row._mapping) for row in rows]


def update_request(
    connection: Connection,
    request_id: str,
    *,
    status: str,
    progress: Mapping[str, Any],
    result: Any = None,
    error: str | None = None,
) -> None:
    """Move a request on."""
    connection.execute(
        text(
            "UPDATE request SET status = :status, progress = :progress, result = :result, error = :error,"
            " updated_at = now() WHERE request_id = :id"
        ),
        {
            "id": request_id,
            "status": status,
            "progress": json.dumps(progress),
            "result": None if result is None else json.dumps(result),
            "error": error,
        },
    )


def cancel_open_request(connection: Connection, *, organisation_id: str, request_id: str) -> str | None:
    """Cancel a request that isn't over; returns its status afterwards, None for one that isn't the organisation's."""
    values = {"id": request_id, "organisation": organisation_id}
    cancelled = connection.execute(
        text(
            "UPDATE request SET status = 'cancelled', updated_at = now() WHERE request_id = :id"
            " AND organisation_id = :organisation AND status IN ('queued', 'processing')"
        ),
        values,
    ).rowcount
    if cancelled:
        record_event(connection, organisation_id=organisation_id, request_id=request_id, status="cancelled")
    statement = text("SELECT status FROM request WHERE request_id = :id AND organisation_id = :organisation")
    status: str | None = connection.execute(statement, values).scalar()
    return status


def count_rejections(connection: Connection, request_id: str) -> int:
    """Rows of the request that were not stored."""
    count: int = connection.execute(
        text("SELECT count(*) FROM rejected_row WHERE request_id = :id"), {"id": request_id}
    ).scalar_one()
    return count


def forget_old_events(connection: Connection, *, hours: int) -> int:
    """Delete events older than ``hours``, but of each organisation the newest of them: it marks where what is kept
    begins. Returns how many."""
    statement = text(
        "DELETE FROM event USING (SELECT organisation_id, max(event_id) AS mark FROM event"
        " WHERE created_at < now() - make_interval(hours => :hours) GROUP BY organisation_id) old"
        " WHERE event.organisation_id = old.organisation_id AND event.event_id < old.mark"
    )
    return connection.execute(statement, {"hours": hours}).rowcount


def has_requests(connection: Connection, principal: Principal) -> bool:
    """Whether the organisation ever asked for anything."""
    statement = text("SELECT 1 FROM request WHERE organisation_id = :organisation LIMIT 1")
    return connection.execute(statement, {"organisation": principal.organisation_id}).first() is not None
