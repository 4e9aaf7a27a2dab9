"""Brands beside each other: what their ads say, when they started, and how much of it has been read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Connection,
    Date,
    DateTime,
    Text,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    select,
    true,
)

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, content, label, label_overlay
from core.domain.principal import Principal
from core.insights.launches import Period, fill_periods
from core.insights.mixes import MAX_BRANDS, BrandMix, LabelMix, mix_of_brands
from core.queries.conditions import matching
from core.queries.filters import UNKNOWN_VALUE, AdFilters
from core.queries.pages import AnySelect
from core.queries.seen_labels import is_known, overlay_values, same_content
from core.queries.status import counted_ads

FORMAT = "format"  # a dimension that no label says: the source declares it of every ad


@dataclass(frozen=True, slots=True)
class BrandLaunches:
    """Ads started per period. ``dated_by_source`` have a run start; the rest count by first seen.

    ``earlier`` started before the first point.
    """

    brand: str
    ads: int
    dated_by_source: int
    dated_by_first_seen: int
    points: tuple[tuple[date, int], ...]  # (first day of the period, ads)
    earlier: int = 0


@dataclass(frozen=True, slots=True)
class Launches:
    """All series share one axis, from the first to the last period with a launch, at most the last 520 periods."""

    period: Period
    brands: tuple[BrandLaunches, ...]
    brands_left_out: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """stored = labelled + without_text + pending, in ads. A text that isn't there never gets a label."""

    stored: int
    labelled: int
    without_text: int
    pending: int


def label_mix(
    database: Database, principal: Principal, brandspace: str, dimension: str, filters: AdFilters
) -> LabelMix:
    """Brand × value of one dimension as counts; ``format`` is what the source declares, so no ad of it waits.

    Raises NotFoundError (brandspace).
    """
    with database.reader(principal) as connection:
        if dimension == FORMAT:
            statement = _formats(matching(connection, principal, brandspace, filters))
        else:
            statement = _mix(_contents(connection, principal, brandspace, filters), dimension)
        tallies: dict[str, Counter[str]] = defaultdict(Counter)
        for brand, state, value, number in connection.execute(statement):
            tallies[brand][state if state != _KNOWN_VALUE else _KNOWN_VALUE + value] += int(number)
    return mix_of_brands(dimension, (_brand_mix(brand, tally) for brand, tally in tallies.items()))


def launches(database: Database, principal: Principal, brandspace: str, period: Period, filters: AdFilters) -> Launches:
    """Ads started per month or week, by run start where the source says it, else by first seen."""
    with database.reader(principal) as connection:
        statement = _launches(matching(connection, principal, brandspace, filters), period)
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
    return Launches(period, brands, len(ranked) - len(shown))


