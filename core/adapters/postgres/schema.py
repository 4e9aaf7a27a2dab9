"""The tables. The migrations make exactly these (a test compares them).

Three families, told apart because row-level security treats them differently (``core/migrations/security.sql``):
scoped tables hold data of ``shared`` or of one organisation; organisation tables are private to one; the
pipeline's own machinery is read across scopes, by workers only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str, *, nullable: bool = False, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=nullable, **options)


def _time(name: str, *, nullable: bool = False) -> Column[Any]:
    default = None if nullable else func.now()
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=default)


def _json(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, JSONB, nullable=nullable, server_default=None if nullable else text("'{}'::jsonb"))


def _texts(name: str) -> Column[Any]:
    return Column(name, ARRAY(Text), nullable=False, server_default=text("'{}'"))


# --- who ---------------------------------------------------------------------------------------------

organisation = Table(
    "organisation", metadata, _text("organisation_id"), _text("name"), _time("created_at"),
    PrimaryKeyConstraint("organisation_id"),
)  # fmt: skip

operator = Table(
    "operator", metadata, _text("email"), _time("added_at"),
    PrimaryKeyConstraint("email"),
)  # fmt: skip

user_account = Table(
    "user_account",
    metadata,
    _text("user_id"),
    _text("organisation_id"),
    _text("email"),  # lower case; of one organisation only
    _text("role"),  # owner | analyst | viewer
    _text("brandspace_id", nullable=True),  # the one last chosen
    _time("created_at"),
    _time("last_sign_in_at", nullable=True),
    _time("disabled_at", nullable=True),
    PrimaryKeyConstraint("user_id"),
    UniqueConstraint("email"),
    ForeignKeyConstraint(["organisation_id"], ["organisation.organisation_id"]),
    Index("ix_user_account_organisation", "organisation_id", "email"),
)

user_identity = Table(
    "user_identity", metadata, _text("issuer"), _text("subject"), _text("organisation_id"), _text("user_id"),
    _time("created_at"),
    PrimaryKeyConstraint("issuer", "subject"),
    UniqueConstraint("user_id", "issuer"),
    ForeignKeyConstraint(["user_id"], ["user_account.user_id"]),
)  # fmt: skip

sign_in_link = Table(
    "sign_in_link",
    metadata,
    _text("token_hash"),
    _text("organisation_id"),
    _text("user_id"),
    _time("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _time("used_at", nullable=True),
    PrimaryKeyConstraint("token_hash"),
    ForeignKeyConstraint(["user_id"], ["user_account.user_id"]),
)

session = Table(
    "session",
    metadata,
    _text("session_id"),
    _text("token_hash"),
    _text("organisation_id"),
    _text("user_id"),
    _text("opened_by"),  # link | oidc
    _text("user_agent"),
    _time("created_at"),
    _time("last_seen_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _time("revoked_at", nullable=True),
    PrimaryKeyConstraint("session_id"),
    UniqueConstraint("token_hash"),
    ForeignKeyConstraint(["user_id"], ["user_account.user_id"]),
    Index("ix_session_user", "organisation_id", "user_id"),
)

api_key = Table(
    "api_key",
    metadata,
    _text("key_id"),
    _text("organisation_id"),
    _text("name"),
    _text("secret_hash"),
    _texts("permissions"),  # read, write, admin
    _text("created_by"),
    _time("created_at"),
    _time("expires_at", nullable=True),
    _time("last_used_at", nullable=True),
    _time("revoked_at", nullable=True),
    PrimaryKeyConstraint("key_id"),
    UniqueConstraint("secret_hash"),
    Index("ix_api_key_organisation", "organisation_id", "created_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger, autoincrement=True, nullable=False),
    _text("organisation_id"),
    _text("actor"),  # user:<id> | key:<id> | command-line | operator
    _text("action"),
    _text("subject"),
    _json("details"),
    _text("trace_id", nullable=True),
    _time("created_at"),
    PrimaryKeyConstraint("audit_id"),
    Index("ix_audit_organisation", "organisation_id", "audit_id"),
)

BRAND_FIGURES = ("ads", "active", "stopped", "not_seen")
brand = Table(
    "brand",
    metadata,
    _text("scope"),
    _text("slug"),
    _text("display_name"),
    _text("state", server_default="tracked"),  # tracked | analysed
    _text("industry", nullable=True),
    _time("created_at"),
    # How its ads stand: counted anew by each commit that may change it (brand_figures.py).
    *(Column(name, Integer, nullable=False, server_default=text("0")) for name in BRAND_FIGURES),
    PrimaryKeyConstraint("scope", "slug"),
    Index("ix_brand_slug", "slug", "scope"),  # lists go by slug through all scopes
)

brand_alias = Table(
    "brand_alias", metadata, _text("scope"), _text("alias_key"), _text("slug"), _text("written"), _time("created_at"),
    PrimaryKeyConstraint("scope", "alias_key"),
    ForeignKeyConstraint(["scope", "slug"], ["brand.scope", "brand.slug"]),
    Index("ix_brand_alias_slug", "slug"),
)  # fmt: skip

brandspace = Table(
    "brandspace",
    metadata,
    _text("brandspace_id"),
    _text("organisation_id"),
    _text("name"),
    _text("primary_brand", nullable=True),
    _time("created_at"),
    _time("archived_at", nullable=True),
    PrimaryKeyConstraint("brandspace_id"),
    Index("uq_brandspace_name", "organisation_id", "name", unique=True, postgresql_where=text("archived_at IS NULL")),
)

brandspace_brand = Table(
    "brandspace_brand", metadata, _text("brandspace_id"), _text("organisation_id"), _text("slug"), _text("role"),
    _time("added_at"),
    PrimaryKeyConstraint("brandspace_id", "slug"),
    ForeignKeyConstraint(["brandspace_id"], ["brandspace.brandspace_id"]),
)  # fmt: skip

# --- the record --------------------------------------------------------------------------------------

scan = Table(
    "scan",
    metadata,
    _text("scan_id"),  # hash(scope, brand, channel, account, scanned_on, digest of the records)
    _text("scope"),
    _text("brand_slug"),
    _text("channel"),
    _text("account"),
    Column("scanned_on", Date, nullable=False),
    _text("digest"),
    _text("batch_id"),
    _json("counts"),
    _time("committed_at"),
    PrimaryKeyConstraint("scan_id"),
    Index("ix_scan_brand", "scope", "brand_slug", "channel", "account", "scanned_on"),
)

ad = Table(
    "ad",
    metadata,
    _text("ad_id"),  # hash(scope, channel, account, external_id): a private ad is never a shared one
    _text("scope"),
    _text("channel"),
    _text("account"),
    _text("external_id"),
    _text("brand_slug"),
    _text("page_id", nullable=True),
    _text("page_name", nullable=True),
    _text("library_url", nullable=True),
    Column("first_seen", Date, nullable=False),
    Column("last_seen", Date, nullable=False),
    Column("last_scanned_on", Date, nullable=False),  # newest scan that showed it
    Column("run_start", Date),
    Column("run_end", Date),
    Column("source_says_active", Boolean),
    _texts("countries"),
    _text("format"),
    _text("media_status"),  # of its best medium
    _text("media_reason", nullable=True),
    _text("cover_sha256", nullable=True),  # the image a gallery shows
    _text("current_version_id"),
    _text("content_id"),  # of the current version
    _json("attributes"),
    _text("raw_document_id", nullable=True),
    _time("stored_at"),
    PrimaryKeyConstraint("ad_id"),
    UniqueConstraint("scope", "channel", "account", "external_id"),
    Index("ix_ad_brand_first_seen", "brand_slug", "first_seen", "ad_id", "scope"),
    Index("ix_ad_first_seen", "first_seen", "ad_id"),
    Index("ix_ad_content", "scope", "content_id"),
)

ad_version = Table(
    "ad_version",
    metadata,
    _text("version_id"),  # hash(ad_id, content_hash)
    _text("scope"),
    _text("ad_id"),
    _text("content_hash"),
    _text("version_key"),
    _text("copy"),
    _text("title"),
    _text("description"),
    _text("cta"),
    _text("landing_url", nullable=True),
    _text("landing_domain", nullable=True),
    _text("format"),
    _texts("platforms"),
    _text("text_hash"),
    _text("content_id"),
    Column("first_seen", Date, nullable=False),
    Column("last_seen", Date, nullable=False),
    PrimaryKeyConstraint("version_id"),
    ForeignKeyConstraint(["ad_id"], ["ad.ad_id"]),
    Index("ix_ad_version_ad", "ad_id", "last_seen"),
    Index("ix_ad_version_content", "scope", "content_id"),
)

observation = Table(
    "observation", metadata, _text("scan_id"), _text("version_id"), _text("scope"), _text("ad_id"),
    Column("seen_on", Date, nullable=False),
    PrimaryKeyConstraint("scan_id", "version_id"),
    ForeignKeyConstraint(["scan_id"], ["scan.scan_id"]),
    Index("ix_observation_ad", "ad_id", "seen_on"),
)  # fmt: skip

creative = Table(
    "creative",
    metadata,
    _text("scope"),
    _text("sha256"),
    _text("content_type"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    _time("stored_at"),
    PrimaryKeyConstraint("scope", "sha256"),
)

ad_media = Table(
    "ad_media",
    metadata,
    _text("ad_id"),
    _text("item_id"),
    _text("scope"),
    _text("role"),
    Column("position", Integer, nullable=False),
    _text("status"),
    _text("reason", nullable=True),
    _text("sha256", nullable=True),
    _text("url", nullable=True),
    PrimaryKeyConstraint("ad_id", "item_id"),
    ForeignKeyConstraint(["ad_id"], ["ad.ad_id"]),
    Index("ix_ad_media_sha256", "scope", "sha256"),
    Index("ix_ad_media_item", "scope", "item_id"),
)

# --- what was read in it -----------------------------------------------------------------------------

content = Table(
    "content",
    metadata,
    _text("scope"),
    _text("content_id"),  # hash(text_hash, declared call to action): labels are made once for it
    _text("text_hash"),
    _text("text"),
    _text("cta"),
    _text("labelled_with", nullable=True),  # the taxonomy version, once every dimension is decided
    _time("stored_at"),
    PrimaryKeyConstraint("scope", "content_id"),
    Index("ix_content_text", "scope", "text_hash"),
    Index("ix_content_search", "text", postgresql_using="gin", postgresql_ops={"text": "gin_trgm_ops"}),
)

provenance = Table(
    "provenance", metadata, _text("provenance_id"), _json("body"), _time("created_at"),
    PrimaryKeyConstraint("provenance_id"),
)  # fmt: skip

label = Table(
    "label",
    metadata,
    _text("scope"),
    _text("content_id"),
    _text("dimension"),
    _text("value"),
    Column("confidence", Float, nullable=False),
    Column("evidence", JSONB, nullable=False, server_default=text("'[]'::jsonb")),
    _text("outcome"),
    _text("modality"),
    _text("provenance_id"),
    Column("cost_usd", Float, nullable=False, server_default=text("0")),
    _time("created_at"),
    PrimaryKeyConstraint("scope", "content_id", "dimension", "value"),
    ForeignKeyConstraint(["scope", "content_id"], ["content.scope", "content.content_id"]),
    ForeignKeyConstraint(["provenance_id"], ["provenance.provenance_id"]),
    Index("ix_label_value", "scope", "dimension", "value"),
)

label_overlay = Table(
    "label_overlay",
    metadata,
    _text("organisation_id"),
    _text("scope"),
    _text("content_id"),
    _text("dimension"),
    _texts("values"),  # instead of the machine's; empty: unknown
    _text("corrected_by"),
    _time("corrected_at"),
    PrimaryKeyConstraint("organisation_id", "scope", "content_id", "dimension"),
)

brand_overlay = Table(
    "brand_overlay", metadata, _text("organisation_id"), _text("slug"), _text("display_name"), _text("corrected_by"),
    _time("corrected_at"),
    PrimaryKeyConstraint("organisation_id", "slug"),
)  # fmt: skip

embedding = Table(
    "embedding",
    metadata,
    _text("scope"),
    _text("subject"),  # a text_hash or the sha256 of a creative
    _text("model"),
    Column("dimension", Integer, nullable=False),
    Column("normalised", Boolean, nullable=False),
    Column("vector", LargeBinary, nullable=False),  # float32, little-endian
    _time("created_at"),
    PrimaryKeyConstraint("scope", "subject", "model"),
)

document = Table(
    "document", metadata, _text("scope"), _text("collection"), _text("document_id"),
    Column("body", JSONB, nullable=False), _time("updated_at"),
    PrimaryKeyConstraint("scope", "collection", "document_id"),
)  # fmt: skip

# --- what people asked for ---------------------------------------------------------------------------

request = Table(
    "request",
    metadata,
    _text("request_id"),
    _text("organisation_id"),
    _text("kind"),  # ingest | import | repair | analyse | export
    _text("status"),  # queued | processing | completed | failed | cancelled
    _json("params"),
    _json("progress"),
    _json("result", nullable=True),
    _text("error", nullable=True),
    _text("created_by", nullable=True),  # actor
    _time("created_at"),
    _time("updated_at"),
    PrimaryKeyConstraint("request_id"),
    Index("ix_request_recent", "organisation_id", "created_at"),
    Index(
        "ix_request_open", "organisation_id", "created_at", postgresql_where=text("status IN ('queued', 'processing')")
    ),
)

event = Table(
    "event", metadata, Column("event_id", BigInteger, autoincrement=True, nullable=False), _text("organisation_id"),
    _text("request_id"), _json("body"), _time("created_at"),
    PrimaryKeyConstraint("event_id"),
    Index("ix_event_organisation", "organisation_id", "event_id"),
)  # fmt: skip

rejected_row = Table(
    "rejected_row",
    metadata,
    _text("request_id"),
    Column("position", Integer, nullable=False),
    _text("organisation_id"),
    _text("file"),
    Column("line", Integer),
    _text("code"),
    _text("reason"),
    _text("excerpt"),
    PrimaryKeyConstraint("request_id", "position"),
    ForeignKeyConstraint(["request_id"], ["request.request_id"]),
)

export_file = Table(
    "export_file", metadata, _text("request_id"), _text("sha256"), _text("organisation_id"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    PrimaryKeyConstraint("request_id", "sha256"),
    ForeignKeyConstraint(["request_id"], ["request.request_id"]),
    Index("ix_export_file_sha256", "sha256"),  # the same content may be the file of several exports
    Index("ix_export_file_expiry", "expires_at"),
)  # fmt: skip

idempotency_key = Table(
    "idempotency_key",
    metadata,
    _text("organisation_id"),
    _text("actor"),
    _text("key"),
    _text("fingerprint"),  # of method, path and body
    Column("status", Integer, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    _time("created_at"),
    PrimaryKeyConstraint("organisation_id", "actor", "key"),
    Index("ix_idempotency_key_age", "created_at"),
)

webhook = Table(
    "webhook",
    metadata,
    _text("webhook_id"),
    _text("organisation_id"),
    _text("url"),
    _texts("statuses"),  # of requests
    _text("created_by"),
    _time("created_at"),
    Column("failures", Integer, nullable=False, server_default=text("0")),  # in a row
    _time("failing_since", nullable=True),
    _time("busy_until", nullable=True),  # whoever sends to it holds it: one delivery at a time
    _time("disabled_at", nullable=True),
    _text("disabled_reason", nullable=True),
    PrimaryKeyConstraint("webhook_id"),
    Index("ix_webhook_organisation", "organisation_id", "created_at"),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("delivery_id", BigInteger, autoincrement=True, nullable=False),
    _text("organisation_id"),
    _text("webhook_id"),
    _json("body"),
    _text("state", server_default="pending"),  # pending | delivered | failed
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _time("due_at"),
    Column("answer_status", Integer),
    _text("error", nullable=True),
    _time("created_at"),
    _time("settled_at", nullable=True),
    PrimaryKeyConstraint("delivery_id"),
    ForeignKeyConstraint(["webhook_id"], ["webhook.webhook_id"], ondelete="CASCADE"),
    Index("ix_webhook_delivery_due", "webhook_id", "due_at", postgresql_where=text("state = 'pending'")),
    Index("ix_webhook_delivery_webhook", "webhook_id", "delivery_id"),
    Index("ix_webhook_delivery_settled", "settled_at"),
)

api_usage = Table(
    "api_usage", metadata, _text("organisation_id"), Column("minute", DateTime(timezone=True), nullable=False),
    Column("requests", BigInteger, nullable=False), Column("total_ms", Float, nullable=False),
    PrimaryKeyConstraint("organisation_id", "minute"),
)  # fmt: skip

# --- the pipeline's machinery ------------------------------------------------------------------------

run = Table(
    "run",
    metadata,
    _text("batch_id"),
    _text("scope"),
    _text("brand_slug"),
    _text("state"),  # open | committing | committed | failed | cancelled
    Column("expected_count", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False, server_default=text("0")),
    _time("lease_until", nullable=True),
    Column("partial", Boolean, nullable=False, server_default=text("false")),
    _text("gather_key"),  # the same gather message finds its run again
    _json("source"),
    _json("ledger", nullable=True),
    _text("ai_state", server_default="none"),  # none | pending | running | done
    Column("ai_fence", BigInteger, nullable=False, server_default=text("0")),
    _time("ai_lease_until", nullable=True),
    _text("error", nullable=True),
    _time("created_at"),
    _time("last_progress_at"),
    _time("committed_at", nullable=True),
    PrimaryKeyConstraint("batch_id"),
    UniqueConstraint("gather_key"),
    Index(
        "uq_run_active", "scope", "brand_slug", unique=True,
        postgresql_where=text("state IN ('open', 'committing')"),
    ),
    Index("ix_run_recent", "created_at"),
)  # fmt: skip

run_record = Table(
    "run_record", metadata, _text("batch_id"), Column("position", Integer, nullable=False), _text("scope"),
    _text("ad_id"), _json("record"), _texts("item_ids"),
    PrimaryKeyConstraint("batch_id", "position"),
    ForeignKeyConstraint(["batch_id"], ["run.batch_id"]),
)  # fmt: skip

run_item = Table(
    "run_item",
    metadata,
    _text("batch_id"),
    _text("item_id"),
    _text("kind"),  # media | text
    _text("role"),
    _text("url"),
    _text("state", server_default="pending"),  # pending | ok | failed: a failed item is a result
    _text("status", nullable=True),  # MediaStatus
    _text("reason", nullable=True),
    _json("result", nullable=True),
    Column("embedding", LargeBinary),
    _time("finished_at", nullable=True),
    PrimaryKeyConstraint("batch_id", "item_id"),
    ForeignKeyConstraint(["batch_id"], ["run.batch_id"]),
)

request_run = Table(
    "request_run", metadata, _text("request_id"), _text("batch_id"), _text("organisation_id"),
    PrimaryKeyConstraint("request_id", "batch_id"),
    ForeignKeyConstraint(["request_id"], ["request.request_id"]),
    ForeignKeyConstraint(["batch_id"], ["run.batch_id"]),
    Index("ix_request_run_batch", "batch_id"),
)  # fmt: skip

outbox = Table(
    "outbox", metadata, Column("outbox_id", BigInteger, autoincrement=True, nullable=False), _text("queue"),
    _text("body"), _time("created_at"),
    PrimaryKeyConstraint("outbox_id"),
)  # fmt: skip

queue_message = Table(
    "queue_message",
    metadata,
    Column("message_id", BigInteger, autoincrement=True, nullable=False),
    _text("queue"),
    _text("body"),
    _time("sent_at"),
    _time("visible_at"),
    _time("first_received_at", nullable=True),
    Column("receive_count", Integer, nullable=False, server_default=text("0")),
    _text("receipt", nullable=True),
    _text("source_queue", nullable=True),  # of a dead letter: where it came from
    PrimaryKeyConstraint("message_id"),
    Index("ix_queue_message_visible", "queue", "visible_at"),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("dead_letter_id", BigInteger, autoincrement=True, nullable=False),
    _text("scope"),
    _text("queue"),
    _text("message_id", nullable=True),
    _text("body"),
    _text("reason"),
    _text("batch_id", nullable=True),
    _text("item_id", nullable=True),
    _time("created_at"),
    _time("redriven_at", nullable=True),
    PrimaryKeyConstraint("dead_letter_id"),
    Index("uq_dead_letter_message", "queue", "message_id", unique=True),
)

registry_epoch = Table(
    "registry_epoch", metadata, Column("singleton", Boolean, nullable=False, server_default=text("true")),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("singleton"),
)  # fmt: skip

heartbeat = Table(
    "heartbeat", metadata, _text("process_id"), _text("roles"), _text("host"), _time("started_at"),
    _time("last_seen_at"),
    PrimaryKeyConstraint("process_id"),
)  # fmt: skip

notice = Table(
    "notice", metadata, Column("notice_id", BigInteger, autoincrement=True, nullable=False), _text("level"),
    _text("subject"), _text("text"), _json("context"), _time("created_at"), _time("read_at", nullable=True),
    PrimaryKeyConstraint("notice_id"),
)  # fmt: skip
