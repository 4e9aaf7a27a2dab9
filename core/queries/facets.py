"""How many ads, or concepts, each filter value would leave; under all the other filters, not its own.

A concept counts wherever one of its ads does; among labels where it carries the value. That is what the filter finds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Text,
    and_,
    case,
    column,
    func,
    literal,
    select,
    text,
    true,
    union_all,
)

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, ad_version
from core.domain.label import LANGUAGE
from core.domain.principal import Principal
from core.queries.carried_labels import counts_beside, is_carried
from core.queries.conditions import impressions, matching, run_dates, spend_currency
from core.queries.filters import ADS, CONCEPTS, UNKNOWN_VALUE, AdFilters, Unit
from core.queries.pages import AnySelect
from core.queries.seen_concepts import seen_variant
from core.queries.seen_labels import labels_of
from core.queries.status import counted_status
from core.queries.units import ads_by, unit_id

MAX_LISTED = 100  # values of one facet
_ROOM = text("SET LOCAL work_mem = '64MB'")  # 100,000 ads are counted in memory instead of on disk


_READ = "\x01read"  # never a value: the ads for which a dimension is known
_COLUMN_FACETS: Mapping[str, ColumnElement[Any]] = {
    "brands": ad.c.brand_slug,
    "channels": ad.c.channel,
    "formats": ad.c.format,
    "statuses": counted_status,
    "media_statuses": ad.c.media_status,
    "ctas": ad_version.c.cta,
    "landing_domain": ad_version.c.landing_domain,
    "run_dates": run_dates,
    "spend_currencies": spend_currency,
    "impressions": impressions,
}
_ARRAY_FACETS: Mapping[str, ColumnElement[Any]] = {
    "countries": ad.c.countries,
    "platforms": ad_version.c.platforms,
}
_ALWAYS = (*_COLUMN_FACETS, *_ARRAY_FACETS, "languages")
LABELS: Final = "labels"
EVERY_FACET: Final = frozenset({*_ALWAYS, LABELS})


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one filter with counts of ``AdFilters.unit``, most first.

    ``total`` were counted. ``several`` says that one may have more than one value (countries, the formats of a
    concept …); otherwise values + ``others`` + ``unknown`` = total. ``others`` sums the values beyond the 100 listed.
    """

    name: str  # a filter: "brands", "countries" …, or "labels.hook"
    values: tuple[tuple[str, int], ...]
    others: int
    unknown: int
    total: int
    several: bool = False


def facets(
    database: Database, principal: Principal, brandspace: str, filters: AdFilters, only: Collection[str] = EVERY_FACET
) -> dict[str, Facet]:
    """Facets by name: of ``only``, in which "labels" stands for every dimension. Raises NotFoundError (brandspace)."""
    chosen = [name for name in _chosen(filters) if _kind(name) in only]
    with database.reader(principal) as connection:
        connection.execute(_ROOM)
        found = _count(connection, principal, brandspace, filters, only=set(only).difference(chosen))
        for name in chosen:
            own = _count(connection, principal, brandspace, _without(filters, name), only={_kind(name)}, named=name)
            found[name] = own[name]
    return found


def _chosen(filters: AdFilters) -> list[str]:
    """The facets whose filter is set: they need a count of their own."""
    columns = [name for name in _ALWAYS if any(getattr(filters, part) != _UNSET[part] for part in _parts(name))]
    return list(dict.fromkeys([*columns, *(_label_facet(dimension) for dimension, _ in filters.labels)]))


def _kind(name: str) -> str:
    return LABELS if name.startswith(f"{LABELS}.") else name


def _without(filters: AdFilters, name: str) -> AdFilters:
    kept = tuple(pair for pair in filters.labels if _label_facet(pair[0]) != name)
    unset: dict[str, Any] = {part: _UNSET[part] for part in _parts(name)} if name in _ALWAYS else {}
    return replace(filters, labels=kept, **unset)


def _label_facet(dimension: str) -> str:
    return "languages" if dimension == LANGUAGE else f"labels.{dimension}"


