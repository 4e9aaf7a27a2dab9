"""Whether an ad still runs. Derived from the scans, never stored: a new scan changes it for ads it doesn't show.

Two ways to the same status, for two shapes of question. *Counting* goes through many ads: the newest scans are grouped
once and hashed (PostgreSQL leaves the join out where the status isn't asked for). *Showing* a page descends an index
for each ad on it, however many scans there are.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, true

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


_GROUP = ("scope", "brand_slug", "channel", "account")  # what one scan looks at
_newest_on = func.max(scan.c.scanned_on).label("scanned_on")

_grouped = select(*(scan.c[name] for name in _GROUP), _newest_on).group_by(*(scan.c[name] for name in _GROUP))
_all_newest = _grouped.subquery("newest")
counted_ads = ad.outerjoin(_all_newest, and_(*(_all_newest.c[name] == ad.c[name] for name in _GROUP)))
counted_status = _status(_all_newest.c.scanned_on)

_of_ad = select(_newest_on).where(*(scan.c[name] == ad.c[name] for name in _GROUP)).correlate(ad).lateral("newest")
shown_ads = ad.outerjoin(_of_ad, true())
shown_status = _status(_of_ad.c.scanned_on)
