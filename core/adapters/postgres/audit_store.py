"""What was done, by whom: written in the transaction that did it, never changed."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, text

from core.domain.principal import Principal
from core.observability.logs import current_context


def record(connection: Connection, principal: Principal, action: str, subject: str, **details: Any) -> None:
    """Append an audit row. ``details`` hold no secret."""
    connection.execute(
        text(
            "INSERT INTO audit (organisation_id, actor, action, subject, details, trace_id)"
            " VALUES (:organisation, :actor, :action, :subject, :details, :trace)"
        ),
        {
            "organisation": principal.organisation_id,
            "actor": principal.actor,
            "action": action,
            "subject": subject,
            "details": json.dumps(details),
            "trace": current_context().get("trace_id"),
        },
    )
