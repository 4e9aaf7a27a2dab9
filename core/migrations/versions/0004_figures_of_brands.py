"""How each brand's ads stand, beside the brand; lists of brands by index. Runs before the deploy, while no worker of older code commits: what it
committed would be counted with the brand's next scan only.

Revision ID: 0004
Revises: 0003
"""

from alembic import op
import sqlalchemy as sa

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COUNT = """
    WITH newest AS (SELECT scope, brand_slug, channel, account, max(scanned_on) AS newest_on
                    FROM scan GROUP BY scope, brand_slug, channel, account),
    ads AS (SELECT scope, brand_slug, coalesce(source_says_active IS FALSE, false)
                   OR coalesce(run_end < coalesce(newest_on, last_scanned_on), false) AS stopped,
                   last_scanned_on < coalesce(newest_on, last_scanned_on) AS missed
            FROM ad LEFT JOIN newest USING (scope, brand_slug, channel, account)),
    figures AS (SELECT scope, brand_slug, count(*) AS ads, count(*) FILTER (WHERE stopped) AS stopped,
                       count(*) FILTER (WHERE missed AND NOT stopped) AS not_seen FROM ads GROUP BY scope, brand_slug)
    UPDATE brand b SET ads = f.ads, stopped = f.stopped, not_seen = f.not_seen,
                       active = f.ads - f.stopped - f.not_seen
    FROM figures f WHERE f.scope = b.scope AND f.brand_slug = b.slug
"""


def upgrade() -> None:
    for name in ("ads", "active", "stopped", "not_seen"):
        op.add_column("brand", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.execute(COUNT)
    # A brand's ads in order, through all scopes: the newest of a brandspace are the newest of its brands.
    op.drop_index("ix_ad_brand_first_seen", table_name="ad")
    op.create_index("ix_ad_brand_first_seen", "ad", ["brand_slug", "first_seen", "ad_id", "scope"], unique=False)
    # The newest scan is looked up once a source: PostgreSQL must know how few sources there are.
    op.execute("CREATE STATISTICS ad_source (ndistinct) ON scope, brand_slug, channel, account FROM ad")
    op.create_index("ix_brand_slug", "brand", ["slug", "scope"], unique=False)
    op.create_index("ix_brand_alias_slug", "brand_alias", ["slug"], unique=False)


def downgrade() -> None:
    raise RuntimeError("migrations go forward only: restore a backup to go back")