def labelling_coverage(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> Coverage:
    """How many of the ads have been read in every dimension."""
    with database.reader(principal) as connection:
        contents = _contents(connection, principal, brandspace, filters)
        ads = func.sum(contents.c.ads)
        statement = select(
            func.coalesce(ads, 0),
            func.coalesce(ads.filter(content.c.labelled_with.isnot(None)), 0),
            func.coalesce(ads.filter(content.c.content_id.is_(None)), 0),
        ).select_from(contents.outerjoin(content, _text_of(contents)))
        counts = connection.execute(statement.prefix_with("/* labelling_coverage */")).one()
    stored, labelled, without_text = map(int, counts)
    return Coverage(stored, labelled, without_text, stored - labelled - without_text)


_KNOWN, _UNKNOWN, _WITHOUT_TEXT, _PENDING, _KNOWN_VALUE = "known", "unknown", "without_text", "pending", "="


def _text_of(contents: CTE) -> ColumnElement[bool]:
    """Joins what is to be labelled; an ad that says nothing has no row there."""
    return same_content(content, contents)


def _contents(connection: Connection, principal: Principal, brandspace: str, filters: AdFilters) -> CTE:
    """The matching ads counted by content: labels are made once for it."""
    columns = (ad.c.scope, ad.c.content_id, ad.c.brand_slug)
    return (
        select(*columns, func.count().label("ads"))
        .select_from(counted_ads)
        .where(*matching(connection, principal, brandspace, filters))
        .group_by(*columns)
        .cte("contents")
    )


def _mix(contents: CTE, dimension: str) -> AnySelect:
    """Rows (brand, state, value, ads): every ad once by state, and once for each known value it has."""
    mine = and_(same_content(label, contents), label.c.dimension == dimension)
    ours = and_(same_content(label_overlay, contents), label_overlay.c.dimension == dimension)  # at most one
    is_corrected = label_overlay.c.content_id.isnot(None)
    corrected = func.nullif(overlay_values, cast([], ARRAY(Text)))
    machine = func.array_agg(label.c.value).filter(is_known(label))
    has_text = content.c.content_id.isnot(None)
    source = contents.outerjoin(content, _text_of(contents)).outerjoin(label, mine).outerjoin(label_overlay, ours)
    group = (contents.c.scope, contents.c.content_id, contents.c.brand_slug, contents.c.ads, has_text)
    read = (
        select(contents.c.brand_slug, contents.c.ads, has_text.label("has_text"))
        .add_columns(func.count(func.coalesce(label.c.value, label_overlay.c.content_id)).label("rows"))
        .add_columns(case((is_corrected, corrected), else_=machine).label("known"))
        .select_from(source)
        .group_by(*group, label_overlay.c.content_id, overlay_values)
        .cte("read")
    )
    states = ((read.c.known.isnot(None), _KNOWN), (read.c.rows > 0, _UNKNOWN), (read.c.has_text, _PENDING))
    state = case(*states, else_=_WITHOUT_TEXT)
    by_state = select(
        read.c.brand_slug, state.label("state"), literal("").label("value"), func.sum(read.c.ads).label("n")
    )
    value = func.unnest(read.c.known).table_valued(column("value", Text)).render_derived(name="one")
    by_value = select(read.c.brand_slug, literal(_KNOWN_VALUE), value.c.value, func.sum(read.c.ads))
    both = by_state.group_by(read.c.brand_slug, state).union_all(
        by_value.select_from(read.join(value, true())).group_by(read.c.brand_slug, value.c.value)
    )
    return select(both.subquery()).prefix_with("/* label_mix */")


def _formats(conditions: Sequence[ColumnElement[bool]]) -> AnySelect:
    """Rows as ``_mix`` gives them, of the declared format."""
    unknown = ad.c.format.in_(["", UNKNOWN_VALUE])
    counted = (
        select(ad.c.brand_slug, case((unknown, ""), else_=ad.c.format).label("value"), func.count().label("n"))
        .select_from(counted_ads)
        .where(*conditions)
        .group_by(ad.c.brand_slug, column("value"))
        .cte("formats")
    )
    state = case((counted.c.value == "", _UNKNOWN), else_=_KNOWN)
    by_state = select(counted.c.brand_slug, state.label("state"), literal("").label("value"), counted.c.n)
    by_value = select(counted.c.brand_slug, literal(_KNOWN_VALUE), counted.c.value, counted.c.n)
    both = by_state.union_all(by_value.where(counted.c.value != ""))
    return select(both.subquery()).prefix_with("/* format_mix */")


def _launches(conditions: Sequence[ColumnElement[bool]], period: Period) -> AnySelect:
    """Rows (brand, first day of the period, whether the source gave the date, ads)."""
    day = cast(func.coalesce(ad.c.run_start, ad.c.first_seen), DateTime)
    start = cast(func.date_trunc(period.value, day), Date)
    by_source = ad.c.run_start.isnot(None)
    columns = (ad.c.brand_slug, start, by_source)
    statement = select(*columns, func.count()).select_from(counted_ads).where(*conditions)
    return statement.group_by(*columns).prefix_with("/* launches */")


def _brand_mix(brand: str, tally: Counter[str]) -> BrandMix:
    values = {name: number for name, number in tally.items() if name.startswith(_KNOWN_VALUE)}
    counts = {name.removeprefix(_KNOWN_VALUE): number for name, number in sorted(values.items())}
    read = tally[_KNOWN] + tally[_UNKNOWN]
    pending, without_text = tally[_PENDING], tally[_WITHOUT_TEXT]
    return BrandMix(brand, read + pending + without_text, read, pending, tally[_UNKNOWN], counts, without_text)


def _brand_launches(
    brand: str, counts: Counter[date], dated: int, points: tuple[tuple[date, int], ...]
) -> BrandLaunches:
    ads = counts.total()
    return BrandLaunches(brand, ads, dated, ads - dated, points, ads - sum(number for _, number in points))
