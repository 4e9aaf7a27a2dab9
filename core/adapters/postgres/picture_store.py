"""Pictures on their way from stored to read: each is claimed by one reader at a time, and read once per content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, text

from core.adapters.picture_figures import Colour
from core.adapters.postgres.content_store import store_labels
from core.ai.on_screen_text import OnScreenText
from core.domain.label import Label
from core.sources.records import text_hash

_RACES = 20
_ADS_ASKED = 50
# Of the brand's creatives: a page's own picture is none. Videos are not decoded.
_UNREAD = (
    "FROM creative c WHERE c.scope = :scope AND c.content_type LIKE 'image/%'"
    " AND EXISTS (SELECT 1 FROM ad_media m JOIN ad a ON a.ad_id = m.ad_id WHERE m.scope = c.scope"
    "   AND m.sha256 = c.sha256 AND m.role <> 'page_avatar' AND a.brand_slug = :brand)"
    " AND NOT EXISTS (SELECT 1 FROM image_reading r WHERE r.scope = c.scope AND r.sha256 = c.sha256"
    "   AND (r.status IS NOT NULL{held}))"
)


@dataclass(frozen=True, slots=True)
class ClaimedPicture:
    """A picture that is ours to read for a while. ``attempt`` counts the claims; only the newest may store."""

    scope: str
    sha256: str
    attempt: int


@dataclass(frozen=True, slots=True)
class PictureFacts:
    """What is known of a picture before it is read, and what the ads that show it say."""

    perceptual_hash: int | None
    colours: tuple[Colour, ...]
    languages: frozenset[str]
    texts: tuple[str, ...]


def claim_picture(connection: Connection, *, scope: str, brand_slug: str, seconds: float) -> ClaimedPicture | None:
    """A picture of the brand that nobody has read and nobody holds; None where there is none."""
    values = {"scope": scope, "brand": brand_slug, "seconds": seconds}
    candidate = text(f"SELECT c.sha256 {_UNREAD.format(held=' OR r.claimed_until > now()')} LIMIT 1")
    claim = text(
        "INSERT INTO image_reading AS r (scope, sha256, claimed_until, attempts)"
        " VALUES (:scope, :sha256, now() + make_interval(secs => :seconds), 1)"
        " ON CONFLICT (scope, sha256) DO UPDATE SET claimed_until = excluded.claimed_until, attempts = r.attempts + 1"
        " WHERE r.status IS NULL AND (r.claimed_until IS NULL OR r.claimed_until <= now()) RETURNING r.attempts"
    )
    for _ in range(_RACES):  # whoever was faster has it, and the next look shows another
        sha256 = connection.execute(candidate, values).scalar()
        if sha256 is None:
            return None
        attempt = connection.execute(claim, values | {"sha256": sha256}).scalar()
        if attempt is not None:
            return ClaimedPicture(scope, sha256, attempt)
    return None


def has_unread(connection: Connection, *, scope: str, brand_slug: str) -> bool:
    """Whether a picture of the brand isn't read, held by somebody or not."""
    statement = text(f"SELECT EXISTS (SELECT 1 {_UNREAD.format(held='')})")
    found: bool = connection.execute(statement, {"scope": scope, "brand": brand_slug}).scalar_one()
    return found


def release_picture(connection: Connection, picture: ClaimedPicture) -> None:
    """Give it back; the attempt doesn't count, it was nothing of the picture's doing."""
    statement = text(
        "UPDATE image_reading SET claimed_until = NULL, attempts = attempts - 1"
        " WHERE scope = :scope AND sha256 = :sha256 AND attempts = :attempt AND status IS NULL"
    )
    connection.execute(statement, asdict(picture))


