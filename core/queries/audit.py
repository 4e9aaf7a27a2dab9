"""The audit trail: what was changed in an organisation, by whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import audit
from core.domain.principal import Permission, Principal
from core.queries.pages import Page, checked_limit, decode_cursor, make_page, number_in


@dataclass(frozen=True, slots=True)
class AuditView:
    """One change. ``actor``: ``user:<id>``, ``key:<id>``, command-line or operator; ``trace_id`` as in the log."""

    audit_id: int
    actor: str
    action: str
    subject: str
    details: Mapping[str, Any]
    trace_id: str | None
    created_at: datetime


def audit_trail(
    database: Database,
    principal: Principal,
    *,
    action: str | None = None,
    actor: str | None = None,
    since: datetime | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[AuditView]:
    """The organisation's changes, newest first: of one kind, by one actor, from a time on. Raises NotAllowedError."""
    require(principal, Permission.ADMIN)
    question = ("audit", action, actor, since)
    position = decode_cursor(cursor, question, parts=1)
    conditions = [audit.c.organisation_id == principal.organisation_id]
    if position is not None:
        conditions.append(audit.c.audit_id < number_in(position[0]))
    if action is not None:
        conditions.append(audit.c.action == action)
    if actor is not None:
        conditions.append(audit.c.actor == actor)
    if since is not None:
        conditions.append(audit.c.created_at >= since)
    statement = (
        select(*(audit.c[name] for name in AuditView.__slots__))
        .where(*conditions)
        .order_by(audit.c.audit_id.desc())
        .limit(checked_limit(limit) + 1)
        .prefix_with("/* audit_trail */")
    )
    with database.reader(principal) as connection:
        found = [AuditView(**row._mapping) for row in connection.execute(statement)]
    return make_page(found, limit, question=question, key=lambda item: (item.audit_id,))
