"""Contents (texts to label), their labels and their vectors: made once per content hash and scope."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, text

from core.adapters.postgres.bulk import copy_upsert
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import embedding, label, provenance
from core.domain.identity import identity
from core.domain.label import Label, Provenance
from core.ports import Vector


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """A content that waits for labels."""

    content_id: str
    text_hash: str
    text: str
    cta: str


def known_creative(database: Database, scope: str, item_id: str) -> dict[str, Any] | None:
    """The facts of an item that was stored before in this scope."""
    with database.worker(scope) as connection:
        row = connection.execute(
            text(
                "SELECT c.sha256, c.content_type, c.size_bytes, c.width, c.height, c.perceptual_hash, c.colours"
                " FROM ad_media m"
                " JOIN creative c ON c.scope = m.scope AND c.sha256 = m.sha256"
                " WHERE m.scope = :scope AND m.item_id = :item AND m.status = 'ok' LIMIT 1"
            ),
            {"scope": scope, "item": item_id},
        ).first()
    return None if row is None else dict(row._mapping)


def has_embedding(database: Database, scope: str, subject: str, model: str) -> bool:
    """Whether the subject's vector is stored."""
    statement = text("SELECT 1 FROM embedding WHERE scope = :scope AND subject = :subject AND model = :model")
    with database.worker(scope) as connection:
        return connection.execute(statement, {"scope": scope, "subject": subject, "model": model}).first() is not None


def unlabelled(connection: Connection, *, scope: str, brand_slug: str, limit: int) -> list[Unlabelled]:
    """Contents of a brand that no rule has read yet."""
    unread = "NOT EXISTS (SELECT 1 FROM label l WHERE l.scope = c.scope AND l.content_id = c.content_id)"
    return _contents(connection, unread, {"scope": scope, "brand": brand_slug, "limit": limit})


def unfinished(connection: Connection, *, scope: str, brand_slug: str, limit: int) -> list[Unlabelled]:
    """Contents of a brand whose labels are not complete.

    Those complete under an older taxonomy are left alone: labels are frozen until re-run on purpose.
    """
    return _contents(connection, "c.labelled_with IS NULL", {"scope": scope, "brand": brand_slug, "limit": limit})


def count_unfinished(connection: Connection, *, scope: str, brand_slugs: Sequence[str]) -> dict[str, int]:
    """Slug → how many of the brand's texts have labels that are not complete; a brand without any is missing."""
    statement = text(
        "SELECT a.brand_slug, count(DISTINCT c.content_id) AS texts FROM content c"
        " JOIN ad_version v ON v.scope = c.scope AND v.content_id = c.content_id JOIN ad a ON a.ad_id = v.ad_id"
        " WHERE c.scope = :scope AND c.labelled_with IS NULL AND a.brand_slug = ANY(:brands) GROUP BY a.brand_slug"
    )
    rows = connection.execute(statement, {"scope": scope, "brands": list(brand_slugs)})
    return {row.brand_slug: row.texts for row in rows}


def _contents(connection: Connection, condition: str, values: Mapping[str, Any]) -> list[Unlabelled]:
    statement = text(
        "SELECT c.content_id, c.text_hash, c.text, c.cta FROM content c WHERE c.scope = :scope"  # noqa: S608
        f" AND {condition} AND EXISTS (SELECT 1 FROM ad_version v JOIN ad a USING (ad_id)"
        " WHERE v.scope = c.scope AND v.content_id = c.content_id AND a.brand_slug = :brand)"
        " ORDER BY c.content_id LIMIT :limit"
    )
    return [Unlabelled(*row) for row in connection.execute(statement, values)]


def vectors_of(connection: Connection, *, scope: str, subjects: Sequence[str], model: str) -> dict[str, Vector]:
    """subject → vector, for those that have one."""
    rows = connection.execute(
        text(
            "SELECT subject, vector FROM embedding WHERE scope = :scope AND model = :model AND subject = ANY(:subjects)"
        ),
        {"scope": scope, "model": model, "subjects": list(subjects)},
    )
    return {row.subject: np.frombuffer(row.vector, dtype="<f4") for row in rows}


def store_vectors(
    connection: Connection, *, scope: str, model: str, vectors: Iterable[tuple[str, bytes]], dimension: int
) -> int:
    """Keep normalised float32 vectors, named by model and dimension; a stored one is never replaced."""
    columns = ("scope", "subject", "model", "dimension", "normalised", "vector")
    rows = ((scope, subject, model, dimension, True, vector) for subject, vector in vectors)
    return copy_upsert(connection, embedding, columns, rows)


def store_labels(connection: Connection, *, scope: str, labels: Mapping[str, Sequence[Label]]) -> int:
    """content_id → labels. A label that exists is frozen: nothing replaces it here."""
    made = {_provenance_id(item.provenance): item.provenance for found in labels.values() for item in found}
    copy_upsert(
        connection,
        provenance,
        ("provenance_id", "body"),
        ((provenance_id, asdict(source)) for provenance_id, source in made.items()),
    )
    columns = (
        "scope", "content_id", "dimension", "value", "confidence", "evidence", "outcome", "modality",
        "provenance_id", "cost_usd", "raw_value",
    )  # fmt: skip
    rows = (
        (
            scope,
            content_id,
            item.dimension,
            item.value,
            item.confidence,
            _evidence(item),
            item.outcome,
            item.modality,
            _provenance_id(item.provenance),
            item.cost_usd,
            item.raw_value,
        )
        for content_id, found in labels.items()
        for item in found
    )
    return copy_upsert(connection, label, columns, rows)


def _evidence(item: Label) -> str:
    quotes, boxes = map(asdict, item.evidence), map(asdict, item.regions)
    return json.dumps([*quotes, *boxes], ensure_ascii=False)


def mark_labelled(connection: Connection, *, scope: str, content_ids: Sequence[str], taxonomy_version: str) -> None:
    """Every dimension of these contents is decided."""
    connection.execute(
        text(
            "UPDATE content SET labelled_with = :version"
            " WHERE scope = :scope AND content_id = ANY(:ids) AND labelled_with IS NULL"
        ),
        {"scope": scope, "ids": list(content_ids), "version": taxonomy_version},
    )


def decided_dimensions(connection: Connection, *, scope: str, content_ids: Sequence[str]) -> dict[str, set[str]]:
    """content_id → dimensions that have a label."""
    rows = connection.execute(
        text("SELECT content_id, dimension FROM label WHERE scope = :scope AND content_id = ANY(:ids)"),
        {"scope": scope, "ids": list(content_ids)},
    )
    decided: dict[str, set[str]] = {}
    for row in rows:
        decided.setdefault(row.content_id, set()).add(row.dimension)
    return decided


def _provenance_id(source: Provenance) -> str:
    return identity("provenance", json.dumps(asdict(source), sort_keys=True))
