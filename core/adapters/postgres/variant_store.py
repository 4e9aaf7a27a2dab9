"""Variants: what one brand says and shows. Made from its ads, compared once, joined to a concept and never moved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from core.ports import Vector

MAX_MEMBERS = 20_000  # newest variants of a brand that a new one is compared with: 40 MB of vectors

# The separator occurs in no hash and no slug. Of what has neither words nor a picture nobody knows that it is the same.
_VARIANT_ID = (
    "left(encode(sha256(convert_to(concat_ws('|', 'variant', a.scope, a.brand_slug, coalesce(c.content_id, ''),"
    " coalesce(a.cover_sha256, ''), CASE WHEN c.content_id IS NULL AND a.cover_sha256 IS NULL THEN a.ad_id END),"
    " 'UTF8')), 'hex'), 32)"
)
# Rows are locked in the order of their key, as a commit writes them: two never wait for each other crosswise.
_GROUP = text(
    "WITH waiting AS ("  # noqa: S608 - constants of ours
    f" SELECT a.ad_id, a.variant_before, c.content_id, a.cover_sha256, {_VARIANT_ID} AS variant_id"
    "  FROM ad a LEFT JOIN content c ON c.scope = a.scope AND c.content_id = a.content_id"
    "  WHERE a.scope = :scope AND a.brand_slug = :brand AND a.variant_id IS NULL"
    "  ORDER BY a.ad_id LIMIT :limit FOR NO KEY UPDATE OF a),"
    " made AS ("
    "  INSERT INTO variant (scope, variant_id, brand_slug, content_id, cover_sha256, concept_id, joined_by)"
    "  SELECT DISTINCT :scope, variant_id, :brand, content_id, cover_sha256, variant_id, 'itself' FROM waiting"
    "  ORDER BY variant_id ON CONFLICT DO NOTHING)"
    " UPDATE ad SET variant_id = w.variant_id, variant_before = NULL FROM waiting w WHERE ad.ad_id = w.ad_id"
    " RETURNING w.variant_before, w.variant_id, w.variant_before IS NOT NULL AND NOT EXISTS ("
    "  SELECT 1 FROM ad other WHERE other.scope = :scope AND other.variant_id = w.variant_id) AS comes_first"
)
# In the order in which they were first seen; a variant that no ad has any more comes last.
_WAITING = text(
    "SELECT v.variant_id FROM variant v"
    " LEFT JOIN LATERAL (SELECT min(a.first_seen) AS day FROM ad a"
    "   WHERE a.scope = v.scope AND a.variant_id = v.variant_id) AS seen ON true"
    " WHERE v.scope = :scope AND v.brand_slug = :brand AND v.compared_at IS NULL"
    " ORDER BY seen.day, v.variant_id LIMIT :limit"
)
_LOOKS = (
    "SELECT v.variant_id, v.concept_id, k.sha256 AS cover, k.perceptual_hash, visual.vector AS visual,"
    " c.content_id, c.text_hash, c.simhash, CASE WHEN c.simhash IS NULL THEN c.text END AS text,"
    " words.vector AS words FROM variant v"
    " LEFT JOIN content c ON c.scope = v.scope AND c.content_id = v.content_id"
    # A picture whose colours were counted and that has no hash is plain: it looks like any other.
    " LEFT JOIN creative k ON k.scope = v.scope AND k.sha256 = v.cover_sha256"
    "   AND (k.perceptual_hash IS NOT NULL OR k.colours IS NULL)"
    " LEFT JOIN embedding visual ON visual.scope = k.scope AND visual.subject = k.sha256"
    "   AND visual.model = :visual_model"
    " LEFT JOIN embedding words ON words.scope = c.scope AND words.subject = c.text_hash"
    "   AND words.model = :words_model"
    " WHERE v.scope = :scope AND v.brand_slug = :brand"
)
_MEMBERS = text(f"{_LOOKS} AND v.compared_at IS NOT NULL ORDER BY v.compared_at DESC, v.variant_id LIMIT :limit")
_THESE = text(f"{_LOOKS} AND v.variant_id = ANY(:ids)")


@dataclass(frozen=True, slots=True)
class Models:
    """Whose vectors are compared."""

    visual: str
    words: str


@dataclass(frozen=True, slots=True)
class StoredLook:
    """A variant, with all that it is compared by. ``text`` only where its simhash isn't stored yet."""

    variant_id: str
    concept_id: str
    cover: str | None
    picture_hash: int | None
    visual: Vector | None
    content_id: str | None
    text_hash: str | None
    simhash: int | None
    text: str | None
    words: Vector | None


