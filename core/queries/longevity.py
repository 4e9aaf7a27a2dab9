"""How long the ads of each brand were seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import scan
from core.domain.principal import Principal
from core.insights.longevity import Longevity, longevity
from core.insights.mixes import MAX_BRANDS
from core.insights.survival import LogRank, Survival, kaplan_meier, log_rank
from core.queries.conditions import Condition, matching
from core.queries.filters import AdFilters, Unit
from core.queries.pages import MAX_PAGE, AnySelect
from core.queries.status import AdStatus
from core.queries.units import units_of

PROXY = "days from first to last seen: a proxy for how long an ad ran, and a lower bound for those still seen"

_Days = dict[bool, dict[int, int]]  # still seen → days → how many


@dataclass(frozen=True, slots=True)
class BrandLongevity:
    """One brand's ads that pass the filters."""

    brand: str
    longevity: Longevity


@dataclass(frozen=True, slots=True)
class Longevities:
    """Brands with most ads first, at most 200. ``measure`` says what the days are; ``total_ads`` counts units."""

    measure: str
    total_ads: int
    brands: tuple[BrandLongevity, ...]
    brands_left_out: int
    unit: str = "ads"


@dataclass(frozen=True, slots=True)
class BrandSurvival:
    """One brand's curve. With one ``scan_days`` nothing can have ended: it takes a later scan to miss something."""

    brand: str
    scan_days: int
    survival: Survival


@dataclass(frozen=True, slots=True)
class Survivals:
    """The 20 brands with most units. What the newest scan of its source shows is still seen; all else has ended, as
    far as anybody saw: *not seen* isn't *stopped*. ``log_rank`` asks whether the curves differ anywhere, of the brands
    that were scanned on more than one day: the others' can't fall.
    """

    measure: str
    unit: str
    confidence: float
    brands: tuple[BrandSurvival, ...]
    log_rank: LogRank | None
    brands_left_out: int


def longevities(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> Longevities:
    """Days seen by brand. Raises NotFoundError (brandspace)."""
    with database.reader(principal) as connection:
        days = _read_days(connection, filters.unit, matching(connection, principal, brandspace, filters))
    found = [BrandLongevity(brand, longevity(parts[False], parts[True])) for brand, parts in days]
    total = sum(brand.longevity.n for brand in found)
    return Longevities(PROXY, total, tuple(found[:MAX_PAGE]), len(found[MAX_PAGE:]), filters.unit)


def survivals(
    database: Database, principal: Principal, brandspace: str, filters: AdFilters, *, confidence: float = 0.95
) -> Survivals:
    """Kaplan–Meier curves by brand. Raises NotFoundError (brandspace)."""
    with database.reader(principal) as connection:
        days = _read_days(connection, filters.unit, matching(connection, principal, brandspace, filters))
        shown = days[:MAX_BRANDS]
        scans = _scan_days(connection, [brand for brand, _ in shown])
    curves = (
        BrandSurvival(brand, scans.get(brand, 0), kaplan_meier(parts[False], parts[True], confidence))
        for brand, parts in shown
    )
    test = log_rank([(parts[False], parts[True]) for brand, parts in shown if scans.get(brand, 0) > 1])
    return Survivals(PROXY, filters.unit, confidence, tuple(curves), test, len(days) - len(shown))


def _read_days(connection: Connection, unit: Unit, conditions: Sequence[Condition]) -> list[tuple[str, _Days]]:
    """Brands with most units first."""
    days: dict[str, _Days] = defaultdict(lambda: {True: {}, False: {}})
    for brand, still_seen, number, units in connection.execute(_days(unit, conditions)):
        days[brand][still_seen][number] = units
    totals = {brand: sum(sum(counts.values()) for counts in parts.values()) for brand, parts in days.items()}
    return sorted(days.items(), key=lambda item: (-totals[item[0]], item[0]))


def _days(unit: Unit, conditions: Sequence[Condition]) -> AnySelect:
    """Rows (brand, whether the newest scan shows it, days, units)."""
    units = units_of(unit, conditions)
    still_seen = (units.c.status == AdStatus.ACTIVE.value).label("still_seen")
    days = (units.c.last_seen - units.c.first_seen + 1).label("days")
    columns = (units.c.brand_slug, still_seen, days)
    return select(*columns, func.count()).group_by(*columns).prefix_with("/* longevity */")


def _scan_days(connection: Connection, brands: Sequence[str]) -> dict[str, int]:
    days = select(scan.c.brand_slug, func.count(scan.c.scanned_on.distinct())).where(scan.c.brand_slug.in_(brands))
    rows = connection.execute(days.group_by(scan.c.brand_slug).prefix_with("/* scan_days */"))
    return {brand: number for brand, number in rows}
