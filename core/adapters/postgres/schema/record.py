"""What was seen: scans, ads, what they said, the files they showed."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from core.adapters.postgres.schema.columns import json_column, metadata, text_column, texts_column, time_column

scan = Table(
    "scan",
    metadata,
    text_column("scan_id"),  # hash(scope, brand, channel, account, scanned_on, digest of the records)
    text_column("scope"),
    text_column("brand_slug"),
    text_column("channel"),
    text_column("account"),
    Column("scanned_on", Date, nullable=False),
    text_column("digest"),
    text_column("batch_id"),
    json_column("counts"),
    time_column("committed_at"),
    PrimaryKeyConstraint("scan_id"),
    Index("ix_scan_brand", "scope", "brand_slug", "channel", "account", "scanned_on"),
)

ad = Table(
    "ad",
    metadata,
    text_column("ad_id"),  # hash(scope, channel, account, external_id): a private ad is never a shared one
    text_column("scope"),
    text_column("channel"),
    text_column("account"),
    text_column("external_id"),
    text_column("brand_slug"),
    text_column("page_id", nullable=True),
    text_column("page_name", nullable=True),
    text_column("library_url", nullable=True),
    Column("first_seen", Date, nullable=False),
    Column("last_seen", Date, nullable=False),
    Column("last_scanned_on", Date, nullable=False),  # newest scan that showed it
    Column("run_start", Date),
    Column("run_end", Date),
    Column("source_says_active", Boolean),
    texts_column("countries"),
    text_column("format"),
    text_column("media_status"),  # of its best medium
    text_column("media_reason", nullable=True),
    text_column("cover_sha256", nullable=True),  # the image a gallery shows
    text_column("current_version_id"),
    text_column("content_id"),  # of the current version
    text_column("variant_id", nullable=True),  # none until it is grouped; again when words or cover change
    text_column("variant_before", nullable=True),  # while it has none: the last one, whose split goes along
    json_column("attributes"),
    text_column("raw_document_id", nullable=True),
    time_column("stored_at"),
    PrimaryKeyConstraint("ad_id"),
    UniqueConstraint("scope", "channel", "account", "external_id"),
    Index("ix_ad_brand_first_seen", "brand_slug", "first_seen", "ad_id", "scope"),
    Index("ix_ad_first_seen", "first_seen", "ad_id"),
    Index("ix_ad_content", "scope", "content_id"),
    Index("ix_ad_cover", "scope", "cover_sha256"),
    Index("ix_ad_variant", "scope", "variant_id"),
    Index("ix_ad_ungrouped", "scope", "brand_slug", postgresql_where=text("variant_id IS NULL")),
)

ad_version = Table(
    "ad_version",
    metadata,
    text_column("version_id"),  # hash(ad_id, content_hash)
    text_column("scope"),
    text_column("ad_id"),
    text_column("content_hash"),
    text_column("version_key"),
    text_column("copy"),
    text_column("title"),
    text_column("description"),
    text_column("cta"),
    text_column("landing_url", nullable=True),
    text_column("landing_domain", nullable=True),
    text_column("format"),
    texts_column("platforms"),
    text_column("text_hash"),
    text_column("content_id"),
    Column("first_seen", Date, nullable=False),
    Column("last_seen", Date, nullable=False),
    PrimaryKeyConstraint("version_id"),
    ForeignKeyConstraint(["ad_id"], ["ad.ad_id"]),
    Index("ix_ad_version_ad", "ad_id", "last_seen"),
    Index("ix_ad_version_content", "scope", "content_id"),
)

observation = Table(
    "observation",
    metadata,
    text_column("scan_id"),
    text_column("version_id"),
    text_column("scope"),
    text_column("ad_id"),
    Column("seen_on", Date, nullable=False),
    PrimaryKeyConstraint("scan_id", "version_id"),
    ForeignKeyConstraint(["scan_id"], ["scan.scan_id"]),
    Index("ix_observation_ad", "ad_id", "seen_on"),
)

creative = Table(
    "creative",
    metadata,
    text_column("scope"),
    text_column("sha256"),
    text_column("content_type"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("perceptual_hash", BigInteger),  # 64 bits of the picture's lowest frequencies
    Column("colours", JSONB),  # [{"hex", "share"}], most first
    time_column("stored_at"),
    PrimaryKeyConstraint("scope", "sha256"),
)

ad_media = Table(
    "ad_media",
    metadata,
    text_column("ad_id"),
    text_column("item_id"),
    text_column("scope"),
    text_column("role"),
    Column("position", Integer, nullable=False),
    text_column("status"),
    text_column("reason", nullable=True),
    text_column("sha256", nullable=True),
    text_column("url", nullable=True),
    PrimaryKeyConstraint("ad_id", "item_id"),
    ForeignKeyConstraint(["ad_id"], ["ad.ad_id"]),
    Index("ix_ad_media_sha256", "scope", "sha256"),
    Index("ix_ad_media_item", "scope", "item_id"),
)
