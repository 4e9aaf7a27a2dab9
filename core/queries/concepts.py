"""Concepts, in the form that exists: ads of one brand that say exactly the same are one. And who says how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from sqlalchemy import CTE, Connection, and_, func, select, tuple_
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
from core.queries.status import counted_ads

Grouping = Literal["same text"]
SAME_TEXT: Final[Grouping] = "same text"  # and the same declared call to action; pictures aren't looked at


@dataclass(frozen=True, slots=True)
class Concept:
    """Ads of one brand with one text; ``example`` is the one last seen of those that pass the filters."""

    content_id: str
    brand: str
    ads: int
    first_seen: date
    last_seen: date
    example: AdCard


@dataclass(frozen=True, slots=True)
class Concepts:
    """A page of concepts; all of them cover ``total_ads`` − ``ads_without_text``."""

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
        said = _said(conditions)
        texts = select(said).where(said.c.has_text).cte("texts")
        totals = (
            select(func.count()).select_from(texts).scalar_subquery().label("total_concepts"),
            select(func.coalesce(func.sum(said.c.ads), 0)).scalar_subquery().label("total_ads"),
            select(func.coalesce(func.sum(texts.c.ads), 0)).scalar_subquery().label("ads_with_text"),
        )
        total, found = read_groups(
            connection, texts, totals, page,
            identity=("brand_slug", "content_id"), question=("concepts", brandspace, filters), comment="concepts",
        )  # fmt: skip
        items = _with_examples(connection, conditions, found.items)
    ads, spoken = int(total.total_ads), int(total.ads_with_text)
    return Concepts(SAME_TEXT, total.total_concepts, ads, ads - spoken, items, found.next_cursor)


def voices(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> ShareOfVoice:
    """How much of what is said comes from each brand. Raises NotFoundError (brandspace)."""
    with database.reader(principal) as connection:
        said = _said(matching(connection, principal, brandspace, filters))
        silent = func.coalesce(func.sum(said.c.ads).filter(~said.c.has_text), 0)
        texts = func.count().filter(said.c.has_text)
        statement = select(said.c.brand_slug, texts, func.sum(said.c.ads), silent).group_by(said.c.brand_slug)
        rows = connection.execute(statement.prefix_with("/* share_of_voice */")).all()
    return share_of_voice(Voice(brand, texts, int(ads), int(silent)) for brand, texts, ads, silent in rows)


def _said(conditions: Sequence[Condition]) -> CTE:
    """The matching ads by brand and content; one content in two scopes says one thing."""
    key = (ad.c.brand_slug, ad.c.content_id)
    figures = (
        func.count().label("ads"),
        func.min(ad.c.first_seen).label("first_seen"),
        func.max(ad.c.last_seen).label("last_seen"),
    )
    by_scope = (
        select(ad.c.scope, *key, *figures)
        .select_from(counted_ads)
        .where(*conditions)
        .group_by(ad.c.scope, *key)
        .cte("by_scope")
    )
    text = and_(content.c.scope == by_scope.c.scope, content.c.content_id == by_scope.c.content_id)
    return (
        select(
            by_scope.c.brand_slug,
            by_scope.c.content_id,
            func.bool_or(content.c.content_id.isnot(None)).label("has_text"),
            func.sum(by_scope.c.ads).label("ads"),
            func.min(by_scope.c.first_seen).label("first_seen"),
            func.max(by_scope.c.last_seen).label("last_seen"),
        )
        .select_from(by_scope.outerjoin(content, text))
        .group_by(by_scope.c.brand_slug, by_scope.c.content_id)
        .cte("said")
    )


def _with_examples(
    connection: Connection, conditions: Sequence[Condition], rows: Sequence[AnyRow]
) -> tuple[Concept, ...]:
    key = (ad.c.brand_slug, ad.c.content_id)
    wanted = [(row.brand_slug, row.content_id) for row in rows]
    statement = (
        select(*key, ad.c.ad_id)
        .ext(distinct_on(*key))
        .select_from(counted_ads)
        .where(*conditions, tuple_(*key).in_(wanted))
        .order_by(*key, ad.c.last_seen.desc(), ad.c.ad_id)
        .prefix_with("/* examples_of_concepts */")
    )
    examples = {(brand, content_id): ad_id for brand, content_id, ad_id in connection.execute(statement)}
    cards = cards_of(connection, examples.values())
    return tuple(
        Concept(
            row.content_id, row.brand_slug, int(row.ads), row.first_seen, row.last_seen,
            cards[examples[row.brand_slug, row.content_id]],
        )
        for row in rows
    )  # fmt: skip
