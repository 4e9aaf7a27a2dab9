"""How long the ads of each brand were seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad
from core.domain.principal import Principal
from core.insights.longevity import Longevity, longevity
from core.queries.conditions import Condition, matching
from core.queries.filters import AdFilters
from core.queries.pages import MAX_PAGE, AnySelect
from core.queries.status import AdStatus, counted_ads, counted_status

PROXY = "days from first to last seen: a proxy for how long an ad ran, and a lower bound for those still seen"


@dataclass(frozen=True, slots=True)
class BrandLongevity:
    """One brand's ads that pass the filters."""

    brand: str
    longevity: Longevity


@dataclass(frozen=True, slots=True)
class Longevities:
    """Brands with most ads first, at most 200. ``measure`` says what the days are."""

    measure: str
    total_ads: int
    brands: tuple[BrandLongevity, ...]
    brands_left_out: int


def longevities(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> Longevities:
    """Days seen by brand. Raises NotFoundError (brandspace)."""
    days: dict[str, dict[bool, dict[int, int]]] = defaultdict(lambda: {True: {}, False: {}})
    with database.reader(principal) as connection:
        for brand, still_seen, number, ads in connection.execute(
            _days(matching(connection, principal, brandspace, filters))
        ):
            days[brand][still_seen][number] = ads
    found = [BrandLongevity(brand, longevity(parts[False], parts[True])) for brand, parts in days.items()]
    found.sort(key=lambda brand: (-brand.longevity.n, brand.brand))
    total = sum(brand.longevity.n for brand in found)
    return Longevities(PROXY, total, tuple(found[:MAX_PAGE]), len(found[MAX_PAGE:]))


def _days(conditions: Sequence[Condition]) -> AnySelect:
    """Rows (brand, whether the newest scan shows it, days, ads)."""
    still_seen = (counted_status == AdStatus.ACTIVE.value).label("still_seen")
    days = (ad.c.last_seen - ad.c.first_seen + 1).label("days")
    columns = (ad.c.brand_slug, still_seen, days)
    statement = select(*columns, func.count()).select_from(counted_ads).where(*conditions)
    return statement.group_by(*columns).prefix_with("/* longevity */")