def group_ads(connection: Connection, *, scope: str, brand_slug: str, limit: int) -> int:
    """Give ads without a variant theirs: of the same brand, words and cover. Returns how many.

    What organisations split off stays split off: an ad that had another variant takes its split along, unless others
    had the new one before.
    """
    rows = connection.execute(_GROUP, {"scope": scope, "brand": brand_slug, "limit": limit}).all()
    moved = sorted({(row.variant_before, row.variant_id) for row in rows if row.comes_first})
    if moved:
        statement = text("SELECT carry_splits(CAST(:old AS text[]), CAST(:new AS text[]))")
        connection.execute(statement, {"old": [old for old, _ in moved], "new": [new for _, new in moved]})
    return len(rows)


def hold_brand(connection: Connection, *, scope: str, brand_slug: str) -> None:
    """Until the transaction ends nobody else compares variants of the brand."""
    statement = text("SELECT pg_advisory_xact_lock(hashtextextended(concat_ws('|', 'concepts', :scope, :brand), 0))")
    connection.execute(statement, {"scope": scope, "brand": brand_slug})


def waiting_variants(connection: Connection, *, scope: str, brand_slug: str, limit: int) -> list[str]:
    """Variants that were not compared yet, the one seen first first."""
    rows = connection.execute(_WAITING, {"scope": scope, "brand": brand_slug, "limit": limit})
    return list(rows.scalars())


def members(connection: Connection, models: Models, *, scope: str, brand_slug: str) -> list[StoredLook]:
    """The compared variants, at most the newest 20,000, oldest first."""
    values = _values(models, scope, brand_slug) | {"limit": MAX_MEMBERS}
    return [_look(row) for row in connection.execute(_MEMBERS, values)][::-1]


def looks_of(
    connection: Connection, models: Models, *, scope: str, brand_slug: str, variant_ids: Sequence[str]
) -> list[StoredLook]:
    """These variants, in this order."""
    values = _values(models, scope, brand_slug) | {"ids": list(variant_ids)}
    found = {row.variant_id: _look(row) for row in connection.execute(_THESE, values)}
    return [found[variant_id] for variant_id in variant_ids]


def store_simhashes(connection: Connection, *, scope: str, hashes: Mapping[str, int | None]) -> None:
    """content_id → simhash of its text."""
    statement = text(
        "UPDATE content c SET simhash = g.simhash"
        " FROM unnest(CAST(:ids AS text[]), CAST(:hashes AS bigint[])) AS g (content_id, simhash)"
        " WHERE c.scope = :scope AND c.content_id = g.content_id"
    )
    connection.execute(statement, {"scope": scope, "ids": list(hashes), "hashes": list(hashes.values())})


def store_joinings(connection: Connection, *, scope: str, joinings: Iterable[Sequence[Any]]) -> None:
    """Rows (variant_id, concept_id, joined_by, joined_to, distances) of variants that were not compared before."""
    columns = list(zip(*joinings, strict=True))
    if not columns:
        return
    ids, concepts, by, to, distances = columns
    statement = text(
        "UPDATE variant v SET concept_id = g.concept_id, joined_by = g.joined_by, joined_to = g.joined_to,"
        " distances = CAST(g.distances AS jsonb), compared_at = clock_timestamp()"
        " FROM unnest(CAST(:ids AS text[]), CAST(:concepts AS text[]), CAST(:by AS text[]), CAST(:to AS text[]),"
        "   CAST(:distances AS text[])) AS g (variant_id, concept_id, joined_by, joined_to, distances)"
        " WHERE v.scope = :scope AND v.variant_id = g.variant_id AND v.compared_at IS NULL"
    )
    written = [json.dumps(each) for each in distances]
    values = {"ids": list(ids), "concepts": list(concepts), "by": list(by), "to": list(to), "distances": written}
    connection.execute(statement, values | {"scope": scope})


def _values(models: Models, scope: str, brand_slug: str) -> dict[str, Any]:
    return {"scope": scope, "brand": brand_slug, "visual_model": models.visual, "words_model": models.words}


def _look(row: Any) -> StoredLook:
    return StoredLook(
        row.variant_id, row.concept_id, row.cover, row.perceptual_hash, _vector(row.visual), row.content_id,
        row.text_hash, row.simhash, row.text, _vector(row.words),
    )  # fmt: skip


def _vector(stored: Any) -> Vector | None:
    return None if stored is None else np.frombuffer(stored, dtype="<f4")
