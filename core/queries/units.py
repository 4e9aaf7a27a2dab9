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
    ARRAY,
    CTE,
    ColumnElement,
    FromClause,
    Text,
    and_,
    case,
    cast,
    column,
    false,
    func,
    literal,
    select,
    true,
)

from core.adapters.postgres.schema import ad, content, label, label_overlay
from core.domain.label import is_visual
from core.queries.conditions import Condition
from core.queries.filters import ADS, CONCEPTS, UNITS, Unit
from core.queries.pages import AnySelect
from core.queries.seen_concepts import grouped_ads, seen_concept, seen_variant
from core.queries.seen_labels import is_known, overlay_values, same_content
from core.queries.status import AdStatus, counted_ads, counted_status

__all__ = ["ADS", "CONCEPTS", "UNITS", "Unit", "ads_by", "concept_mix", "count_units", "unit_id", "units_of"]


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
            _status_of_all().label("status"),
        )
        .select_from(grouped_ads)
        .where(*conditions)
    )
    return statement.group_by(ad.c.brand_slug, seen_concept).cte("units")


def _status_of_all() -> ColumnElement[str]:
    states = (AdStatus.ACTIVE, AdStatus.NOT_SEEN)
    seen = ((func.bool_or(counted_status == state.value), literal(state.value)) for state in states)
    return case(*seen, else_=literal(AdStatus.STOPPED.value))


def count_units(unit: Unit, conditions: Sequence[Condition]) -> AnySelect:
    """How many units the matching ads are."""
    counted = func.count() if unit == ADS else func.count(seen_concept.distinct())
    return select(counted).select_from(ads_by(unit)).where(*conditions)


# --- labels of concepts -------------------------------------------------------------------------------

KNOWN, UNREAD, NOTHING_FOUND, WITHOUT_TEXT = "known", "pending", "unknown", "without_text"
VALUE_MARK = "="  # before a value in the state column, which no state begins with


def concept_mix(conditions: Sequence[Condition], dimension: str) -> AnySelect:
    """Rows (brand, state, value, concepts): every concept once by state, once (state "=") for each value it carries.

    A concept carries a value that at least half of its variants carry, of those that were READ in the dimension: one
    variant of many that mentions a price doesn't make the idea one about price, and what nobody has read yet says
    nothing against it. So a concept of two that disagree carries both. It is known with any value, unknown
    where it was read without one, pending where it says something that nobody has read, else without_text.
    """
    said = _said_by_concepts(conditions, visual=is_visual(dimension))
    read = _read(said, dimension)
    there = and_(read.c.scope == said.c.scope, read.c.subject == said.c.subject)
    unit = (said.c.brand_slug, said.c.unit_id)
    was_read = func.coalesce(func.sum(said.c.variants).filter(read.c.is_read), 0)
    concepts = (
        select(*unit, was_read.label("variants_read"), func.bool_or(read.c.is_there).label("is_there"))
        .select_from(said.join(read, there))
        .group_by(*unit)
        .cte("concepts")
    )
    value = func.unnest(read.c.known).table_valued(column("value", Text)).render_derived(name="one")
    same_unit = and_(concepts.c.brand_slug == said.c.brand_slug, concepts.c.unit_id == said.c.unit_id)
    carried = (
        select(*unit, value.c.value)
        .select_from(said.join(read, there).join(concepts, same_unit).join(value, true()))
        .group_by(*unit, value.c.value, concepts.c.variants_read)
        .having(2 * func.sum(said.c.variants) >= concepts.c.variants_read)
        .cte("carried")
    )
    return _by_state_and_value(concepts, carried).prefix_with("/* concept_mix */")


def _said_by_concepts(conditions: Sequence[Condition], *, visual: bool) -> CTE:
    """(brand, concept, scope, subject of labels) → how many of the concept's variants say it."""
    subject = func.coalesce(ad.c.cover_sha256, "") if visual else ad.c.content_id
    columns = (ad.c.brand_slug, seen_concept.label("unit_id"), ad.c.scope, subject.label("subject"))
    return (
        select(*columns, func.count(seen_variant.distinct()).label("variants"))
        .select_from(grouped_ads)
        .where(*conditions)
        .group_by(ad.c.brand_slug, seen_concept, ad.c.scope, subject)
        .cte("said")
    )


def _read(said: CTE, dimension: str) -> CTE:
    """(scope, subject): whether it is there to be read, whether it was, and the known values the organisation sees."""
    subjects = select(said.c.scope, said.c.subject.label("content_id")).distinct().cte("subjects")
    mine = and_(same_content(label, subjects), label.c.dimension == dimension)
    ours = and_(
        label_overlay.c.organisation_id == func.current_scope(),
        same_content(label_overlay, subjects),
        label_overlay.c.dimension == dimension,
    )  # at most one
    corrected = func.nullif(overlay_values, cast([], ARRAY(Text)))
    machine = func.array_agg(label.c.value).filter(is_known(label))
    is_corrected = label_overlay.c.content_id.isnot(None)
    is_there = content.c.content_id.isnot(None)
    source = subjects.outerjoin(content, same_content(content, subjects)).outerjoin(label, mine)
    return (
        select(subjects.c.scope, subjects.c.content_id.label("subject"), is_there.label("is_there"))
        .add_columns((func.count(func.coalesce(label.c.value, label_overlay.c.content_id)) > 0).label("is_read"))
        .add_columns(case((is_corrected, corrected), else_=machine).label("known"))
        .select_from(source.outerjoin(label_overlay, ours))
        .group_by(subjects.c.scope, subjects.c.content_id, is_there, label_overlay.c.content_id, overlay_values)
        .cte("read")
    )


def _by_state_and_value(concepts: CTE, carried: CTE) -> AnySelect:
    has_value = select(carried.c.unit_id, carried.c.brand_slug).distinct().subquery("has_value")
    known = and_(has_value.c.unit_id == concepts.c.unit_id, has_value.c.brand_slug == concepts.c.brand_slug)
    state = case(
        (has_value.c.unit_id.isnot(None), KNOWN),
        (concepts.c.variants_read > 0, NOTHING_FOUND),
        (concepts.c.is_there, UNREAD),
        else_=WITHOUT_TEXT,
    )
    by_state = (
        select(concepts.c.brand_slug, state.label("state"), literal("").label("value"), func.count().label("n"))
        .select_from(concepts.outerjoin(has_value, known))
        .group_by(concepts.c.brand_slug, state)
    )
    by_value = select(carried.c.brand_slug, literal(VALUE_MARK), carried.c.value, func.count())
    return select(by_state.union_all(by_value.group_by(carried.c.brand_slug, carried.c.value)).subquery())
