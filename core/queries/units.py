"""What is counted: ads, or concepts (the ads of one idea of a brand, once). Any count, mix or timeline asks here.

How to use it, with ``conditions`` from ``core.queries.conditions.matching`` and ``unit`` from ``AdFilters.unit``:

- ``units_of(unit, conditions)`` is a row per unit with what all its matching ads say together: launches, longevity,
  share of voice and counts group these rows.
- ``unit_id(unit)`` over ``ads_by(unit)`` names the unit of every ad: ``count(unit_id(unit).distinct())`` counts units
  under whatever the ads are grouped by. Facets: that is how many concepts a value would leave.
- ``concept_mix(conditions, dimension)`` is brand × value in concepts, by the rule that stands there.

Which concept an organisation sees an ad in: ``core.queries.seen_concepts``. Sums hold: every ad is in exactly one unit.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Text,
    and_,
    case,
    column,
    false,
    func,
    literal,
    select,
    true,
)

from core.adapters.postgres.schema import ad
from core.queries.carried_labels import carried_in, subject_of
from core.queries.filters import ADS, CONCEPTS, UNITS, Unit
from core.queries.label_states import KNOWN, STATES, UNKNOWN, overall_states_of, states_of
from core.queries.pages import AnySelect
from core.queries.seen_concepts import grouped_ads, seen_concept
from core.queries.status import AdStatus, counted_ads, counted_status

Condition = ColumnElement[bool]  # as core.queries.conditions makes them

__all__ = [
    "ADS", "CONCEPTS", "UNITS", "Unit", "ad_mix", "ads_by", "concept_mix", "count_units", "status_of_all", "unit_id",
    "units_of",
]  # fmt: skip


def ads_by(unit: Unit) -> FromClause:
    """``counted_ads``, joined with what ``unit_id`` needs."""
    return counted_ads if unit == ADS else grouped_ads


def unit_id(unit: Unit) -> ColumnElement[str]:
    """The ad itself, or the concept that the asking organisation sees it in."""
    return ad.c.ad_id if unit == ADS else seen_concept


def units_of(unit: Unit, conditions: Sequence[Condition]) -> CTE:
    """A row per unit of a brand, over its ads that match.

    brand_slug, unit_id, ads (how many), first_seen (least), last_seen (greatest), run_start (least, NULL where no
    source says it), launched_on (least of run start, else first seen, of each ad), launched_by_source (whether a source
    dates it), status (active if any ad is; else not_seen if any is; else stopped).
    """
    launched = func.coalesce(ad.c.run_start, ad.c.first_seen)
    if unit == ADS:
        dates = (ad.c.first_seen, ad.c.last_seen, ad.c.run_start, launched.label("launched_on"))
        columns = (ad.c.brand_slug, ad.c.ad_id.label("unit_id"), literal(1).label("ads"), *dates)
        by_source = ad.c.run_start.isnot(None).label("launched_by_source")
        statement = select(*columns, by_source, counted_status.label("status"))
        return statement.select_from(counted_ads).where(*conditions).cte("units")
    least = func.min(launched)
    statement = (
        select(
            ad.c.brand_slug,
            seen_concept.label("unit_id"),
            func.count().label("ads"),
            func.min(ad.c.first_seen).label("first_seen"),
            func.max(ad.c.last_seen).label("last_seen"),
            func.min(ad.c.run_start).label("run_start"),
            least.label("launched_on"),
            func.coalesce(func.min(ad.c.run_start) == least, false()).label("launched_by_source"),
            status_of_all().label("status"),
        )
        .select_from(grouped_ads)
        .where(*conditions)
    )
    return statement.group_by(ad.c.brand_slug, seen_concept).cte("units")


def status_of_all() -> ColumnElement[str]:
    """The status of several ads together, as ``units_of`` gives it."""
    states = (AdStatus.ACTIVE, AdStatus.NOT_SEEN)
    seen = ((func.bool_or(counted_status == state.value), literal(state.value)) for state in states)
    return case(*seen, else_=literal(AdStatus.STOPPED.value))


def count_units(unit: Unit, conditions: Sequence[Condition]) -> AnySelect:
    """How many units the matching ads are. Of concepts each is taken once by hash: count(DISTINCT) would sort them."""
    units = select(unit_id(unit).label("unit_id")).select_from(ads_by(unit)).where(*conditions)
    return select(func.count()).select_from((units if unit == ADS else units.distinct()).subquery("units"))


# --- labels of concepts -------------------------------------------------------------------------------

VALUE_MARK = "="  # before a value in the state column, which no state begins with
_READ = (KNOWN, UNKNOWN)


def ad_mix(conditions: Sequence[Condition], dimension: str) -> AnySelect:
    """As ``concept_mix``, in ads."""
    columns = (ad.c.brand_slug, ad.c.scope, subject_of(dimension).label("subject"))
    said = select(*columns, func.count().label("ads")).select_from(counted_ads).where(*conditions).group_by(*columns)
    contents = said.cte("said")
    read = states_of(contents, dimension)
    there = and_(read.c.scope == contents.c.scope, read.c.subject == contents.c.subject)
    source, ads = contents.join(read, there), func.sum(contents.c.ads).label("n")
    by_state = select(contents.c.brand_slug, read.c.state, literal("").label("value"), ads)
    by_state = by_state.select_from(source).group_by(contents.c.brand_slug, read.c.state)
    value = func.unnest(read.c.known).table_valued(column("value", Text)).render_derived(name="one")
    by_value = select(contents.c.brand_slug, literal(VALUE_MARK), value.c.value, ads)
    by_value = by_value.select_from(source.join(value, true())).group_by(contents.c.brand_slug, value.c.value)
    return select(by_state.union_all(by_value).subquery()).prefix_with("/* ad_mix */")


def concept_mix(conditions: Sequence[Condition], dimension: str) -> AnySelect:
    """Rows (brand, state, value, concepts): every concept once by state, once (state "=") for each value it carries.

    A concept is known with any value, unknown where it was read without one, else as far as the reading of any of its
    variants has come (``label_states``). What it carries: ``core.queries.carried_labels``.
    """
    return _by_state_and_value(*carried_in(conditions, dimension)).prefix_with("/* concept_mix */")


def reading(unit: Unit, conditions: Sequence[Condition]) -> AnySelect:
    """Rows (state, units): how far the words of each unit are read, in all dimensions together."""
    key = (seen_concept,) if unit == CONCEPTS else ()
    columns = (ad.c.brand_slug, *(part.label("unit_id") for part in key), ad.c.scope, ad.c.content_id.label("subject"))
    grouped = (ad.c.brand_slug, *key, ad.c.scope, ad.c.content_id)
    said = select(*columns, func.count().label("ads")).select_from(ads_by(unit)).where(*conditions)
    contents = said.group_by(*grouped).cte("said")
    read = overall_states_of(contents)
    source = contents.join(read, and_(read.c.scope == contents.c.scope, read.c.subject == contents.c.subject))
    if unit == ADS:
        by_state = select(read.c.state, func.sum(contents.c.ads)).select_from(source).group_by(read.c.state)
        return by_state.prefix_with("/* reading */")
    furthest = func.min(case(*((read.c.state == state, place) for place, state in enumerate(STATES))))
    units = select(furthest.label("furthest")).select_from(source).group_by(contents.c.brand_slug, contents.c.unit_id)
    found = units.subquery("units")
    state = case(*((found.c.furthest == place, state) for place, state in enumerate(STATES)))
    return select(state, func.count()).group_by(state).prefix_with("/* reading */")


def _by_state_and_value(concepts: CTE, carried: CTE) -> AnySelect:
    has_value = select(carried.c.unit_id, carried.c.brand_slug).distinct().subquery("has_value")
    known = and_(has_value.c.unit_id == concepts.c.unit_id, has_value.c.brand_slug == concepts.c.brand_slug)
    further = ((concepts.c.furthest == place, state) for place, state in enumerate(STATES) if state not in _READ)
    state = case((has_value.c.unit_id.isnot(None), KNOWN), *further, else_=UNKNOWN)
    by_state = (
        select(concepts.c.brand_slug, state.label("state"), literal("").label("value"), func.count().label("n"))
        .select_from(concepts.outerjoin(has_value, known))
        .group_by(concepts.c.brand_slug, state)
    )
    by_value = select(carried.c.brand_slug, literal(VALUE_MARK), carried.c.value, func.count())
    return select(by_state.union_all(by_value.group_by(carried.c.brand_slug, carried.c.value)).subquery())
