"""Ads that say nearly the same as one: by the vectors of their texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, ColumnElement, Connection, Text, and_, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, content
from core.adapters.postgres.text_vectors import TextVectors
from core.domain.principal import Principal
from core.errors import BadInputError, ConflictError, NotFoundError
from core.ports import Neighbour, Vector
from core.queries.ads import AdCard, cards_of
from core.queries.conditions import Condition, matching
from core.queries.filters import AdFilters
from core.queries.pages import AnyRow
from core.queries.status import counted_ads

MAX_SIMILAR: Final = 50
MEASURE: Final = (
    "cosine of the two texts' vectors by this model: it orders texts by likeness and is no share and no probability; "
    "unrelated texts score high, too, so compare scores of one model only"
)


@dataclass(frozen=True, slots=True)
class SimilarText:
    """A text near the one asked about. ``ads`` of ``brands`` brands carry it; ``example`` is the one last seen.

    ``cosine`` is at most 1; ``same_text`` where nothing differs at all.
    """

    cosine: float
    same_text: bool
    ads: int
    brands: int
    example: AdCard


@dataclass(frozen=True, slots=True)
class SimilarTexts:
    """Different texts, nearest first. ``measure`` says what the cosine means.

    The ``total_ads`` others that pass the filters carry ``texts_searched`` + ``texts_without_vector`` different texts;
    the latter can't be compared yet. ``ads_without_text`` of them say nothing.
    """

    model: str
    measure: str
    total_ads: int
    ads_without_text: int
    texts_searched: int
    texts_without_vector: int
    items: tuple[SimilarText, ...]


def similar_ads(
    database: Database,
    principal: Principal,
    brandspace: str,
    filters: AdFilters,
    *,
    ad_id: str,
    vectors: TextVectors,
    limit: int = 10,
) -> SimilarTexts:
    """What other ads of the brandspace that pass the filters say most like this one: ``limit`` texts if there are.

    Raises NotFoundError (ad, brandspace), BadInputError (limit, an ad without text), ConflictError (not read yet).
    """
    if not 1 <= limit <= MAX_SIMILAR:
        raise BadInputError(f"limit must be from 1 to {MAX_SIMILAR}")
    with database.snapshot(principal), database.reader(principal) as connection:
        text_hash, query = _asked(connection, ad_id, vectors)
        others = [*matching(connection, principal, brandspace, filters), ad.c.ad_id != ad_id]
        rows = _texts(connection, others)
        texts = {row.scope: set(row.text_hashes) for row in rows if row.text_hashes}
        found = vectors.nearest(connection, texts, query, limit=limit)
        if found.without_vector and not found.searched:
            raise ConflictError("the texts of these ads have no vectors yet: they wait to be read; try again later")
        items = _similar(connection, others, found.neighbours, text_hash)
    return SimilarTexts(
        model=vectors.model,
        measure=MEASURE,
        total_ads=sum(int(row.ads) for row in rows),
        ads_without_text=sum(int(row.silent) for row in rows),
        texts_searched=found.searched,
        texts_without_vector=found.without_vector,
        items=items,
    )


_text: ColumnElement[bool] = and_(content.c.scope == ad.c.scope, content.c.content_id == ad.c.content_id)


def _asked(connection: Connection, ad_id: str, vectors: TextVectors) -> tuple[str, Vector]:
    """The ad's text by its hash, and its vector."""
    statement = select(ad.c.scope, content.c.text_hash).select_from(ad.outerjoin(content, _text))
    row = connection.execute(statement.where(ad.c.ad_id == ad_id).prefix_with("/* asked_about */")).one_or_none()
    if row is None:
        raise NotFoundError("there is no such ad, or it isn't yours to see")
    if row.text_hash is None:
        raise BadInputError("this ad has no text, so there is nothing to compare; ask about another")
    vector = vectors.vector(connection, row.scope, row.text_hash)
    if vector is None:
        raise ConflictError("the text of this ad has no vector yet: it waits to be read; try again later")
    return row.text_hash, vector


def _texts(connection: Connection, conditions: Sequence[Condition]) -> Sequence[AnyRow]:
    """One row a scope, for there may be many texts: their hashes, the ads, those of them without text."""
    contents = (
        select(ad.c.scope, ad.c.content_id, func.count().label("ads"))
        .select_from(counted_ads)
        .where(*conditions)
        .group_by(ad.c.scope, ad.c.content_id)
        .cte("contents")
    )
    text = and_(content.c.scope == contents.c.scope, content.c.content_id == contents.c.content_id)
    hashes = func.array_agg(content.c.text_hash).filter(content.c.text_hash.isnot(None))
    silent = func.coalesce(func.sum(contents.c.ads).filter(content.c.text_hash.is_(None)), 0)
    statement = (
        select(contents.c.scope, hashes.label("text_hashes"), func.sum(contents.c.ads).label("ads"))
        .add_columns(silent.label("silent"))
        .select_from(contents.outerjoin(content, text))
        .group_by(contents.c.scope)
    )
    return connection.execute(statement.prefix_with("/* texts_to_compare */")).all()


def _similar(
    connection: Connection, conditions: Sequence[Condition], neighbours: Sequence[Neighbour], text_hash: str
) -> tuple[SimilarText, ...]:
    ids: ColumnElement[Any] = func.array_agg(
        aggregate_order_by(ad.c.ad_id, ad.c.last_seen.desc(), ad.c.ad_id), type_=ARRAY(Text)
    )
    brands = func.count(ad.c.brand_slug.distinct())
    statement = (
        select(content.c.text_hash, func.count().label("ads"), brands.label("brands"), ids[1].label("example"))
        .select_from(counted_ads.join(content, _text))
        .where(*conditions, content.c.text_hash.in_([neighbour.subject for neighbour in neighbours]))
        .group_by(content.c.text_hash)
        .prefix_with("/* similar_ads */")
    )
    said = {row.text_hash: row for row in connection.execute(statement)}
    cards = cards_of(connection, [row.example for row in said.values()])
    return tuple(
        SimilarText(
            cosine=min(1.0, neighbour.score),  # float32 may say a little more
            same_text=neighbour.subject == text_hash,
            ads=row.ads,
            brands=row.brands,
            example=cards[row.example],
        )
        for neighbour, row in ((found, said[found.subject]) for found in neighbours)
    )
