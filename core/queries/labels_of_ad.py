"""Everything that was read in what one ad says and shows, and how it was made."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal, select, tuple_

from core.adapters.postgres.schema import ad, ad_version, image_reading, label, label_overlay, provenance, user_account
from core.domain.label import UNKNOWN
from core.queries.pages import AnyRow


@dataclass(frozen=True, slots=True)
class LabelDetail:
    """A label and how it was made.

    ``evidence``: quotes with offsets in ``VersionDetail.text`` (code points); of a picture ``box``, its corners (left,
    top, right, bottom) as shares of width and height.
    """

    dimension: str
    value: str
    confidence: float
    outcome: str
    modality: str
    evidence: tuple[Mapping[str, Any], ...]
    provenance: Mapping[str, Any]
    cost_usd: float
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """What the organisation sees instead of the machine's labels of a dimension, ``("unknown",)`` for nothing.

    ``corrected_by`` as the audit trail names him; the e-mail address where he is a user.
    """

    dimension: str
    values: tuple[str, ...]
    corrected_by: str
    corrected_by_email: str | None
    corrected_at: datetime


@dataclass(frozen=True, slots=True)
class CoverDetail:
    """What was read in the picture a gallery shows. ``status`` is None until it was; ``reason`` says what stopped it.

    ``text`` stands on the picture; ``labels`` are of the dimensions whose names begin with ``visual_``.
    """

    sha256: str
    status: str | None
    reason: str | None
    text: str
    script: str | None
    reader: str | None
    labels: tuple[LabelDetail, ...]
    corrections: tuple[Correction, ...]


Labels = Mapping[str, list[LabelDetail]]  # by content
Corrections = Mapping[str, list[Correction]]


def labels_of_ad(connection: Connection, ad_id: str) -> Labels:
    """By content: of every version of the ad, and of its cover."""
    words = select(ad_version.c.content_id).where(ad_version.c.ad_id == ad_id)
    contents = words.union_all(select(ad.c.cover_sha256).where(ad.c.ad_id == ad_id))
    scope = select(ad.c.scope).where(ad.c.ad_id == ad_id).scalar_subquery()
    statement = (
        select(label, provenance.c.body.label("provenance"))
        .join(provenance, provenance.c.provenance_id == label.c.provenance_id)
        .where(label.c.scope == scope, label.c.content_id.in_(contents))
        .order_by(label.c.dimension, label.c.confidence.desc(), label.c.value)
        .prefix_with("/* labels_of_ad */")
    )
    found: dict[str, list[LabelDetail]] = defaultdict(list)
    for row in connection.execute(statement):
        values = {name: getattr(row, name) for name in LabelDetail.__dataclass_fields__}
        found[row.content_id].append(LabelDetail(**values | {"evidence": tuple(row.evidence)}))
    return found


def corrections_of_ad(connection: Connection, ad_id: str) -> Corrections:
    """By content: of every version of the ad, and of its cover."""
    overlay, version = label_overlay.c, ad_version.c
    words = select(version.scope, version.content_id).where(version.ad_id == ad_id)
    contents = words.union_all(select(ad.c.scope, ad.c.cover_sha256).where(ad.c.ad_id == ad_id))
    statement = (
        select(label_overlay, user_account.c.email)
        .outerjoin(user_account, overlay.corrected_by == literal("user:") + user_account.c.user_id)
        .where(tuple_(overlay.scope, overlay.content_id).in_(contents))
        .order_by(overlay.dimension)
        .prefix_with("/* corrections_of_ad */")
    )
    found: dict[str, list[Correction]] = defaultdict(list)
    for row in connection.execute(statement):
        said = tuple(row._mapping["values"]) or (UNKNOWN,)
        found[row.content_id].append(Correction(row.dimension, said, row.corrected_by, row.email, row.corrected_at))
    return found


def cover_of_ad(connection: Connection, row: AnyRow, labels: Labels, corrections: Corrections) -> CoverDetail | None:
    sha256 = row.cover_sha256
    if sha256 is None:
        return None
    read = image_reading.c
    columns = (read.status, read.reason, read.text, read.script, read.reader)
    statement = select(*columns).where(read.scope == row.scope, read.sha256 == sha256)
    found = connection.execute(statement.prefix_with("/* cover_of_ad */")).one_or_none()
    values = dict(found._mapping) if found else dict.fromkeys(("status", "reason", "script", "reader")) | {"text": ""}
    return CoverDetail(
        sha256, **values, labels=tuple(labels.get(sha256, ())), corrections=tuple(corrections.get(sha256, ()))
    )
