"""The ads that the newest scans brought: those that the newest scan of their source shows and none before it did."""

from __future__ import annotations

from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.domain.principal import Principal
from core.queries.ads import AdCard, cards_of
from core.queries.brandspaces import brandspace_slugs
from core.queries.pages import checked_limit

# A source that brought nothing new costs nothing; one that did is looked through from its newest ad on.
_NEWEST = text(
    "/* newest_ads */ SELECT brought.ad_id FROM (SELECT DISTINCT ON (s.scope, s.brand_slug, s.channel, s.account) s.*"
    "  FROM scan s WHERE cast(:slugs AS text[]) IS NULL OR s.brand_slug = ANY(:slugs)"
    "  ORDER BY s.scope, s.brand_slug, s.channel, s.account, s.scanned_on DESC, s.committed_at DESC) AS newest"
    " CROSS JOIN LATERAL (SELECT a.ad_id, a.first_seen FROM ad a WHERE a.scope = newest.scope"
    "  AND a.brand_slug = newest.brand_slug AND a.channel = newest.channel AND a.account = newest.account"
    "  AND a.media_status = 'ok' AND a.cover_sha256 IS NOT NULL AND NOT EXISTS"
    "   (SELECT 1 FROM observation o WHERE o.ad_id = a.ad_id AND o.scan_id <> newest.scan_id)"
    "  ORDER BY a.first_seen DESC, a.ad_id DESC LIMIT :limit) AS brought"
    " WHERE cast(newest.counts->>'new' AS bigint) > 0"
    " ORDER BY newest.scanned_on DESC, brought.first_seen DESC, brought.ad_id DESC LIMIT :limit"
)


def newest_pictured(database: Database, principal: Principal, brandspace: str, *, limit: int = 60) -> list[AdCard]:
    """Those with a picture, of the latest scan first. Raises NotFoundError (brandspace)."""
    with database.reader(principal) as connection:
        slugs = brandspace_slugs(connection, principal, brandspace)
        wanted = {"slugs": None if slugs is None else list(slugs), "limit": checked_limit(limit)}
        ids = list(connection.execute(_NEWEST, wanted).scalars())
        cards = cards_of(connection, ids)
    return [cards[ad_id] for ad_id in ids]
