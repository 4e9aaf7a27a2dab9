"""What was done, by whom: written in the transaction that did it, never changed."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text

from core.domain.principal import SYSTEM, Principal
from core.observability.logs import current_context


def record(connection: Connection, principal: Principal, action: str, subject: str, **details: Any) -> None:
    """Append an audit row. ``details`` hold no secret."""
    _append(connection, (principal.organisation_id, principal.actor), action, subject, details)


def record_by_system(connection: Connection, organisation_id: str, action: str, subject: str, **details: Any) -> None:
    """Append an audit row for what nobody asked for."""
    _append(connection, (organisation_id, SYSTEM), action, subject, details)


def _append(connection: Connection, who: tuple[str, str], action: str, subject: str, details: dict[str, Any]) -> None:
    connection.execute(
        text(
            "INSERT INTO audit (organisation_id, actor, action, subject, details, trace_id)"
            " VALUES (:organisation, :actor, :action, :subject, :details, :trace)"
        ),
        {
            "organisation": who[0],
            "actor": who[1],
            "action": action,
            "subject": subject,
            "details": json.dumps(details),
            "trace": current_context().get("trace_id"),
        },
    )
