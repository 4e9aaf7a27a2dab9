"""Brands beside each other: what their ads say, when they started, and how much of it has been read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, Date, DateTime, Text, case, cast, column, func, literal, select, true

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad
from core.domain.principal import Principal
from core.insights.launches import Period, fill_periods
from core.insights.mixes import MAX_BRANDS, BrandMix, LabelMix, mix_of_brands
from core.queries.conditions import Condition, matching
from core.queries.filters import CONCEPTS, UNKNOWN_VALUE, AdFilters, Unit
from core.queries.label_states import FAILED, KNOWN, NOT_ASKED, PENDING, REFUSED, STATES, UNKNOWN, WITHOUT
from core.queries.pages import AnySelect
from core.queries.units import VALUE_MARK, ad_mix, ads_by, concept_mix, unit_id, units_of

FORMAT = "format"  # a dimension that no label says: the source declares it of every ad


@dataclass(frozen=True, slots=True)
class BrandLaunches:
    """Units started per period. ``dated_by_source`` have a run start; the rest count by first seen.

    ``ads`` counts them; ``earlier`` started before the first point.
    """

    brand: str
    ads: int
    dated_by_source: int
    dated_by_first_seen: int
    points: tuple[tuple[date, int], ...]  # (first day of the period, units)
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class Launches:
    """All series share one axis, from the first to the last period with a launch, at most the last 520 periods."""

    period: Period
    brands: tuple[BrandLaunches, ...]
    brands_left_out: int
    unit: str = "ads"


def label_mix(
    database: Database,
    principal: Principal,
    brandspace: str,
    dimension: str,
    filters: AdFilters,
    *,
    allowed: Collection[str] = (),
) -> LabelMix:
    """Brand × value of one dimension as counts of ``filters.unit``; ``allowed`` values are listed though nobody has
    them. ``format`` is what the source declares of each ad: a concept has every format of its ads, and none waits.

    Raises NotFoundError (brandspace).
    """
    with database.reader(principal) as connection:
        conditions = matching(connection, principal, brandspace, filters)
        return read_mix(connection, filters.unit, conditions, dimension, allowed=allowed)


def read_mix(
    connection: Connection,
    unit: Unit,
    conditions: Sequence[Condition],
    dimension: str,
    *,
    allowed: Collection[str] = (),
) -> LabelMix:
    """``label_mix`` of the ads that fulfil the conditions."""
    tallies: dict[str, Counter[str]] = defaultdict(Counter)
    for brand, state, value, number in connection.execute(unit_mix(unit, conditions, dimension)):
        tallies[brand][state + value] += int(number)
    brands = (_brand_mix(brand, tally) for brand, tally in tallies.items())
    return mix_of_brands(dimension, brands, allowed=allowed, unit=unit)


def launches(database: Database, principal: Principal, brandspace: str, period: Period, filters: AdFilters) -> Launches:
    """Units started per month or week, by run start where the source says it, else by first seen."""
    with database.reader(principal) as connection:
        statement = _launches(filters.unit, matching(connection, principal, brandspace, filters), period)
        rows = connection.execute(statement).all()
    counts: dict[str, Counter[date]] = defaultdict(Counter)
    dated: Counter[str] = Counter()
    for brand, start, by_source, number in rows:
        counts[brand][start] += number
        dated[brand] += number if by_source else 0
    ranked = sorted(counts, key=lambda brand: (-counts[brand].total(), brand))
    shown = ranked[:MAX_BRANDS]
    series = fill_periods([counts[brand] for brand in shown], period)
    brands = tuple(
        _brand_launches(brand, counts[brand], dated[brand], points) for brand, points in zip(shown, series, strict=True)
    )
    return Launches(period, brands, len(ranked) - len(shown), filters.unit)


def unit_mix(unit: Unit, conditions: Sequence[Condition], dimension: str) -> AnySelect:
    """Rows (brand, state, value, units)."""
    if dimension == FORMAT:
        return _formats(unit, conditions)
    return concept_mix(conditions, dimension) if unit == CONCEPTS else ad_mix(conditions, dimension)


def _formats(unit: Unit, conditions: Sequence[Condition]) -> AnySelect:
    """Rows as ``ad_mix`` gives them, of the declared format."""
    is_known = ad.c.format.notin_(["", UNKNOWN_VALUE])
    declared = (
        select(ad.c.brand_slug, unit_id(unit).label("unit_id"))
        .add_columns(func.array_agg(ad.c.format.distinct()).filter(is_known).label("formats"))
        .select_from(ads_by(unit))
        .where(*conditions)
        .group_by(ad.c.brand_slug, unit_id(unit))
        .cte("declared")
    )
    state = case((declared.c.formats.is_(None), UNKNOWN), else_=KNOWN)
    by_state = select(declared.c.brand_slug, state.label("state"), literal("").label("value"), func.count().label("n"))
    value = func.unnest(declared.c.formats).table_valued(column("value", Text)).render_derived(name="one")
    by_value = select(declared.c.brand_slug, literal(VALUE_MARK), value.c.value, func.count())
    both = by_state.group_by(declared.c.brand_slug, state).union_all(
        by_value.select_from(declared.join(value, true())).group_by(declared.c.brand_slug, value.c.value)
    )
    return select(both.subquery()).prefix_with("/* format_mix */")


def _launches(unit: Unit, conditions: Sequence[Condition], period: Period) -> AnySelect:
    """Rows (brand, first day of the period, whether the source gave the date, units)."""
    units = units_of(unit, conditions)
    start = cast(func.date_trunc(period.value, cast(units.c.launched_on, DateTime)), Date)
    columns = (units.c.brand_slug, start, units.c.launched_by_source)
    return select(*columns, func.count()).group_by(*columns).prefix_with("/* launches */")


def _brand_mix(brand: str, tally: Counter[str]) -> BrandMix:
    values = {name: number for name, number in tally.items() if name.startswith(VALUE_MARK)}
    return BrandMix(
        brand=brand,
        ads=sum(tally[state] for state in STATES),
        read=tally[KNOWN] + tally[UNKNOWN],
        pending=tally[PENDING],
        unknown=tally[UNKNOWN],
        counts={name.removeprefix(VALUE_MARK): number for name, number in sorted(values.items())},
        without_text=tally[WITHOUT],
        refused=tally[REFUSED],
        failed=tally[FAILED],
        not_asked=tally[NOT_ASKED],
    )


def _brand_launches(
    brand: str, counts: Counter[date], dated: int, points: tuple[tuple[date, int], ...]
) -> BrandLaunches:
    ads = counts.total()
    return BrandLaunches(brand, ads, dated, ads - dated, points, ads - sum(number for _, number in points))
