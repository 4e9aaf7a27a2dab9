"""Which values a concept carries: one rule, wherever concepts are counted, filtered or compared.

A concept carries a value that at least half of its variants carry, of those that were READ in the dimension: one
variant of many that mentions a price doesn't make the idea one about price, and what nobody has read yet says nothing
against it. So a concept of two that disagree carries both; but "none" beside another value doesn't count, as on an ad.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import CTE, ColumnElement, Text, and_, case, column, func, not_, or_, select, true

from core.adapters.postgres.schema import ad
from core.domain.label import OTHERWISE, UNKNOWN, is_visual
from core.queries.label_states import KNOWN, STATES, states_of
from core.queries.label_states import UNKNOWN as READ_AS_UNKNOWN
from core.queries.pages import AnySelect
from core.queries.seen_concepts import grouped_ads, seen_concept, seen_variant

_READ = (KNOWN, READ_AS_UNKNOWN)


def subject_of(dimension: str) -> ColumnElement[str]:
    """What labels of the dimension hang on: the ad's cover ("" of an ad without), or its words."""
    return func.coalesce(ad.c.cover_sha256, "") if is_visual(dimension) else ad.c.content_id


def carried_in(conditions: Sequence[ColumnElement[bool]], dimension: str) -> tuple[CTE, CTE]:
    """Of the concepts of the ads that match: (brand_slug, unit_id, furthest), and (brand_slug, unit_id, value).

    ``furthest`` is the place in ``label_states.STATES`` that the reading of any variant has reached.
    """
    said = _said(conditions, dimension)
    read = states_of(said, dimension)
    there = and_(read.c.scope == said.c.scope, read.c.subject == said.c.subject)
    unit = (said.c.brand_slug, said.c.unit_id)
    was_read = func.coalesce(func.sum(said.c.variants).filter(read.c.state.in_(_READ)), 0)
    furthest = func.min(case(*((read.c.state == state, place) for place, state in enumerate(STATES))))
    concepts = (
        select(*unit, was_read.label("variants_read"), furthest.label("furthest"))
        .select_from(said.join(read, there))
        .group_by(*unit)
        .cte()
    )
    value = func.unnest(read.c.known).table_valued(column("value", Text)).render_derived(name="one")
    same_unit = and_(concepts.c.brand_slug == said.c.brand_slug, concepts.c.unit_id == said.c.unit_id)
    carried = (
        select(*unit, value.c.value, func.count().over(partition_by=unit).label("values"))
        .select_from(said.join(read, there).join(concepts, same_unit).join(value, true()))
        .group_by(*unit, value.c.value, concepts.c.variants_read)
        .having(is_carried(func.sum(said.c.variants), concepts.c.variants_read))
        .subquery()
    )
    return concepts, select(carried).where(counts_beside(carried.c.value, carried.c["values"])).cte()


def is_carried(variants: ColumnElement[int], variants_read: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a value is a concept's: ``variants`` of it carry the value."""
    return 2 * variants >= variants_read


def counts_beside(value: ColumnElement[str], values: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether one of so many ``values`` that a concept carries in a dimension counts."""
    return or_(value.notin_(OTHERWISE), values == 1)


def in_concepts_that_carry(
    conditions: Sequence[ColumnElement[bool]], dimension: str, values: Sequence[str]
) -> ColumnElement[bool]:
    """Whether an ad's concept carries one of the values; "unknown": or none at all. ``conditions`` say of which ads."""
    _, carried = carried_in(conditions, dimension)
    fitting: ColumnElement[bool] = seen_concept.in_(select(carried.c.unit_id).where(carried.c.value.in_(values)))
    if UNKNOWN in values:
        fitting = or_(fitting, not_(seen_concept.in_(select(carried.c.unit_id))))
    # Of its own ads and concepts, whatever the statement around it asks of.
    found: AnySelect = select(ad.c.ad_id).select_from(grouped_ads).where(*conditions, fitting).correlate(None)
    return ad.c.ad_id.in_(found)


def _said(conditions: Sequence[ColumnElement[bool]], dimension: str) -> CTE:
    """(brand, concept, scope, subject of labels) → how many of the concept's variants say it."""
    columns = (ad.c.brand_slug, seen_concept.label("unit_id"), ad.c.scope, subject_of(dimension).label("subject"))
    return (
        select(*columns, func.count(seen_variant.distinct()).label("variants"))
        .select_from(grouped_ads)
        .where(*conditions)
        .group_by(*columns)
        .cte()
    )