def _count(
    connection: Connection,
    principal: Principal,
    brandspace: str,
    filters: AdFilters,
    *,
    only: Collection[str],
    named: str = "",
) -> dict[str, Facet]:
    """One pass over the matching ads counts every wanted facet, those without a value too."""
    matched = _matched(filters.unit, matching(connection, principal, brandspace, filters), only)
    branches = [_total(matched, filters.unit), *_branches(matched, filters.unit, only)]
    statement = select(union_all(*branches).subquery()).prefix_with("/* facets */")
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for name, value, number in connection.execute(statement):
        counts[name][value] = int(number)
    total = counts.pop("")[""]
    names = dict.fromkeys([*_ALWAYS, *counts, *filter(None, [named])])
    return {name: _facet(name, counts[name], total) for name in names if _kind(name) in only}


def _facet(name: str, counts: Mapping[str, int], total: int) -> Facet:
    is_label = name == "languages" or name.startswith("labels.")
    ranked = sorted(
        ((value, number) for value, number in counts.items() if value not in {UNKNOWN_VALUE, _READ} and number),
        key=lambda pair: (-pair[1], pair[0]),
    )
    unknown = total - counts.get(_READ, 0) if is_label else counts.get(UNKNOWN_VALUE, 0)
    listed, rest = tuple(ranked[:MAX_LISTED]), ranked[MAX_LISTED:]
    several = sum(number for _, number in ranked) + unknown > total
    return Facet(name, listed, sum(number for _, number in rest), unknown, total, several)


_RANGES: Mapping[str, Sequence[str]] = {  # filters of their own on what a facet counts
    "run_dates": ("run_from", "run_to", "days_shown_min", "days_shown_max"),
    "spend_currencies": ("spend_min", "spend_max"),
    "impressions": ("impressions_min", "impressions_max"),
}
_UNSET: Mapping[str, Any] = {field.name: field.default for field in fields(AdFilters)}


def _parts(name: str) -> Sequence[str]:
    """The filters that ask what the facet counts."""
    return (name, *_RANGES.get(name, ()))


def _matched(unit: Unit, conditions: Iterable[ColumnElement[bool]], only: Collection[str]) -> CTE:
    """What is counted of the ads that pass, by the facets' names, and nothing else: each column is paid 100,000 times.

    Of versions it is an outer join, though each ad has one: PostgreSQL leaves it out where none of its columns is used.
    """
    source = ads_by(unit).outerjoin(ad_version, ad_version.c.version_id == ad.c.current_version_id)
    wanted: list[ColumnElement[Any]] = [
        value.label(name) for name, value in {**_COLUMN_FACETS, **_ARRAY_FACETS}.items() if name in only
    ]
    units = [unit_id(unit).label("unit_id")]
    if _is_of_labels(only):
        wanted += [ad.c.scope, ad.c.content_id, ad.c.cover_sha256]
        units += [seen_variant.label("variant_id")] if unit == CONCEPTS else []
    return select(*units, *wanted).select_from(source).where(*conditions).cte("matched")


def _is_of_labels(only: Collection[str]) -> bool:
    """A language is a label."""
    return not {"languages", LABELS}.isdisjoint(only)


def _total(matched: CTE, unit: Unit) -> AnySelect:
    units: FromClause = matched if unit == ADS else select(matched.c.unit_id).distinct().subquery()
    return select(literal("").label("facet"), literal("").label("value"), func.count().label("n")).select_from(units)


def _branches(matched: CTE, unit: Unit, only: Collection[str]) -> Iterable[AnySelect]:
    for name in filter(only.__contains__, _COLUMN_FACETS):
        value = func.coalesce(func.nullif(matched.c[name], ""), UNKNOWN_VALUE)
        yield _by_value(literal(name), value, matched, matched.c.unit_id, unit)
    for name in filter(only.__contains__, _ARRAY_FACETS):
        one = func.unnest(matched.c[name]).table_valued(column("value", Text)).render_derived(name="one")
        value = func.coalesce(one.c.value, UNKNOWN_VALUE)
        yield _by_value(literal(name), value, matched.outerjoin(one, true()), matched.c.unit_id, unit)
    if _is_of_labels(only):
        yield from _labels_by_ads(matched) if unit == ADS else _labels_by_concepts(matched)


