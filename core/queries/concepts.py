"""Concepts: the ads of one idea of a brand, as the organisation sees them. And who says how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from sqlalchemy import CTE, ColumnElement, Connection, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, content
from core.domain.principal import Principal
from core.insights.voice import ShareOfVoice, Voice, share_of_voice
from core.queries.ads import AdCard, cards_of
from core.queries.conditions import Condition, matching
from core.queries.filters import AdFilters
from core.queries.groups import FIRST_PAGE, GroupPage, read_groups
from core.queries.pages import AnyRow
from core.queries.seen_concepts import grouped_ads, in_concepts, seen_concept, seen_variant
from core.queries.seen_labels import same_content
from core.queries.status import AdStatus
from core.queries.units import status_of_all

Grouping = Literal["pictures and words"]
GROUPING: Final[Grouping] = "pictures and words"  # core.ai.concepts, and what people corrected


@dataclass(frozen=True, slots=True)
class Concept:
    """Ads of one idea; ``example`` is the one last seen of those that pass the filters, ``content_id`` what it says.

    ``variants`` differ in words or cover; the figures are of the ads that pass. ``active`` if one of them is.
    """

    concept_id: str
    content_id: str
    brand: str
    ads: int
    variants: int
    first_seen: date
    last_seen: date
    status: AdStatus
    example: AdCard


@dataclass(frozen=True, slots=True)
class Concepts:
    """A page of concepts. Every one of ``total_ads`` is in one; ``ads_without_text`` of them say nothing."""

    grouping: Grouping
    total_concepts: int
    total_ads: int
    ads_without_text: int
    items: tuple[Concept, ...]
    next_cursor: str | None


def list_concepts(
    database: Database, principal: Principal, brandspace: str, filters: AdFilters, page: GroupPage = FIRST_PAGE
) -> Concepts:
    """The concepts of the ads that pass. Raises NotFoundError (brandspace) and BadInputError (cursor)."""
    with database.snapshot(principal), database.reader(principal) as connection:
        conditions = matching(connection, principal, brandspace, filters)
        groups = _groups(conditions)
        total_of = {name: func.coalesce(func.sum(groups.c[name]), 0) for name in ("ads", "ads_without_text")}
        totals = (
            select(func.count()).select_from(groups).scalar_subquery().label("total_concepts"),
            *(select(total).scalar_subquery().label(f"total_{name}") for name, total in total_of.items()),
        )
        total, found = read_groups(
            connection, groups, totals, page,
            identity=("brand_slug", "concept_id"), question=("concepts", brandspace, filters), comment="concepts",
        )  # fmt: skip
        items = _with_examples(connection, conditions, found.items)
    silent = int(total.total_ads_without_text)
    return Concepts(GROUPING, total.total_concepts, int(total.total_ads), silent, items, found.next_cursor)


def voices(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> ShareOfVoice:
    """How much of what is said comes from each brand. Raises NotFoundError (brandspace)."""
    with database.reader(principal) as connection:
        said = _said(matching(connection, principal, brandspace, filters))
        counts = (
            func.count(said.c.concept_id.distinct()),
            func.count(said.c.content_id.distinct()).filter(said.c.has_text),
            func.sum(said.c.ads),
            func.coalesce(func.sum(said.c.ads).filter(~said.c.has_text), 0),
        )
        statement = select(said.c.brand_slug, *counts).group_by(said.c.brand_slug)
        rows = connection.execute(statement.prefix_with("/* share_of_voice */")).all()
    return share_of_voice(Voice(brand, *map(int, counts)) for brand, *counts in rows)


_has_text: ColumnElement[bool] = content.c.content_id.isnot(None)
_spoken_ads = grouped_ads.outerjoin(content, same_content(content, ad))


def _groups(conditions: Sequence[Condition]) -> CTE:
    """A row per concept of a brand."""
    key = (ad.c.brand_slug, seen_concept)
    return (
        select(
            ad.c.brand_slug,
            seen_concept.label("concept_id"),
            func.count().label("ads"),
            func.count().filter(~_has_text).label("ads_without_text"),
            func.min(ad.c.first_seen).label("first_seen"),
            func.max(ad.c.last_seen).label("last_seen"),
        )
        .select_from(_spoken_ads)
        .where(*conditions)
        .group_by(*key)
        .cte("groups")
    )


def _said(conditions: Sequence[Condition]) -> CTE:
    """The matching ads by brand, concept and content."""
    key = (ad.c.brand_slug, seen_concept.label("concept_id"), ad.c.content_id)
    figures = (_has_text.label("has_text"), func.count().label("ads"))
    statement = select(*key, *figures).select_from(_spoken_ads).where(*conditions)
    return statement.group_by(ad.c.brand_slug, seen_concept, ad.c.content_id, _has_text).cte("said")


def _with_examples(
    connection: Connection, conditions: Sequence[Condition], rows: Sequence[AnyRow]
) -> tuple[Concept, ...]:
    """The concepts of a page: what is counted of them alone, and one ad of each."""
    here = (*conditions, in_concepts([row.concept_id for row in rows]))
    counted = (
        select(seen_concept.label("concept_id"), func.count(seen_variant.distinct()).label("variants"))
        .add_columns(status_of_all().label("status"))
        .select_from(grouped_ads)
        .where(*here)
        .group_by(seen_concept)
        .prefix_with("/* variants_of_concepts */")
    )
    figures = {row.concept_id: row for row in connection.execute(counted)}
    newest = (
        select(seen_concept.label("concept_id"), ad.c.ad_id, ad.c.content_id)
        .ext(distinct_on(seen_concept))
        .select_from(grouped_ads)
        .where(*here)
        .order_by(seen_concept, ad.c.last_seen.desc(), ad.c.ad_id)
        .prefix_with("/* examples_of_concepts */")
    )
    examples = {row.concept_id: row for row in connection.execute(newest)}
    cards = cards_of(connection, [row.ad_id for row in examples.values()])
    return tuple(
        Concept(
            row.concept_id, examples[row.concept_id].content_id, row.brand_slug, row.ads,
            figures[row.concept_id].variants, row.first_seen, row.last_seen, AdStatus(figures[row.concept_id].status),
            cards[examples[row.concept_id].ad_id],
        )
        for row in rows
    )  # fmt: skip
