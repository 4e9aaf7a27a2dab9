"""What was read in the record, by machines and by people."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
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
from sqlalchemy.dialects.postgresql import JSONB

from core.adapters.postgres.schema.columns import json_column, metadata, text_column, texts_column, time_column

content = Table(
    "content",
    metadata,
    text_column("scope"),
    # Of words: hash(text_hash, declared call to action). Of a picture: its sha256; its text is what stands on it.
    # Labels are made once for it.
    text_column("content_id"),
    text_column("kind", server_default="words"),  # words | picture
    text_column("text_hash"),
    text_column("text"),
    text_column("cta"),
    Column("simhash", BigInteger),  # of the text, 64 bits
    text_column("labelled_with", nullable=True),  # the taxonomy version, once every dimension is decided
    time_column("asked_at", nullable=True),  # a model is to read it; pending until there is an outcome
    texts_column("asked_dimensions"),  # which a model is to decide; empty: every one of the taxonomy
    time_column("claimed_until", nullable=True),  # whoever asks a model holds it
    text_column("claimed_by", nullable=True),  # his token
    text_column("outcome", nullable=True),  # of the model's reading: ok | refused | truncated | invalid | failed
    time_column("stored_at"),
    PrimaryKeyConstraint("scope", "content_id"),
    Index("ix_content_text", "scope", "text_hash"),
    Index(
        "ix_content_pending", "scope", "content_id", postgresql_where=text("asked_at IS NOT NULL AND outcome IS NULL")
    ),
    Index("ix_content_search", "text", postgresql_using="gin", postgresql_ops={"text": "gin_trgm_ops"}),
)

provenance = Table(
    "provenance",
    metadata,
    text_column("provenance_id"),
    json_column("body"),
    time_column("created_at"),
    PrimaryKeyConstraint("provenance_id"),
)

label = Table(
    "label",
    metadata,
    text_column("scope"),
    text_column("content_id"),
    text_column("dimension"),
    text_column("value"),
    text_column("raw_value", nullable=True),  # as it was written, where it was harmonised into ``value``
    Column("confidence", Float, nullable=False),
    Column("evidence", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    text_column("outcome"),
    text_column("modality"),
    text_column("provenance_id"),
    Column("cost_usd", Float, nullable=False, server_default=text("0")),
    time_column("created_at"),
    PrimaryKeyConstraint("scope", "content_id", "dimension", "value"),
    ForeignKeyConstraint(["scope", "content_id"], ["content.scope", "content.content_id"]),
    ForeignKeyConstraint(["provenance_id"], ["provenance.provenance_id"]),
    Index("ix_label_value", "scope", "dimension", "value"),
)

label_past = Table(
    "label_past",
    metadata,
    Column("label_past_id", BigInteger, autoincrement=True, nullable=False),
    text_column("scope"),
    text_column("content_id"),
    text_column("dimension"),
    text_column("value"),
    text_column("raw_value", nullable=True),
    Column("confidence", Float, nullable=False),
    Column("evidence", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    text_column("outcome"),
    text_column("modality"),
    text_column("provenance_id"),
    Column("cost_usd", Float, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    time_column("replaced_at"),  # by a re-run on purpose: labels are frozen otherwise
    PrimaryKeyConstraint("label_past_id"),
    ForeignKeyConstraint(["provenance_id"], ["provenance.provenance_id"]),
    Index("ix_label_past_content", "scope", "content_id", "dimension"),
)

image_reading = Table(
    "image_reading",
    metadata,
    text_column("scope"),
    text_column("sha256"),
    text_column("status", nullable=True),  # ok | no_text | script_not_covered | noise | unreadable; none: not read yet
    text_column("reason", nullable=True),
    text_column("text", server_default=""),
    text_column("script", nullable=True),
    Column("confidence", Float),  # mean over the text's characters
    Column("text_area", Float),  # share of the picture
    Column("blocks", JSONB, nullable=False, server_default=text("'[]'::jsonb")),  # text, box (x0, y0, x1, y1 in 0..1)
    text_column("thumbnail_sha256", nullable=True),
    text_column("reader", nullable=True),  # engine and model
    time_column("claimed_until", nullable=True),  # whoever reads it holds it
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    time_column("read_at", nullable=True),
    PrimaryKeyConstraint("scope", "sha256"),
)

label_quality = Table(
    "label_quality",
    metadata,
    Column("label_quality_id", BigInteger, autoincrement=True, nullable=False),
    text_column("scope"),
    text_column("dimension"),
    text_column("value", nullable=True),  # none: the whole dimension
    text_column("basis"),  # planted truth | people | model | replay | rules | calibration
    text_column("set_name"),
    text_column("statistic"),  # kappa | agreement | precision | recall | expected calibration error
    Column("n", Integer, nullable=False),
    Column("estimate", Float),
    Column("low", Float),
    Column("high", Float),
    text_column("taxonomy_version"),
    text_column("method"),
    json_column("details"),
    time_column("measured_at"),
    PrimaryKeyConstraint("label_quality_id"),
    Index("ix_label_quality_newest", "scope", "dimension", "measured_at"),
)

label_overlay = Table(
    "label_overlay",
    metadata,
    text_column("organisation_id"),
    text_column("scope"),
    text_column("content_id"),
    text_column("dimension"),
    texts_column("values"),  # instead of the machine's; empty: unknown
    text_column("corrected_by"),
    time_column("corrected_at"),
    PrimaryKeyConstraint("organisation_id", "scope", "content_id", "dimension"),
)

brand_overlay = Table(
    "brand_overlay",
    metadata,
    text_column("organisation_id"),
    text_column("slug"),
    text_column("display_name"),
    text_column("corrected_by"),
    time_column("corrected_at"),
    PrimaryKeyConstraint("organisation_id", "slug"),
)

embedding = Table(
    "embedding",
    metadata,
    text_column("scope"),
    text_column("subject"),  # a text_hash or the sha256 of a creative
    text_column("model"),
    Column("dimension", Integer, nullable=False),
    Column("normalised", Boolean, nullable=False),
    Column("vector", LargeBinary, nullable=False),  # float32, little-endian
    time_column("created_at"),
    PrimaryKeyConstraint("scope", "subject", "model"),
)

document = Table(
    "document",
    metadata,
    text_column("scope"),
    text_column("collection"),
    text_column("document_id"),
    Column("body", JSONB, nullable=False),
    time_column("updated_at"),
    PrimaryKeyConstraint("scope", "collection", "document_id"),
)
