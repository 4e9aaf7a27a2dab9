"""Webhooks and their deliveries. A delivery is stored with its event; whoever sends it holds its webhook meanwhile."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from core.domain.principal import Principal


@dataclass(frozen=True, slots=True)
class DueDelivery:
    """A delivery that is ours to send until ``held_until``; ``attempts`` counts this one, too."""

    delivery_id: int
    organisation_id: str
    webhook_id: str
    url: str
    body: Mapping[str, Any]
    attempts: int
    created_at: datetime
    held_until: datetime


def queue_deliveries(connection: Connection, *, organisation_id: str, body: Mapping[str, Any]) -> None:
    """A delivery of the event for each webhook of the organisation that wants its status."""
    connection.execute(
        text(
            "INSERT INTO webhook_delivery (organisation_id, webhook_id, body)"
            " SELECT organisation_id, webhook_id, CAST(:body AS jsonb) FROM webhook"
            " WHERE organisation_id = :organisation AND disabled_at IS NULL AND :status = ANY(statuses)"
        ),
        {"organisation": organisation_id, "status": body["status"], "body": json.dumps(body)},
    )


# --- what its organisation does -----------------------------------------------------------------------


def count_webhooks(connection: Connection, principal: Principal) -> int:
    """Of the organisation; those that are made at the same time wait for each other."""
    ours = {"organisation": principal.organisation_id}
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('webhook ' || :organisation, 0))"), ours)
    statement = text("SELECT count(*) FROM webhook WHERE organisation_id = :organisation")
    return int(connection.execute(statement, ours).scalar_one())


def insert_webhook(
    connection: Connection, principal: Principal, *, webhook_id: str, url: str, statuses: Sequence[str], now: datetime
) -> None:
    """A webhook of the organisation."""
    connection.execute(
        text(
            "INSERT INTO webhook (webhook_id, organisation_id, url, statuses, created_by, created_at)"
            " VALUES (:id, :organisation, :url, :statuses, :by, :now)"
        ),
        {
            "id": webhook_id,
            "organisation": principal.organisation_id,
            "url": url,
            "statuses": list(statuses),
            "by": principal.actor,
            "now": now,
        },
    )


def update_webhook(
    connection: Connection,
    principal: Principal,
    webhook_id: str,
    *,
    url: str | None,
    statuses: Sequence[str] | None,
) -> bool:
    """Whether there is such a webhook; None leaves a value as it is."""
    statement = text(
        "UPDATE webhook SET url = coalesce(:url, url), statuses = coalesce(:statuses, statuses)"
        " WHERE webhook_id = :id AND organisation_id = :organisation"
    )
    given = None if statuses is None else list(statuses)
    values = {"id": webhook_id, "organisation": principal.organisation_id, "url": url, "statuses": given}
    return bool(connection.execute(statement, values).rowcount)


def enable_webhook(connection: Connection, principal: Principal, webhook_id: str) -> None:
    """It is sent to again, with a clean record."""
    connection.execute(
        text(
            "UPDATE webhook SET disabled_at = NULL, disabled_reason = NULL, failures = 0, failing_since = NULL"
            " WHERE webhook_id = :id AND organisation_id = :organisation"
        ),
        {"id": webhook_id, "organisation": principal.organisation_id},
    )


def disable_webhook(
    connection: Connection, organisation_id: str, webhook_id: str, *, reason: str, now: datetime
) -> None:
    """Nothing is sent to it from now on, not even what waits."""
    values = {"id": webhook_id, "organisation": organisation_id, "reason": reason, "now": now}
    connection.execute(
        text(
            "UPDATE webhook SET disabled_at = :now, disabled_reason = :reason"
            " WHERE webhook_id = :id AND organisation_id = :organisation"
        ),
        values,
    )
    connection.execute(
        text(
            "UPDATE webhook_delivery SET state = 'failed', settled_at = :now, error = 'its webhook was disabled'"
            " WHERE webhook_id = :id AND organisation_id = :organisation AND state = 'pending'"
        ),
        values,
    )


def delete_webhook(connection: Connection, principal: Principal, webhook_id: str) -> bool:
    """With its deliveries; whether there was such a webhook."""
    statement = text("DELETE FROM webhook WHERE webhook_id = :id AND organisation_id = :organisation")
    values = {"id": webhook_id, "organisation": principal.organisation_id}
    return bool(connection.execute(statement, values).rowcount)


def insert_delivery(
    connection: Connection, principal: Principal, webhook_id: str, body: Mapping[str, Any], *, now: datetime
) -> int:
    """A delivery that is due now; its id."""
    statement = text(
        "INSERT INTO webhook_delivery (organisation_id, webhook_id, body, due_at)"
        " VALUES (:organisation, :id, :body, :now) RETURNING delivery_id"
    )
    values = {"organisation": principal.organisation_id, "id": webhook_id, "body": json.dumps(body), "now": now}
    return int(connection.execute(statement, values).scalar_one())


def send_again(
    connection: Connection, principal: Principal, webhook_id: str, delivery_id: int, *, now: datetime
) -> bool:
    """A delivery that is over starts anew; whether it did."""
    statement = text(
        "UPDATE webhook_delivery SET state = 'pending', attempts = 0, due_at = :now, settled_at = NULL, error = NULL,"
        " answer_status = NULL WHERE webhook_id = :id AND delivery_id = :delivery AND state <> 'pending'"
        " AND organisation_id = :organisation"
    )
    organisation = principal.organisation_id
    values = {"id": webhook_id, "organisation": organisation, "delivery": delivery_id, "now": now}
    return bool(connection.execute(statement, values).rowcount)


# --- what whoever delivers does -----------------------------------------------------------------------


def claim_delivery(connection: Connection, *, now: datetime, held_until: datetime) -> DueDelivery | None:
    """The oldest due delivery of the webhook that was served longest ago, and with it the webhook."""
    webhook = connection.execute(
        text(
            "UPDATE webhook SET busy_until = :until WHERE webhook_id = ("
            " SELECT w.webhook_id FROM webhook w WHERE w.disabled_at IS NULL"
            " AND (w.busy_until IS NULL OR w.busy_until <= :now)"
            " AND EXISTS (SELECT FROM webhook_delivery d WHERE d.webhook_id = w.webhook_id AND d.state = 'pending'"
            " AND d.due_at <= :now)"
            " ORDER BY w.busy_until NULLS FIRST LIMIT 1 FOR UPDATE SKIP LOCKED)"
            " RETURNING webhook_id, organisation_id, url"
        ),
        {"now": now, "until": held_until},
    ).one_or_none()
    if webhook is None:
        return None
    delivery = connection.execute(
        text(
            "UPDATE webhook_delivery SET attempts = attempts + 1 WHERE delivery_id = ("
            " SELECT delivery_id FROM webhook_delivery WHERE webhook_id = :id AND state = 'pending' AND due_at <= :now"
            " ORDER BY due_at, delivery_id LIMIT 1) RETURNING delivery_id, body, attempts, created_at"
        ),
        {"id": webhook.webhook_id, "now": now},
    ).one_or_none()
    if delivery is None:  # another process was faster: it sent it between the two questions
        release_webhook(connection, webhook.webhook_id, held_until=held_until, until=now)
        return None
    return DueDelivery(**webhook._mapping, **delivery._mapping, held_until=held_until)


def release_webhook(connection: Connection, webhook_id: str, *, held_until: datetime, until: datetime) -> None:
    """Others may send to it from ``until`` on, unless the hold has run out and is somebody else's."""
    connection.execute(
        text("UPDATE webhook SET busy_until = :until WHERE webhook_id = :id AND busy_until = :held"),
        {"id": webhook_id, "held": held_until, "until": until},
    )


