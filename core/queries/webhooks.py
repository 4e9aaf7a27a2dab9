"""The webhooks of an organisation and what was sent to them; for those who may administer it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import webhook, webhook_delivery
from core.domain.principal import Permission, Principal
from core.errors import NotFoundError
from core.queries.pages import MAX_PAGE, AnySelect, Page, checked_limit, decode_cursor, make_page, number_in


@dataclass(frozen=True, slots=True)
class WebhookView:
    """``failures`` in a row since ``failing_since``; a disabled one is sent nothing."""

    webhook_id: str
    url: str
    statuses: Sequence[str]
    created_by: str
    created_at: datetime
    failures: int
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_reason: str | None


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """``state``: pending (due at ``due_at``), delivered or failed; status and error of the last attempt."""

    delivery_id: int
    state: str
    attempts: int
    body: Mapping[str, Any]
    created_at: datetime
    due_at: datetime
    settled_at: datetime | None
    answer_status: int | None
    error: str | None


def list_webhooks(database: Database, principal: Principal) -> list[WebhookView]:
    """Oldest first; an organisation has few."""
    require(principal, Permission.ADMIN)
    statement = _webhooks(principal).order_by(webhook.c.created_at, webhook.c.webhook_id).limit(MAX_PAGE)
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* list_webhooks */"))
        return [WebhookView(**row._mapping) for row in rows]


def get_webhook(database: Database, principal: Principal, webhook_id: str) -> WebhookView:
    """Raises NotFoundError."""
    require(principal, Permission.ADMIN)
    with database.reader(principal) as connection:
        row = connection.execute(_webhooks(principal).where(webhook.c.webhook_id == webhook_id)).one_or_none()
    if row is None:
        raise NotFoundError("there is no such webhook in your organisation")
    return WebhookView(**row._mapping)


def list_deliveries(
    database: Database, principal: Principal, webhook_id: str, *, cursor: str | None = None, limit: int = 50
) -> Page[DeliveryView]:
    """Newest first. Raises NotFoundError (webhook)."""
    get_webhook(database, principal, webhook_id)
    question = ("deliveries", webhook_id)
    position = decode_cursor(cursor, question, parts=1)
    key = webhook_delivery.c.delivery_id
    statement = _deliveries(principal, webhook_id).order_by(key.desc()).limit(checked_limit(limit) + 1)
    if position is not None:
        statement = statement.where(key < number_in(position[0]))
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* list_deliveries */"))
        found = [DeliveryView(**row._mapping) for row in rows]
    return make_page(found, limit, question=question, key=lambda item: (item.delivery_id,))


def get_delivery(database: Database, principal: Principal, webhook_id: str, delivery_id: int) -> DeliveryView:
    """Raises NotFoundError."""
    require(principal, Permission.ADMIN)
    statement = _deliveries(principal, webhook_id).where(webhook_delivery.c.delivery_id == delivery_id)
    with database.reader(principal) as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError("there is no such delivery")
    return DeliveryView(**row._mapping)


def _webhooks(principal: Principal) -> AnySelect:
    columns = (webhook.c[name] for name in WebhookView.__dataclass_fields__)
    return select(*columns).where(webhook.c.organisation_id == principal.organisation_id)


def _deliveries(principal: Principal, webhook_id: str) -> AnySelect:
    columns = (webhook_delivery.c[name] for name in DeliveryView.__dataclass_fields__)
    ours = webhook_delivery.c.organisation_id == principal.organisation_id
    return select(*columns).where(ours, webhook_delivery.c.webhook_id == webhook_id)
