"""How ads are grouped: variants into concepts, texts into themes; what an organisation made of it; what it froze."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
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

# What one brand says and shows: all its ads with the same words, call to action and cover are one variant.
variant = Table(
    "variant",
    metadata,
    text_column("scope"),
    text_column("variant_id"),  # hash(scope, brand, content, cover); of an ad without both: its own
    text_column("brand_slug"),
    text_column("content_id", nullable=True),
    text_column("cover_sha256", nullable=True),
    text_column("concept_id"),  # the variant that founded it; a machine never moves a variant afterwards
    text_column("joined_by"),  # core.ai.concepts.JoinedBy
    text_column("joined_to", nullable=True),  # the variant it is near to
    json_column("distances"),
    time_column("compared_at", nullable=True),  # with those before it
    time_column("created_at"),
    PrimaryKeyConstraint("scope", "variant_id"),
    Index("ix_variant_brand", "scope", "brand_slug", "concept_id"),
    Index("ix_variant_new", "scope", "brand_slug", postgresql_where=text("compared_at IS NULL")),
    Index("ix_variant_concept", "concept_id"),
    Index("ix_variant_content", "scope", "content_id"),
    Index("ix_variant_cover", "scope", "cover_sha256"),
)

concept_split = Table(
    "concept_split",
    metadata,
    text_column("organisation_id"),
    text_column("scope"),
    text_column("variant_id"),
    text_column("concept_id"),  # where this organisation wants it
    text_column("corrected_by"),
    time_column("corrected_at"),
    PrimaryKeyConstraint("organisation_id", "scope", "variant_id"),
)

concept_merge = Table(
    "concept_merge",
    metadata,
    text_column("organisation_id"),
    text_column("concept_id"),
    text_column("merged_into"),  # as the person said it
    text_column("into_concept_id"),  # where that led; never itself merged: chains are flattened when written
    text_column("corrected_by"),
    time_column("corrected_at"),
    PrimaryKeyConstraint("organisation_id", "concept_id"),
    Index("ix_concept_merge_into", "organisation_id", "into_concept_id"),
)

theme = Table(
    "theme",
    metadata,
    text_column("theme_id"),
    text_column("organisation_id"),
    text_column("brandspace_id"),
    text_column("name"),
    text_column("definition", server_default=""),
    texts_column("words"),  # what sets its texts apart, most telling first
    texts_column("examples"),  # content ids
    Column("is_locked", Boolean, nullable=False, server_default=text("false")),
    text_column("merged_into", nullable=True),
    text_column("model"),
    Column("centre", LargeBinary, nullable=False),  # float32, little-endian, unit length
    Column("discovery", Integer, nullable=False, server_default=text("1")),  # which run of the brandspace found it
    time_column("created_at"),
    time_column("changed_at"),
    PrimaryKeyConstraint("theme_id"),
    ForeignKeyConstraint(["brandspace_id"], ["brandspace.brandspace_id"]),
    Index("ix_theme_brandspace", "organisation_id", "brandspace_id"),
)

theme_member = Table(
    "theme_member",
    metadata,
    text_column("organisation_id"),
    text_column("brandspace_id"),
    text_column("scope"),
    text_column("content_id"),
    text_column("theme_id"),
    Column("cosine", Float, nullable=False),
    PrimaryKeyConstraint("organisation_id", "brandspace_id", "scope", "content_id"),
    ForeignKeyConstraint(["theme_id"], ["theme.theme_id"], ondelete="CASCADE"),
    Index("ix_theme_member_theme", "theme_id"),
)

frozen_comparison = Table(
    "frozen_comparison",
    metadata,
    text_column("frozen_id"),  # hash(organisation, question, data version, code version)
    text_column("organisation_id"),
    text_column("brandspace_id", nullable=True),
    text_column("name"),
    json_column("question"),
    text_column("data_version"),
    text_column("code_version"),
    Column("body", LargeBinary, nullable=False),  # canonical JSON: these very bytes are given again
    text_column("created_by"),
    time_column("created_at"),
    PrimaryKeyConstraint("frozen_id"),
    Index("ix_frozen_comparison_organisation", "organisation_id", "created_at"),
)