def settle_delivered(connection: Connection, delivery: DueDelivery, *, status: int, now: datetime) -> None:
    """It arrived."""
    connection.execute(
        text(
            "UPDATE webhook_delivery SET state = 'delivered', settled_at = :now, answer_status = :status, error = NULL"
            " WHERE delivery_id = :id AND state = 'pending'"
        ),
        {"id": delivery.delivery_id, "now": now, "status": status},
    )
    connection.execute(
        text("UPDATE webhook SET failures = 0, failing_since = NULL WHERE webhook_id = :id"),
        {"id": delivery.webhook_id},
    )


def settle_failed(
    connection: Connection,
    delivery: DueDelivery,
    *,
    status: int | None,
    error: str,
    next_at: datetime | None,
    now: datetime,
) -> tuple[int, datetime] | None:
    """It didn't, and is tried ``next_at`` or never again. How often in a row, and since when, its webhook has failed;
    None when the webhook is deleted or disabled."""
    connection.execute(
        text(
            "UPDATE webhook_delivery SET answer_status = :status, error = :error, due_at = coalesce(:next, due_at),"
            " state = CASE WHEN CAST(:next AS timestamptz) IS NULL THEN 'failed' ELSE state END,"
            " settled_at = CASE WHEN CAST(:next AS timestamptz) IS NULL THEN CAST(:now AS timestamptz) END"
            " WHERE delivery_id = :id AND state = 'pending'"
        ),
        {"id": delivery.delivery_id, "status": status, "error": error, "next": next_at, "now": now},
    )
    row = connection.execute(
        text(
            "UPDATE webhook SET failures = failures + 1, failing_since = coalesce(failing_since, :now)"
            " WHERE webhook_id = :id AND disabled_at IS NULL RETURNING failures, failing_since"
        ),
        {"id": delivery.webhook_id, "now": now},
    ).one_or_none()
    return None if row is None else (row.failures, row.failing_since)
