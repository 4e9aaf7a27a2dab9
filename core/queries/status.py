"""Whether an ad still runs. Derived from the scans, never stored: a new scan changes it for ads it doesn't show.

The newest scan is looked up by index for each ad, and PostgreSQL remembers it for all ads of one source. Where the
status isn't asked for, it leaves the look-up out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, case, func, literal, or_, select, true

from core.adapters.postgres.schema import ad, scan


class AdStatus(StrEnum):
    """``not_seen`` is not ``stopped``: the newest scan doesn't show the ad, and nobody says that it stopped."""

    ACTIVE = "active"
    STOPPED = "stopped"
    NOT_SEEN = "not_seen"


def _status(newest_scan_on: ColumnElement[Any]) -> ColumnElement[Any]:
    newest = func.coalesce(newest_scan_on, ad.c.last_scanned_on)
    stopped = or_(ad.c.source_says_active.is_(False), ad.c.run_end < newest)
    return case(
        (stopped, literal(AdStatus.STOPPED.value)),
        (ad.c.last_scanned_on < newest, literal(AdStatus.NOT_SEEN.value)),
        else_=literal(AdStatus.ACTIVE.value),
    )


_SOURCE = ("scope", "brand_slug", "channel", "account")  # what one scan looks at
_newest = (
    select(func.max(scan.c.scanned_on).label("scanned_on"))
    .where(*(scan.c[name] == ad.c[name] for name in _SOURCE))
    .correlate(ad)
    .lateral("newest")
)
counted_ads = ad.outerjoin(_newest, true())
counted_status = _status(_newest.c.scanned_on)
