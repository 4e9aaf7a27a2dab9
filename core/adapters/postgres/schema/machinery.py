"""The pipeline's own: runs, queues, the registry."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from core.adapters.postgres.schema.columns import json_column, metadata, text_column, texts_column, time_column

run = Table(
    "run",
    metadata,
    text_column("batch_id"),
    text_column("scope"),
    text_column("brand_slug"),
    text_column("state"),  # open | committing | committed | failed | cancelled
    Column("expected_count", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    time_column("lease_until", nullable=True),
    Column("partial", Boolean, nullable=False, server_default=text("false")),
    text_column("gather_key"),  # the same gather message finds its run again
    json_column("source"),
    json_column("ledger", nullable=True),
    text_column("ai_state", server_default="none"),  # none | pending | running | done
    Column("ai_fence", BigInteger, nullable=False, server_default=text("0")),
    time_column("ai_lease_until", nullable=True),
    text_column("error", nullable=True),
    time_column("created_at"),
    time_column("last_progress_at"),
    time_column("committed_at", nullable=True),
    PrimaryKeyConstraint("batch_id"),
    UniqueConstraint("gather_key"),
    Index(
        "uq_run_active",
        "scope",
        "brand_slug",
        unique=True,
        postgresql_where=text("state IN ('open', 'committing')"),
    ),
    Index("ix_run_recent", "created_at"),
    Index("ix_run_brand", "brand_slug"),
)

run_record = Table(
    "run_record",
    metadata,
    text_column("batch_id"),
    Column("position", Integer, nullable=False),
    text_column("scope"),
    text_column("ad_id"),
    json_column("record"),
    texts_column("item_ids"),
    PrimaryKeyConstraint("batch_id", "position"),
    ForeignKeyConstraint(["batch_id"], ["run.batch_id"]),
)

run_item = Table(
    "run_item",
    metadata,
    text_column("batch_id"),
    text_column("item_id"),
    text_column("kind"),  # media | text
    text_column("role"),
    text_column("url"),
    text_column("state", server_default="pending"),  # pending | ok | failed: a failed item is a result
    text_column("status", nullable=True),  # MediaStatus
    text_column("reason", nullable=True),
    json_column("result", nullable=True),
    Column("embedding", LargeBinary),
    time_column("finished_at", nullable=True),
    PrimaryKeyConstraint("batch_id", "item_id"),
    ForeignKeyConstraint(["batch_id"], ["run.batch_id"]),
)

request_run = Table(
    "request_run",
    metadata,
    text_column("request_id"),
    text_column("batch_id"),
    text_column("organisation_id"),
    PrimaryKeyConstraint("request_id", "batch_id"),
    ForeignKeyConstraint(["request_id"], ["request.request_id"]),
    ForeignKeyConstraint(["batch_id"], ["run.batch_id"]),
    Index("ix_request_run_batch", "batch_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("outbox_id", BigInteger, autoincrement=True, nullable=False),
    text_column("queue"),
    text_column("body"),
    time_column("created_at"),
    PrimaryKeyConstraint("outbox_id"),
)

queue_message = Table(
    "queue_message",
    metadata,
    Column("message_id", BigInteger, autoincrement=True, nullable=False),
    text_column("queue"),
    text_column("body"),
    time_column("sent_at"),
    time_column("visible_at"),
    time_column("first_received_at", nullable=True),
    Column("receive_count", Integer, nullable=False, server_default=text("0")),
    text_column("receipt", nullable=True),
    text_column("source_queue", nullable=True),  # of a dead letter: where it came from
    PrimaryKeyConstraint("message_id"),
    Index("ix_queue_message_visible", "queue", "visible_at"),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("dead_letter_id", BigInteger, autoincrement=True, nullable=False),
    text_column("scope"),
    text_column("queue"),
    text_column("message_id", nullable=True),
    text_column("body"),
    text_column("reason"),
    text_column("batch_id", nullable=True),
    text_column("item_id", nullable=True),
    time_column("created_at"),
    time_column("redriven_at", nullable=True),
    PrimaryKeyConstraint("dead_letter_id"),
    Index("uq_dead_letter_message", "queue", "message_id", unique=True),
)

registry_epoch = Table(
    "registry_epoch",
    metadata,
    Column("singleton", Boolean, nullable=False, server_default=text("true")),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("singleton"),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    text_column("process_id"),
    text_column("roles"),
    text_column("host"),
    time_column("started_at"),
    time_column("last_seen_at"),
    PrimaryKeyConstraint("process_id"),
)

notice = Table(
    "notice",
    metadata,
    Column("notice_id", BigInteger, autoincrement=True, nullable=False),
    text_column("level"),
    text_column("subject"),
    text_column("text"),
    json_column("context"),
    time_column("created_at"),
    time_column("read_at", nullable=True),
    PrimaryKeyConstraint("notice_id"),
)
