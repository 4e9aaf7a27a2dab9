"""Texts with the labels that machines gave them, for measuring how good those are. Corrections play no part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

_PAGE = 2_000  # texts held at a time


@dataclass(frozen=True, slots=True)
class StoredLabel:
    """A label and how it was made."""

    dimension: str
    value: str
    confidence: float
    outcome: str
    method: str
    model: str
    taxonomy_version: str
    prompt_hash: str = ""


@dataclass(frozen=True, slots=True)
class StoredReading:
    """A content with its labels. ``kind``: words or picture; of a picture the text is what stands on it."""

    scope: str
    content_id: str
    kind: str
    text_hash: str
    text: str
    cta: str
    labels: tuple[StoredLabel, ...]


@dataclass(frozen=True, slots=True)
class SaidContent:
    """What an ad says and shows: a content of words, if there are any, and a cover."""

    scope: str
    content_id: str | None
    text_hash: str
    cover_sha256: str | None


@dataclass(frozen=True, slots=True)
class Sampled:
    """A text to be judged by people; one of the ads that say it."""

    ad_id: str
    text: str
    cta: str


_IS_READ = "c.labelled_with IS NOT NULL AND c.kind = 'words'"


def readings_by_text(connection: Connection, scope: str, text_hashes: Sequence[str]) -> list[StoredReading]:
    """The complete ones among the texts of these hashes."""
    return _readings(
        connection, f"c.scope = :scope AND {_IS_READ} AND c.text_hash = ANY(:hashes)", scope, hashes=list(text_hashes)
    )


def readings_by_id(connection: Connection, scope: str, content_ids: Sequence[str]) -> list[StoredReading]:
    """Words or pictures, whether complete or not."""
    return _readings(connection, "c.scope = :scope AND c.content_id = ANY(:ids)", scope, ids=list(content_ids))


def sampled_readings(
    connection: Connection, scope: str, *, size: int, seed: int, methods: Sequence[str]
) -> list[StoredReading]:
    """At most ``size`` at random, of those that one of the methods has read; the same for the same seed.

    The same as long as nothing is added.
    """
    ids = connection.execute(
        text(
            "SELECT c.content_id FROM content c WHERE c.scope = :scope AND EXISTS"
            " (SELECT 1 FROM label l JOIN provenance p USING (provenance_id) WHERE l.scope = c.scope"
            " AND l.content_id = c.content_id AND p.body->>'method' = ANY(:methods))"
            " ORDER BY md5(c.content_id || :seed) LIMIT :size"
        ),
        {"scope": scope, "seed": str(seed), "size": size, "methods": list(methods)},
    )
    return readings_by_id(connection, scope, list(ids.scalars()))


def every_reading(connection: Connection, scope: str, dimensions: Sequence[str]) -> Iterator[StoredReading]:
    """All complete ones with their labels of these dimensions, some thousand at a time."""
    after = ""
    condition = f"c.scope = :scope AND {_IS_READ} AND c.content_id > :after"
    while page := _readings(connection, condition, scope, dimensions=list(dimensions), limit=_PAGE, after=after):
        yield from page
        after = page[-1].content_id


def said_by_ad(connection: Connection, ad_id: str) -> list[SaidContent]:
    """What the ad says now, and then what it said before; none: there is no such ad to see."""
    rows = connection.execute(
        text(
            "SELECT a.scope, c.content_id, v.text_hash, a.cover_sha256 FROM ad a"
            " JOIN ad_version v ON v.ad_id = a.ad_id"
            " LEFT JOIN content c ON c.scope = v.scope AND c.content_id = v.content_id WHERE a.ad_id = :ad"
            " ORDER BY v.version_id <> a.current_version_id, v.last_seen DESC LIMIT 200"
        ),
        {"ad": ad_id},
    )
    return [SaidContent(**row._mapping) for row in rows]


def stratified(connection: Connection, *, size: int, seed: int, brands: Sequence[str] | None = None) -> list[Sampled]:
    """Labelled texts of these brands (None: of everything to be seen), at random, as many as possible of every brand
    and language."""
    rows = connection.execute(
        text(
            "WITH said AS (SELECT a.scope, a.content_id, min(a.brand_slug) AS brand, min(a.ad_id) AS ad_id FROM ad a"  # noqa: S608
            f" JOIN content c USING (scope, content_id) WHERE {_IS_READ}"
            " AND (cast(:brands AS text[]) IS NULL OR a.brand_slug = ANY(:brands)) GROUP BY a.scope, a.content_id),"
            " ranked AS (SELECT said.*, md5(said.content_id || :seed) AS lot, row_number() OVER"
            " (PARTITION BY said.brand, l.value ORDER BY md5(said.content_id || :seed)) AS turn FROM said LEFT JOIN"
            " label l ON l.scope = said.scope AND l.content_id = said.content_id AND l.dimension = 'language')"
            " SELECT r.ad_id, c.text, c.cta FROM ranked r JOIN content c USING (scope, content_id)"
            " ORDER BY r.turn, r.lot LIMIT :size"
        ),
        {"seed": str(seed), "size": size, "brands": None if brands is None else list(brands)},
    )
    return [Sampled(**row._mapping) for row in rows]


def _readings(
    connection: Connection,
    condition: str,
    scope: str,
    *,
    dimensions: Sequence[str] | None = None,
    limit: int | None = None,
    **values: Any,
) -> list[StoredReading]:
    """A row a label, gathered by content."""
    statement = text(
        "WITH chosen AS (SELECT c.scope, c.content_id, c.kind, c.text_hash, c.text, c.cta FROM content c"  # noqa: S608
        f" WHERE {condition} ORDER BY c.content_id LIMIT :limit)"
        " SELECT c.*, coalesce(json_agg(json_build_array(l.dimension, l.value, l.confidence, l.outcome,"
        " p.body->>'method', p.body->>'model', p.body->>'taxonomy_version',"
        " p.body->>'prompt_hash') ORDER BY l.dimension, l.value)"
        " FILTER (WHERE l.value IS NOT NULL), '[]') AS labels"
        " FROM chosen c LEFT JOIN label l ON l.scope = c.scope AND l.content_id = c.content_id"
        " AND (cast(:dimensions AS text[]) IS NULL OR l.dimension = ANY(:dimensions))"
        " LEFT JOIN provenance p USING (provenance_id)"
        " GROUP BY c.scope, c.content_id, c.kind, c.text_hash, c.text, c.cta ORDER BY c.content_id"
    )
    rows = connection.execute(statement, {"scope": scope, "dimensions": dimensions, "limit": limit, **values})
    return [
        StoredReading(
            row.scope, row.content_id, row.kind, row.text_hash, row.text, row.cta, tuple(map(_label, row.labels))
        )
        for row in rows
    ]


def _label(row: Sequence[Any]) -> StoredLabel:
    dimension, value, confidence, outcome, *made = row
    return StoredLabel(dimension, value, confidence, outcome, *(part or "" for part in made))
