"""The first schema. Runs before the deploy: nothing older reads these tables.

Revision ID: 0001
Revises:
"""

from pathlib import Path

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for extension in ("pg_trgm", "btree_gin", "unaccent"):
        op.execute(f"CREATE EXTENSION IF NOT EXISTS {extension}")
    op.create_table(
        "ad",
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("brand_slug", sa.Text(), nullable=False),
        sa.Column("page_id", sa.Text(), nullable=True),
        sa.Column("page_name", sa.Text(), nullable=True),
        sa.Column("library_url", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.Date(), nullable=False),
        sa.Column("last_seen", sa.Date(), nullable=False),
        sa.Column("last_scanned_on", sa.Date(), nullable=False),
        sa.Column("run_start", sa.Date(), nullable=True),
        sa.Column("run_end", sa.Date(), nullable=True),
        sa.Column("source_says_active", sa.Boolean(), nullable=True),
        sa.Column("countries", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("media_status", sa.Text(), nullable=False),
        sa.Column("media_reason", sa.Text(), nullable=True),
        sa.Column("cover_sha256", sa.Text(), nullable=True),
        sa.Column("current_version_id", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column(
            "attributes", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("raw_document_id", sa.Text(), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("ad_id", name=op.f("pk_ad")),
        sa.UniqueConstraint(
            "scope", "channel", "account", "external_id", name=op.f("uq_ad_scope_channel_account_external_id")
        ),
    )
    op.create_index("ix_ad_brand_first_seen", "ad", ["scope", "brand_slug", "first_seen", "ad_id"], unique=False)
    op.create_index("ix_ad_content", "ad", ["scope", "content_id"], unique=False)
    op.create_index("ix_ad_first_seen", "ad", ["first_seen", "ad_id"], unique=False)
    op.create_table(
        "brand",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="tracked", nullable=False),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "slug", name=op.f("pk_brand")),
    )
    op.create_table(
        "brandspace",
        sa.Column("brandspace_id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("primary_brand", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("brandspace_id", name=op.f("pk_brandspace")),
        sa.UniqueConstraint("organisation_id", "name", name=op.f("uq_brandspace_organisation_id_name")),
    )
    op.create_table(
        "content",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("cta", sa.Text(), nullable=False),
        sa.Column("labelled_with", sa.Text(), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "content_id", name=op.f("pk_content")),
    )
    op.create_index(
        "ix_content_search",
        "content",
        ["text"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"text": "gin_trgm_ops"},
    )
    op.create_index("ix_content_text", "content", ["scope", "text_hash"], unique=False)
    op.create_table(
        "creative",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "sha256", name=op.f("pk_creative")),
    )
    op.create_table(
        "dead_letter",
        sa.Column("dead_letter_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("item_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("redriven_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("dead_letter_id", name=op.f("pk_dead_letter")),
    )
    op.create_table(
        "document",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("collection", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "collection", "document_id", name=op.f("pk_document")),
    )
    op.create_table(
        "embedding",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Integer(), nullable=False),
        sa.Column("normalised", sa.Boolean(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "subject", "model", name=op.f("pk_embedding")),
    )
    op.create_table(
        "event",
        sa.Column("event_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column(
            "body", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_organisation", "event", ["organisation_id", "event_id"], unique=False)
    op.create_table(
        "heartbeat",
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("process_id", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "notice",
        sa.Column("notice_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "context", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("notice_id", name=op.f("pk_notice")),
    )
    op.create_table(
        "organisation",
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "outbox",
        sa.Column("outbox_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox")),
    )
    op.create_table(
        "provenance",
        sa.Column("provenance_id", sa.Text(), nullable=False),
        sa.Column(
            "body", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("provenance_id", name=op.f("pk_provenance")),
    )
    op.create_table(
        "queue_message",
        sa.Column("message_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("visible_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("first_received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("receive_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("source_queue", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_queue_message")),
    )
    op.create_index("ix_queue_message_visible", "queue_message", ["queue", "visible_at"], unique=False)
    op.create_table(
        "registry_epoch",
        sa.Column("singleton", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("epoch", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("singleton", name=op.f("pk_registry_epoch")),
    )
    op.create_table(
        "request",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "params", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column(
            "progress", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_request")),
    )
    op.create_index("ix_request_recent", "request", ["organisation_id", "created_at"], unique=False)
    op.create_table(
        "run",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("brand_slug", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("expected_count", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("partial", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("gather_key", sa.Text(), nullable=False),
        sa.Column(
            "source", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("ledger", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("ai_state", sa.Text(), server_default="none", nullable=False),
        sa.Column("ai_lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_progress_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("committed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_run")),
        sa.UniqueConstraint("gather_key", name=op.f("uq_run_gather_key")),
    )
    op.create_index("ix_run_recent", "run", ["created_at"], unique=False)
    op.create_index(
        "uq_run_active",
        "run",
        ["scope", "brand_slug"],
        unique=True,
        postgresql_where=sa.text("state IN ('open', 'committing')"),
    )
    op.create_table(
        "scan",
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("brand_slug", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("scanned_on", sa.Date(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column(
            "counts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("committed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scan_id", name=op.f("pk_scan")),
    )
    op.create_index("ix_scan_brand", "scan", ["scope", "brand_slug", "channel", "account", "scanned_on"], unique=False)
    op.create_table(
        "ad_media",
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["ad_id"], ["ad.ad_id"], name=op.f("fk_ad_media_ad_id")),
        sa.PrimaryKeyConstraint("ad_id", "item_id", name=op.f("pk_ad_media")),
    )
    op.create_index("ix_ad_media_item", "ad_media", ["scope", "item_id"], unique=False)
    op.create_index("ix_ad_media_sha256", "ad_media", ["scope", "sha256"], unique=False)
    op.create_table(
        "ad_version",
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("version_key", sa.Text(), nullable=False),
        sa.Column("copy", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("cta", sa.Text(), nullable=False),
        sa.Column("landing_url", sa.Text(), nullable=True),
        sa.Column("landing_domain", sa.Text(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("platforms", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("text_hash", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.Date(), nullable=False),
        sa.Column("last_seen", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["ad_id"], ["ad.ad_id"], name=op.f("fk_ad_version_ad_id")),
        sa.PrimaryKeyConstraint("version_id", name=op.f("pk_ad_version")),
    )
    op.create_index("ix_ad_version_ad", "ad_version", ["ad_id", "last_seen"], unique=False)
    op.create_index("ix_ad_version_content", "ad_version", ["scope", "content_id"], unique=False)
    op.create_table(
        "brand_alias",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("alias_key", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["scope", "slug"], ["brand.scope", "brand.slug"], name=op.f("fk_brand_alias_scope_slug")
        ),
        sa.PrimaryKeyConstraint("scope", "alias_key", name=op.f("pk_brand_alias")),
    )
    op.create_table(
        "brandspace_brand",
        sa.Column("brandspace_id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["brandspace_id"], ["brandspace.brandspace_id"], name=op.f("fk_brandspace_brand_brandspace_id")
        ),
        sa.PrimaryKeyConstraint("brandspace_id", "slug", name=op.f("pk_brandspace_brand")),
    )
    op.create_table(
        "label",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column(
            "evidence", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("provenance_id", sa.Text(), nullable=False),
        sa.Column("cost_usd", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["provenance_id"], ["provenance.provenance_id"], name=op.f("fk_label_provenance_id")),
        sa.ForeignKeyConstraint(
            ["scope", "content_id"], ["content.scope", "content.content_id"], name=op.f("fk_label_scope_content_id")
        ),
        sa.PrimaryKeyConstraint("scope", "content_id", "dimension", "value", name=op.f("pk_label")),
    )
    op.create_index("ix_label_value", "label", ["scope", "dimension", "value"], unique=False)
    op.create_table(
        "observation",
        sa.Column("scan_id", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["scan_id"], ["scan.scan_id"], name=op.f("fk_observation_scan_id")),
        sa.PrimaryKeyConstraint("scan_id", "version_id", name=op.f("pk_observation")),
    )
    op.create_index("ix_observation_ad", "observation", ["ad_id", "seen_on"], unique=False)
    op.create_table(
        "rejected_row",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("excerpt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["request_id"], ["request.request_id"], name=op.f("fk_rejected_row_request_id")),
        sa.PrimaryKeyConstraint("request_id", "position", name=op.f("pk_rejected_row")),
    )
    op.create_table(
        "request_run",
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["run.batch_id"], name=op.f("fk_request_run_batch_id")),
        sa.ForeignKeyConstraint(["request_id"], ["request.request_id"], name=op.f("fk_request_run_request_id")),
        sa.PrimaryKeyConstraint("request_id", "batch_id", name=op.f("pk_request_run")),
    )
    op.create_index("ix_request_run_batch", "request_run", ["batch_id"], unique=False)
    op.create_table(
        "run_item",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="pending", nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("embedding", sa.LargeBinary(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["run.batch_id"], name=op.f("fk_run_item_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "item_id", name=op.f("pk_run_item")),
    )
    op.create_table(
        "run_record",
        sa.Column("batch_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("ad_id", sa.Text(), nullable=False),
        sa.Column(
            "record", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("item_ids", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["run.batch_id"], name=op.f("fk_run_record_batch_id")),
        sa.PrimaryKeyConstraint("batch_id", "position", name=op.f("pk_run_record")),
    )
    op.execute((Path(__file__).parent.parent / "security.sql").read_text(encoding="utf-8").replace(":", r"\:"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup to go back")
