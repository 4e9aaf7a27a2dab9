"""Who may come in, and what an organisation makes for itself."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from core.adapters.postgres.schema.columns import json_column, metadata, text_column, texts_column, time_column

organisation = Table(
    "organisation",
    metadata,
    text_column("organisation_id"),
    text_column("name"),
    time_column("created_at"),
    PrimaryKeyConstraint("organisation_id"),
)

operator = Table(
    "operator",
    metadata,
    text_column("email"),
    time_column("added_at"),
    PrimaryKeyConstraint("email"),
)

user_account = Table(
    "user_account",
    metadata,
    text_column("user_id"),
    text_column("organisation_id"),
    text_column("email"),  # lower case; of one organisation only
    text_column("role"),  # owner | analyst | viewer
    text_column("brandspace_id", nullable=True),  # the one last chosen
    time_column("created_at"),
    time_column("last_sign_in_at", nullable=True),
    time_column("disabled_at", nullable=True),
    PrimaryKeyConstraint("user_id"),
    UniqueConstraint("email"),
    ForeignKeyConstraint(["organisation_id"], ["organisation.organisation_id"]),
    Index("ix_user_account_organisation", "organisation_id", "email"),
)

user_identity = Table(
    "user_identity",
    metadata,
    text_column("issuer"),
    text_column("subject"),
    text_column("organisation_id"),
    text_column("user_id"),
    time_column("created_at"),
    PrimaryKeyConstraint("issuer", "subject"),
    UniqueConstraint("user_id", "issuer"),
    ForeignKeyConstraint(["user_id"], ["user_account.user_id"]),
)

sign_in_link = Table(
    "sign_in_link",
    metadata,
    text_column("token_hash"),
    text_column("organisation_id"),
    text_column("user_id"),
    time_column("created_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    time_column("used_at", nullable=True),
    PrimaryKeyConstraint("token_hash"),
    ForeignKeyConstraint(["user_id"], ["user_account.user_id"]),
)

session = Table(
    "session",
    metadata,
    text_column("session_id"),
    text_column("token_hash"),
    text_column("organisation_id"),
    text_column("user_id"),
    text_column("opened_by"),  # link | oidc
    text_column("user_agent"),
    time_column("created_at"),
    time_column("last_seen_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    time_column("revoked_at", nullable=True),
    PrimaryKeyConstraint("session_id"),
    UniqueConstraint("token_hash"),
    ForeignKeyConstraint(["user_id"], ["user_account.user_id"]),
    Index("ix_session_user", "organisation_id", "user_id"),
)

api_key = Table(
    "api_key",
    metadata,
    text_column("key_id"),
    text_column("organisation_id"),
    text_column("name"),
    text_column("secret_hash"),
    texts_column("permissions"),  # read, write, admin
    text_column("created_by"),
    time_column("created_at"),
    time_column("expires_at", nullable=True),
    time_column("last_used_at", nullable=True),
    time_column("revoked_at", nullable=True),
    PrimaryKeyConstraint("key_id"),
    UniqueConstraint("secret_hash"),
    Index("ix_api_key_organisation", "organisation_id", "created_at"),
)

audit = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger, autoincrement=True, nullable=False),
    text_column("organisation_id"),
    text_column("actor"),  # user:<id> | key:<id> | command-line | operator
    text_column("action"),
    text_column("subject"),
    json_column("details"),
    text_column("trace_id", nullable=True),
    time_column("created_at"),
    PrimaryKeyConstraint("audit_id"),
    Index("ix_audit_organisation", "organisation_id", "audit_id"),
)

BRAND_FIGURES = ("ads", "active", "stopped", "not_seen")
brand = Table(
    "brand",
    metadata,
    text_column("scope"),
    text_column("slug"),
    text_column("display_name"),
    text_column("state", server_default="tracked"),  # tracked | analysed
    text_column("analysed_for", nullable=True),  # the organisation that pays for reading what comes
    text_column("industry", nullable=True),
    time_column("created_at"),
    # How its ads stand: counted anew by each commit that may change it (brand_figures.py).
    *(Column(name, Integer, nullable=False, server_default=text("0")) for name in BRAND_FIGURES),
    PrimaryKeyConstraint("scope", "slug"),
    Index("ix_brand_slug", "slug", "scope"),  # lists go by slug through all scopes
)

brand_alias = Table(
    "brand_alias",
    metadata,
    text_column("scope"),
    text_column("alias_key"),
    text_column("slug"),
    text_column("written"),
    time_column("created_at"),
    PrimaryKeyConstraint("scope", "alias_key"),
    ForeignKeyConstraint(["scope", "slug"], ["brand.scope", "brand.slug"]),
    Index("ix_brand_alias_slug", "slug"),
)

brandspace = Table(
    "brandspace",
    metadata,
    text_column("brandspace_id"),
    text_column("organisation_id"),
    text_column("name"),
    text_column("primary_brand", nullable=True),
    time_column("created_at"),
    time_column("archived_at", nullable=True),
    PrimaryKeyConstraint("brandspace_id"),
    Index("uq_brandspace_name", "organisation_id", "name", unique=True, postgresql_where=text("archived_at IS NULL")),
)

brandspace_brand = Table(
    "brandspace_brand",
    metadata,
    text_column("brandspace_id"),
    text_column("organisation_id"),
    text_column("slug"),
    text_column("role"),
    time_column("added_at"),
    PrimaryKeyConstraint("brandspace_id", "slug"),
    ForeignKeyConstraint(["brandspace_id"], ["brandspace.brandspace_id"]),
)