def _by_value(
    facet: ColumnElement[str], value: ColumnElement[str], source: FromClause, units: ColumnElement[str], unit: Unit
) -> AnySelect:
    """Units by value. Of concepts each is taken once by hash: to count distinct ones PostgreSQL would sort them all."""
    if unit == ADS:
        return select(facet, value, func.count()).select_from(source).group_by(value)
    once = select(facet.label("facet"), value.label("value"), units).select_from(source).distinct().subquery()
    return select(once.c.facet, once.c.value, func.count()).group_by(once.c.facet, once.c.value)


def _labels_by_ads(matched: CTE) -> Iterable[AnySelect]:
    labels = labels_of(_contents(matched, func.count()), "number", "n")
    by_value = select(_facet_name(labels.c.dimension), labels.c.value, func.sum(labels.c.n)).where(labels.c.known)
    yield by_value.group_by(labels.c.dimension, labels.c.value)
    once = (
        select(labels.c.dimension, func.max(labels.c.n).label("n"), func.bool_or(labels.c.known).label("known"))
        .group_by(labels.c.dimension, labels.c.number)
        .subquery()
    )
    read = func.coalesce(func.sum(once.c.n).filter(once.c.known), 0)
    yield select(_facet_name(once.c.dimension), literal(_READ), read).group_by(once.c.dimension)


def _labels_by_concepts(matched: CTE) -> Iterable[AnySelect]:
    """By the values that concepts carry: the rule of ``carried_labels``, in all dimensions at once."""
    variants = func.count(matched.c.variant_id.distinct())
    labels = labels_of(_contents(matched, variants, matched.c.unit_id), "number", "n", "unit_id")
    of_unit = (labels.c.dimension, labels.c.unit_id)
    once = (
        select(*of_unit, func.max(labels.c.n).label("n"), func.bool_or(labels.c.read).label("read"))
        .group_by(*of_unit, labels.c.number)
        .subquery()
    )
    variants_read = func.coalesce(func.sum(once.c.n).filter(once.c.read), 0).label("variants_read")
    units = (
        select(once.c.dimension, once.c.unit_id, variants_read).group_by(once.c.dimension, once.c.unit_id).subquery()
    )
    there = and_(units.c.dimension == labels.c.dimension, units.c.unit_id == labels.c.unit_id)
    found = (
        select(*of_unit, labels.c.value, func.count().over(partition_by=of_unit).label("values"))
        .select_from(labels.join(units, there))
        .where(labels.c.known)
        .group_by(*of_unit, labels.c.value, units.c.variants_read)
        .having(is_carried(func.sum(labels.c.n), units.c.variants_read))
        .subquery()
    )
    carried = select(found).where(counts_beside(found.c.value, found.c["values"])).cte("carried")
    facet = _facet_name(carried.c.dimension)
    yield select(facet, carried.c.value, func.count()).group_by(carried.c.dimension, carried.c.value)
    known = select(carried.c.dimension, carried.c.unit_id).distinct().subquery()
    yield select(_facet_name(known.c.dimension), literal(_READ), func.count()).group_by(known.c.dimension)


def _contents(matched: CTE, number_of: ColumnElement[int], *by: ColumnElement[str]) -> CTE:
    """Labels hang on content, words or cover, so all is first counted by content. ``number`` is a short key."""
    words, cover = (
        select(matched.c.scope, content_id.label("content_id"), *by, number_of.label("n"))
        .where(content_id.isnot(None))
        .group_by(matched.c.scope, content_id, *by)
        for content_id in (matched.c.content_id, matched.c.cover_sha256)
    )
    both = words.union_all(cover).subquery()
    return select(both, func.row_number().over().label("number")).cte("contents")


def _facet_name(dimension: ColumnElement[str]) -> ColumnElement[str]:
    return case((dimension == LANGUAGE, "languages"), else_=func.concat("labels.", dimension)).label("facet")