def facts_of_picture(connection: Connection, picture: ClaimedPicture, *, brand_slug: str) -> PictureFacts:
    """Its figures, and languages and texts of some ads of the scope that show it; else the brand's main languages."""
    values = {"scope": picture.scope, "sha256": picture.sha256, "brand": brand_slug, "most": _ADS_ASKED}
    figures = connection.execute(
        text("SELECT perceptual_hash, colours FROM creative WHERE scope = :scope AND sha256 = :sha256"), values
    ).one()
    said = connection.execute(
        text(
            "SELECT DISTINCT ON (c.content_id) c.text, a.page_name, l.value AS language FROM ad_media m"
            " JOIN ad a ON a.ad_id = m.ad_id JOIN content c ON c.scope = a.scope AND c.content_id = a.content_id"
            " LEFT JOIN label l ON l.scope = c.scope AND l.content_id = c.content_id AND l.dimension = 'language'"
            " WHERE m.scope = :scope AND m.sha256 = :sha256 ORDER BY c.content_id LIMIT :most"
        ),
        values,
    ).all()
    languages = {row.language for row in said} - {None, "unknown"} or _main_languages(connection, values)
    texts = [brand_slug.replace("-", " "), *(part for row in said for part in (row.text, row.page_name) if part)]
    colours = tuple(Colour(**colour) for colour in figures.colours or ())
    return PictureFacts(figures.perceptual_hash, colours, frozenset(languages), tuple(texts))


def _main_languages(connection: Connection, values: Mapping[str, Any]) -> set[str]:
    """Those of at least a fifth of the brand's ads whose language is known."""
    statement = text(
        "SELECT value FROM (SELECT l.value, count(*) AS ads, sum(count(*)) OVER () AS of_all FROM ad a"
        " JOIN label l ON l.scope = a.scope AND l.content_id = a.content_id AND l.dimension = 'language'"
        " WHERE a.scope = :scope AND a.brand_slug = :brand AND l.value <> 'unknown' GROUP BY l.value) AS counted"
        " WHERE ads * 5 >= of_all"
    )
    return set(connection.execute(statement, values).scalars())


def store_figures(
    connection: Connection, picture: ClaimedPicture, perceptual_hash: int | None, colours: Sequence[Colour]
) -> None:
    """Of a creative that was stored before they were computed."""
    connection.execute(
        text(
            "UPDATE creative SET perceptual_hash = :hash, colours = CAST(:colours AS jsonb)"
            " WHERE scope = :scope AND sha256 = :sha256 AND colours IS NULL"
        ),
        {
            "scope": picture.scope,
            "sha256": picture.sha256,
            "hash": perceptual_hash,
            "colours": json.dumps([asdict(colour) for colour in colours]),
        },
    )


def store_reading(
    connection: Connection,
    picture: ClaimedPicture,
    found: OnScreenText,
    *,
    reader: str | None,
    thumbnail_sha256: str | None,
    labels: Sequence[Label],
) -> bool:
    """Keep what was read, once; False when somebody else holds the picture by now, and nothing was stored."""
    blocks = [{"text": line.text, "box": line.box, "confidence": round(line.confidence, 3)} for line in found.lines]
    stored = connection.execute(
        text(
            "UPDATE image_reading SET status = :status, reason = :reason, text = :text, script = :script,"
            " confidence = :confidence, text_area = :area, blocks = CAST(:blocks AS jsonb),"
            " thumbnail_sha256 = :thumbnail, reader = :reader, claimed_until = NULL, read_at = now()"
            " WHERE scope = :scope AND sha256 = :sha256 AND attempts = :attempt AND status IS NULL"
        ),
        asdict(picture)
        | {"status": found.status, "reason": found.reason, "text": found.text, "script": found.script}
        | {"confidence": found.confidence, "area": found.text_area, "blocks": json.dumps(blocks, ensure_ascii=False)}
        | {"thumbnail": thumbnail_sha256, "reader": reader},
    )
    if not stored.rowcount:
        return False
    version = labels[0].provenance.taxonomy_version if labels else None
    _store_content(connection, picture, found.text, labelled_with=version)
    store_labels(connection, scope=picture.scope, labels={picture.sha256: labels})
    return True


def _store_content(connection: Connection, picture: ClaimedPicture, found: str, *, labelled_with: str | None) -> None:
    """What labels of the picture hang on; its text is what stands on it."""
    connection.execute(
        text(
            "INSERT INTO content (scope, content_id, kind, text_hash, text, cta, labelled_with)"
            " VALUES (:scope, :sha256, 'picture', :hash, :text, '', :version) ON CONFLICT (scope, content_id)"
            " DO UPDATE SET text = excluded.text, text_hash = excluded.text_hash,"
            " labelled_with = coalesce(content.labelled_with, excluded.labelled_with)"
        ),
        {
            "scope": picture.scope,
            "sha256": picture.sha256,
            "hash": text_hash(found),
            "text": found,
            "version": labelled_with,
        },
    )
