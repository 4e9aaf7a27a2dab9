"""Pictures read, models asked and paid for, concepts, themes, frozen comparisons. Runs before the deploy: older code leaves the new tables and
columns alone.

Revision ID: 0005
Revises: 0004
"""

from pathlib import Path

from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ai_budget",
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("usd_per_day", sa.Numeric(precision=14, scale=8), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_ai_budget")),
        sa.CheckConstraint("usd_per_day >= 0", name=op.f("ck_ai_budget_usd")),
    )
    op.create_table(
        "ai_call",
        sa.Column("ai_call_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("brand_slug", sa.Text(), nullable=True),
        sa.Column("content_id", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("output_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_usd", sa.Numeric(precision=14, scale=8), server_default=sa.text("0"), nullable=False),
        sa.Column("prices", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("vendor_request_id", sa.Text(), nullable=True),
        sa.Column("called_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("ai_call_id", name=op.f("pk_ai_call")),
        sa.CheckConstraint(
            "input_tokens >= 0 AND cached_tokens >= 0 AND output_tokens >= 0",
            name=op.f("ck_ai_call_tokens"),
        ),
    )
    op.create_index("ix_ai_call_content", "ai_call", ["organisation_id", "scope", "content_id"], unique=False)
    op.create_index("ix_ai_call_organisation", "ai_call", ["organisation_id", "called_at"], unique=False)
    op.create_table(
        "ai_reservation",
        sa.Column("reservation_id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("most_usd", sa.Numeric(precision=14, scale=8), nullable=False),
        sa.Column(
            "call", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("reservation_id", name=op.f("pk_ai_reservation")),
        sa.CheckConstraint("most_usd >= 0", name=op.f("ck_ai_reservation_usd")),
    )
    op.create_index("ix_ai_reservation_day", "ai_reservation", ["organisation_id", "day"], unique=False)
    op.create_table(
        "ai_spending",
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("spent_usd", sa.Numeric(precision=14, scale=8), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "day", name=op.f("pk_ai_spending")),
        sa.CheckConstraint("spent_usd >= 0", name=op.f("ck_ai_spending_usd")),
    )
    op.create_table(
        "concept_merge",
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("merged_into", sa.Text(), nullable=False),
        sa.Column("into_concept_id", sa.Text(), nullable=False),
        sa.Column("corrected_by", sa.Text(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "concept_id", name=op.f("pk_concept_merge")),
    )
    op.create_index("ix_concept_merge_into", "concept_merge", ["organisation_id", "into_concept_id"], unique=False)
    op.create_table(
        "concept_split",
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("variant_id", sa.Text(), nullable=False),
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("corrected_by", sa.Text(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "scope", "variant_id", name=op.f("pk_concept_split")),
    )
    op.create_table(
        "frozen_comparison",
        sa.Column("frozen_id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("brandspace_id", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "question", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("data_version", sa.Text(), nullable=False),
        sa.Column("code_version", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("frozen_id", name=op.f("pk_frozen_comparison")),
    )
    op.create_index(
        "ix_frozen_comparison_organisation", "frozen_comparison", ["organisation_id", "created_at"], unique=False
    )
    op.create_table(
        "image_reading",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("script", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("text_area", sa.Float(), nullable=True),
        sa.Column(
            "blocks", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("thumbnail_sha256", sa.Text(), nullable=True),
        sa.Column("reader", sa.Text(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("scope", "sha256", name=op.f("pk_image_reading")),
    )
    op.create_table(
        "label_quality",
        sa.Column("label_quality_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("set_name", sa.Text(), nullable=False),
        sa.Column("statistic", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("estimate", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("taxonomy_version", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column(
            "details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("measured_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("label_quality_id", name=op.f("pk_label_quality")),
    )
    op.create_index("ix_label_quality_newest", "label_quality", ["scope", "dimension", "measured_at"], unique=False)
    op.create_table(
        "variant",
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("variant_id", sa.Text(), nullable=False),
        sa.Column("brand_slug", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=True),
        sa.Column("cover_sha256", sa.Text(), nullable=True),
        sa.Column("concept_id", sa.Text(), nullable=False),
        sa.Column("joined_by", sa.Text(), nullable=False),
        sa.Column("joined_to", sa.Text(), nullable=True),
        sa.Column(
            "distances", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("compared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("scope", "variant_id", name=op.f("pk_variant")),
    )
    op.create_index("ix_variant_brand", "variant", ["scope", "brand_slug", "concept_id"], unique=False)
    op.create_index("ix_variant_concept", "variant", ["concept_id"], unique=False)
    op.create_index("ix_variant_content", "variant", ["scope", "content_id"], unique=False)
    op.create_index("ix_variant_cover", "variant", ["scope", "cover_sha256"], unique=False)
    op.create_index(
        "ix_variant_new",
        "variant",
        ["scope", "brand_slug"],
        unique=False,
        postgresql_where=sa.text("compared_at IS NULL"),
    )
    op.create_table(
        "label_past",
        sa.Column("label_past_id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("raw_value", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column(
            "evidence", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("modality", sa.Text(), nullable=False),
        sa.Column("provenance_id", sa.Text(), nullable=False),
        sa.Column("cost_usd", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["provenance_id"], ["provenance.provenance_id"], name=op.f("fk_label_past_provenance_id")
        ),
        sa.PrimaryKeyConstraint("label_past_id", name=op.f("pk_label_past")),
    )
    op.create_index("ix_label_past_content", "label_past", ["scope", "content_id", "dimension"], unique=False)
    op.create_table(
        "theme",
        sa.Column("theme_id", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("brandspace_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), server_default="", nullable=False),
        sa.Column("words", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("examples", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_locked", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("merged_into", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("centre", sa.LargeBinary(), nullable=False),
        sa.Column("discovery", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["brandspace_id"], ["brandspace.brandspace_id"], name=op.f("fk_theme_brandspace_id")),
        sa.PrimaryKeyConstraint("theme_id", name=op.f("pk_theme")),
    )
    op.create_index("ix_theme_brandspace", "theme", ["organisation_id", "brandspace_id"], unique=False)
    op.create_table(
        "theme_member",
        sa.Column("organisation_id", sa.Text(), nullable=False),
        sa.Column("brandspace_id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("theme_id", sa.Text(), nullable=False),
        sa.Column("cosine", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["theme_id"], ["theme.theme_id"], name=op.f("fk_theme_member_theme_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint(
            "organisation_id", "brandspace_id", "scope", "content_id", name=op.f("pk_theme_member")
        ),
    )
    op.create_index("ix_theme_member_theme", "theme_member", ["theme_id"], unique=False)
    op.add_column("ad", sa.Column("variant_id", sa.Text(), nullable=True))
    op.add_column("ad", sa.Column("variant_before", sa.Text(), nullable=True))
    op.create_index("ix_ad_cover", "ad", ["scope", "cover_sha256"], unique=False)
    op.create_index(
        "ix_ad_ungrouped", "ad", ["scope", "brand_slug"], unique=False, postgresql_where=sa.text("variant_id IS NULL")
    )
    op.create_index("ix_ad_variant", "ad", ["scope", "variant_id"], unique=False)
    op.add_column("brand", sa.Column("analysed_for", sa.Text(), nullable=True))
    op.add_column("content", sa.Column("kind", sa.Text(), server_default="words", nullable=False))
    op.add_column("content", sa.Column("simhash", sa.BigInteger(), nullable=True))
    op.create_index("ix_run_brand", "run", ["brand_slug"], unique=False)
    op.add_column("content", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "content",
        sa.Column("asked_dimensions", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("content", sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("content", sa.Column("claimed_by", sa.Text(), nullable=True))
    op.add_column("content", sa.Column("outcome", sa.Text(), nullable=True))
    op.create_index(
        "ix_content_pending",
        "content",
        ["scope", "content_id"],
        unique=False,
        postgresql_where=sa.text("asked_at IS NOT NULL AND outcome IS NULL"),
    )
    op.add_column("creative", sa.Column("perceptual_hash", sa.BigInteger(), nullable=True))
    op.add_column("creative", sa.Column("colours", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("label", sa.Column("raw_value", sa.Text(), nullable=True))
    op.execute((Path(__file__).parents[1] / "readings.sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup to go back")
