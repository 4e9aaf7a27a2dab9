"""How many ads each filter value would leave. Each facet is counted under all the other filters, not its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Text,
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
from core.queries.conditions import impressions, matching, run_dates, spend_currency
from core.queries.filters import UNKNOWN_VALUE, AdFilters
from core.queries.pages import AnySelect
from core.queries.seen_labels import labels_of
from core.queries.status import counted_ads, counted_status

MAX_LISTED = 100  # values of one facet
_ROOM = text("SET LOCAL work_mem = '64MB'")  # 100,000 ads are counted in memory instead of on disk


@dataclass(frozen=True, slots=True)
class Facet:
    """The values of one filter with counts of ads, most first.

    ``total`` ads were counted. ``several`` says that an ad may have more than one value (countries, themes …);
    otherwise values + ``others`` + ``unknown`` = total. ``others`` sums the values beyond the 100 listed.
    """

    name: str  # a filter: "brands", "countries" …, or "labels.hook"
    values: tuple[tuple[str, int], ...]
    others: int
    unknown: int
    total: int
    several: bool = False


def facets(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> dict[str, Facet]:
    """Every facet by name. Raises NotFoundError (brandspace)."""
    chosen = _chosen(filters)
    with database.reader(principal) as connection:
        connection.execute(_ROOM)
        found = _count(connection, principal, brandspace, filters, wanted=lambda name: name not in chosen)
        for name in chosen:
            found |= _count(
                connection, principal, brandspace, _without(filters, name), wanted=name.__eq__, named=(name,)
            )
    return found


def _chosen(filters: AdFilters) -> list[str]:
    """The facets whose filter is set: they need a count of their own."""
    columns = [name for name in _ALWAYS if any(getattr(filters, part) != _UNSET[part] for part in _parts(name))]
    return list(dict.fromkeys([*columns, *(_label_facet(dimension) for dimension, _ in filters.labels)]))


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
    wanted: Callable[[str], bool],
    named: Sequence[str] = (),
) -> dict[str, Facet]:
    """One pass over the matching ads counts every wanted facet, those without a value too."""
    matched = _matched(matching(connection, principal, brandspace, filters))
    branches = [_total(matched), *_branches(matched, wanted)]
    statement = select(union_all(*branches).subquery()).prefix_with("/* facets */")
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for name, value, number in connection.execute(statement):
        counts[name][value] = int(number)
    total = counts.pop("")[""]
    names = dict.fromkeys([*_ALWAYS, *counts, *named])
    return {name: _facet(name, counts[name], total) for name in names if wanted(name)}


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


_READ = "\x01read"  # never a value: the ads for which a dimension is known
_COLUMN_FACETS: Mapping[str, str] = {
    "brands": "brand_slug",
    "channels": "channel",
    "formats": "format",
    "statuses": "status",
    "media_statuses": "media_status",
    "ctas": "cta",
    "landing_domain": "landing_domain",
    "run_dates": "run_dates",
    "spend_currencies": "spend_currency",
    "impressions": "impressions",
}
_ARRAY_FACETS = ("countries", "platforms")
_ALWAYS = (*_COLUMN_FACETS, *_ARRAY_FACETS, "languages")
_RANGES: Mapping[str, Sequence[str]] = {  # filters of their own on what a facet counts
    "run_dates": ("run_from", "run_to", "days_shown_min", "days_shown_max"),
    "spend_currencies": ("spend_min", "spend_max"),
    "impressions": ("impressions_min", "impressions_max"),
}
_UNSET: Mapping[str, Any] = {field.name: field.default for field in fields(AdFilters)}


def _parts(name: str) -> Sequence[str]:
    """The filters that ask what the facet counts."""
    return (name, *_RANGES.get(name, ()))


def _matched(conditions: Iterable[ColumnElement[bool]]) -> CTE:
    source = counted_ads.join(ad_version, ad_version.c.version_id == ad.c.current_version_id)
    return (
        select(
            ad.c.scope, ad.c.content_id, ad.c.cover_sha256, ad.c.brand_slug, ad.c.channel, ad.c.format,
            ad.c.media_status, ad.c.countries, counted_status.label("status"), ad_version.c.cta,
            ad_version.c.landing_domain, ad_version.c.platforms, run_dates.label("run_dates"),
            spend_currency.label("spend_currency"), impressions.label("impressions"),
        )
        .select_from(source)
        .where(*conditions)
        .cte("matched")
    )  # fmt: skip


def _total(matched: CTE) -> AnySelect:
    return select(literal("").label("facet"), literal("").label("value"), func.count().label("n")).select_from(matched)


def _branches(matched: CTE, wanted: Callable[[str], bool]) -> Iterable[AnySelect]:
    for name, attribute in _COLUMN_FACETS.items():
        if wanted(name):
            value = func.coalesce(func.nullif(matched.c[attribute], ""), UNKNOWN_VALUE)
            yield select(literal(name), value, func.count()).group_by(value)
    for name in filter(wanted, _ARRAY_FACETS):
        one = func.unnest(matched.c[name]).table_valued(column("value", Text)).render_derived(name="one")
        value = func.coalesce(one.c.value, UNKNOWN_VALUE)
        joined = matched.outerjoin(one, true())
        yield select(literal(name), value, func.count()).select_from(joined).group_by(value)
    yield from _label_branches(matched)


def _label_branches(matched: CTE) -> Iterable[AnySelect]:
    """Labels hang on content, words or cover, so ads are first counted by content."""
    number = func.row_number().over().label("number")  # a short key for the large grouping below
    words, cover = (
        select(matched.c.scope, content_id.label("content_id"), func.count().label("ads"))
        .where(content_id.isnot(None))
        .group_by(matched.c.scope, content_id)
        for content_id in (matched.c.content_id, matched.c.cover_sha256)
    )
    both = words.union_all(cover).subquery()
    contents = select(both.c.scope, both.c.content_id, both.c.ads, number).cte("contents")
    labels = labels_of(contents, "number", "ads")
    by_value = select(_facet_name(labels.c.dimension), labels.c.value, func.sum(labels.c.ads)).where(labels.c.known)
    yield by_value.group_by(labels.c.dimension, labels.c.value)
    once = (
        select(labels.c.dimension, func.max(labels.c.ads).label("ads"), func.bool_or(labels.c.known).label("known"))
        .group_by(labels.c.dimension, labels.c.number)
        .subquery()
    )
    read = func.coalesce(func.sum(once.c.ads).filter(once.c.known), 0)
    yield select(_facet_name(once.c.dimension), literal(_READ), read).group_by(once.c.dimension)


def _facet_name(dimension: ColumnElement[str]) -> ColumnElement[str]:
    return case((dimension == LANGUAGE, "languages"), else_=func.concat("labels.", dimension)).label("facet")
