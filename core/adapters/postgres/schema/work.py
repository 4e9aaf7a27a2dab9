"""What people asked for, and how they hear of it."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    text,
)

from core.adapters.postgres.schema.columns import json_column, metadata, text_column, texts_column, time_column

request = Table(
    "request",
    metadata,
    text_column("request_id"),
    text_column("organisation_id"),
    text_column("kind"),  # ingest | import | repair | analyse | export
    text_column("status"),  # queued | processing | completed | failed | cancelled
    json_column("params"),
    json_column("progress"),
    json_column("result", nullable=True),
    text_column("error", nullable=True),
    text_column("created_by", nullable=True),  # actor
    time_column("created_at"),
    time_column("updated_at"),
    PrimaryKeyConstraint("request_id"),
    Index("ix_request_recent", "organisation_id", "created_at"),
    Index(
        "ix_request_open", "organisation_id", "created_at", postgresql_where=text("status IN ('queued', 'processing')")
    ),
)

event = Table(
    "event",
    metadata,
    Column("event_id", BigInteger, autoincrement=True, nullable=False),
    text_column("organisation_id"),
    text_column("request_id"),
    json_column("body"),
    time_column("created_at"),
    PrimaryKeyConstraint("event_id"),
    Index("ix_event_organisation", "organisation_id", "event_id"),
)

rejected_row = Table(
    "rejected_row",
    metadata,
    text_column("request_id"),
    Column("position", Integer, nullable=False),
    text_column("organisation_id"),
    text_column("file"),
    Column("line", Integer),
    text_column("code"),
    text_column("reason"),
    text_column("excerpt"),
    PrimaryKeyConstraint("request_id", "position"),
    ForeignKeyConstraint(["request_id"], ["request.request_id"]),
)

export_file = Table(
    "export_file",
    metadata,
    text_column("request_id"),
    text_column("sha256"),
    text_column("organisation_id"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("request_id", "sha256"),
    ForeignKeyConstraint(["request_id"], ["request.request_id"]),
    Index("ix_export_file_sha256", "sha256"),  # the same content may be the file of several exports
    Index("ix_export_file_expiry", "expires_at"),
)

idempotency_key = Table(
    "idempotency_key",
    metadata,
    text_column("organisation_id"),
    text_column("actor"),
    text_column("key"),
    text_column("fingerprint"),  # of method, path and body
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    time_column("created_at"),
    PrimaryKeyConstraint("organisation_id", "actor", "key"),
    Index("ix_idempotency_key_age", "created_at"),
)

webhook = Table(
    "webhook",
    metadata,
    text_column("webhook_id"),
    text_column("organisation_id"),
    text_column("url"),
    texts_column("statuses"),  # of requests
    text_column("created_by"),
    time_column("created_at"),
    Column("failures", Integer, nullable=False, server_default=text("0")),  # in a row
    time_column("failing_since", nullable=True),
    time_column("busy_until", nullable=True),  # whoever sends to it holds it: one delivery at a time
    time_column("disabled_at", nullable=True),
    text_column("disabled_reason", nullable=True),
    PrimaryKeyConstraint("webhook_id"),
    Index("ix_webhook_organisation", "organisation_id", "created_at"),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("delivery_id", BigInteger, autoincrement=True, nullable=False),
    text_column("organisation_id"),
    text_column("webhook_id"),
    json_column("body"),
    text_column("state", server_default="pending"),  # pending | delivered | failed
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    time_column("due_at"),
    Column("answer_status", Integer),
    text_column("error", nullable=True),
    time_column("created_at"),
    time_column("settled_at", nullable=True),
    PrimaryKeyConstraint("delivery_id"),
    ForeignKeyConstraint(["webhook_id"], ["webhook.webhook_id"], ondelete="CASCADE"),
    Index("ix_webhook_delivery_due", "webhook_id", "due_at", postgresql_where=text("state = 'pending'")),
    Index("ix_webhook_delivery_webhook", "webhook_id", "delivery_id"),
    Index("ix_webhook_delivery_settled", "settled_at"),
)

api_usage = Table(
    "api_usage",
    metadata,
    text_column("organisation_id"),
    Column("minute", DateTime(timezone=True), nullable=False),
    Column("requests", BigInteger, nullable=False),
    Column("total_ms", Float, nullable=False),
    PrimaryKeyConstraint("organisation_id", "minute"),
)
