"""Whether an ad still runs. Derived from the scans, never stored: a new scan changes it for ads it doesn't show."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, or_, select, true
from sqlalchemy.sql.selectable import Join

from core.adapters.postgres.schema import ad, scan


class AdStatus(StrEnum):
    """``not_seen`` is not ``stopped``: the newest scan doesn't show the ad, and nobody says that it stopped."""

    ACTIVE = "active"
    STOPPED = "stopped"
    NOT_SEEN = "not_seen"


# The newest scan of what an ad belongs to: one index descent, remembered by PostgreSQL for the ads that share it.
_newest = (
    select(func.max(scan.c.scanned_on).label("scanned_on"))
    .where(
        scan.c.scope == ad.c.scope,
        scan.c.brand_slug == ad.c.brand_slug,
        scan.c.channel == ad.c.channel,
        scan.c.account == ad.c.account,
    )
    .correlate(ad)
    .lateral("newest")
)

ad_status: ColumnElement[Any] = case(
    (
        or_(
            ad.c.source_says_active.is_(False), ad.c.run_end < func.coalesce(_newest.c.scanned_on, ad.c.last_scanned_on)
        ),
        literal(AdStatus.STOPPED.value),
    ),
    (ad.c.last_scanned_on < _newest.c.scanned_on, literal(AdStatus.NOT_SEEN.value)),
    else_=literal(AdStatus.ACTIVE.value),
)


def ads_with_status() -> Join:
    """``FROM ad`` with what ``ad_status`` needs."""
    return ad.outerjoin(_newest, true())
