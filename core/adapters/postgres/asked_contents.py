"""Contents that a model is to read: asked for, claimed, read, closed; what they said before is kept.

``asked_at`` without an ``outcome`` is pending. Whoever asks a model holds the content until ``claimed_until``, which he
puts off while he asks. ``claimed_by`` is his token: who has it no more asks no more, and closes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, text

from core.adapters.postgres.content_store import Unlabelled, store_labels
from core.domain.label import Label, Outcome

# Words of every version of the brand's ads, and the pictures that are their covers, once there is something to show.
_OF_BRAND = (
    "(SELECT v.content_id FROM ad a JOIN ad_version v USING (ad_id)"
    "   WHERE a.scope = :scope AND a.brand_slug = :brand"
    " UNION SELECT a.cover_sha256 FROM ad a JOIN image_reading r ON r.scope = a.scope AND r.sha256 = a.cover_sha256"
    "   WHERE a.scope = :scope AND a.brand_slug = :brand AND r.thumbnail_sha256 IS NOT NULL)"
)
_IS_PENDING = "c.asked_at IS NOT NULL AND c.outcome IS NULL"
# Words are read by the local methods first: a model replaces what is complete, and nothing is added to it later.
_IS_READY = "(c.kind = 'picture' OR c.labelled_with IS NOT NULL)"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A content that is ours while ``claimed_by`` stands. ``dimensions``: those asked for; empty: every one.

    ``picture_sha256`` and ``picture_text`` are of the picture, or of the newest cover the brand shows beside the words.
    """

    content_id: str
    kind: str
    text: str
    cta: str
    dimensions: tuple[str, ...]
    claimed_by: str
    picture_sha256: str | None
    picture_text: str


@dataclass(frozen=True, slots=True)
class AskedCounts:
    """Contents of a brand that a model was or is to be asked about; ``held``: somebody is asking just now."""

    asked: int = 0
    answered: int = 0
    held: int = 0

    @property
    def pending(self) -> int:
        """Without an outcome."""
        return self.asked - self.answered

    def __add__(self, other: AskedCounts) -> AskedCounts:
        return AskedCounts(self.asked + other.asked, self.answered + other.answered, self.held + other.held)


def ask_for_contents(connection: Connection, *, scope: str, brand_slug: str) -> int:
    """Have a model read what it was never asked about; returns how many. Frozen ones stay as they are."""
    statement = text(
        "UPDATE content c SET asked_at = now()"  # noqa: S608 - constants of ours
        f" WHERE c.scope = :scope AND c.asked_at IS NULL AND c.content_id IN {_OF_BRAND}"
    )
    return connection.execute(statement, {"scope": scope, "brand": brand_slug}).rowcount


def ask_again(
    connection: Connection, *, scope: str, brand_slug: str, dimensions: Sequence[str], kinds: Sequence[str], since: str
) -> int:
    """Have a model read again what it wasn't asked about since the request ``since``; returns how many contents.

    In some dimensions or in all (empty); ``kinds`` of contents: words, picture. What others asked for and isn't read
    yet, or was asked for since, stays asked for. Whoever reads a content just now doesn't close it any more.
    """
    statement = text(
        "WITH asked AS (SELECT created_at AS at, CAST(:dimensions AS text[]) AS dimensions FROM request"  # noqa: S608
        "   WHERE request_id = :since)"
        " UPDATE content c SET asked_at = now(), outcome = NULL, claimed_until = NULL, claimed_by = NULL,"
        " asked_dimensions = CASE WHEN c.outcome IS NOT NULL AND c.asked_at < asked.at THEN asked.dimensions"
        "   WHEN c.asked_dimensions = '{}' OR asked.dimensions = '{}' THEN '{}'"
        "   ELSE ARRAY(SELECT DISTINCT unnest(c.asked_dimensions || asked.dimensions) ORDER BY 1) END FROM asked"
        f" WHERE c.scope = :scope AND c.kind = ANY(:kinds) AND c.content_id IN {_OF_BRAND}"
        " AND (c.asked_at IS NULL OR c.asked_at < asked.at OR c.asked_dimensions <> '{}'"
        "   AND (asked.dimensions = '{}' OR NOT c.asked_dimensions @> asked.dimensions))"
    )
    values = {"scope": scope, "brand": brand_slug, "dimensions": list(dimensions), "kinds": list(kinds), "since": since}
    return connection.execute(statement, values).rowcount


def claim_contents(
    connection: Connection, *, scope: str, brand_slug: str, limit: int, lasting_seconds: float
) -> list[Claimed]:
    """Pending contents of a brand that nobody holds, ours from now on."""
    statement = text(
        "WITH free AS (SELECT c.content_id FROM content c"  # noqa: S608 - constants of ours
        f"   WHERE c.scope = :scope AND {_IS_PENDING} AND {_IS_READY}"
        "   AND (c.claimed_until IS NULL OR c.claimed_until < now())"
        f"   AND c.content_id IN {_OF_BRAND} ORDER BY c.content_id LIMIT :limit FOR UPDATE SKIP LOCKED),"
        " ours AS (UPDATE content c SET claimed_until = now() + make_interval(secs => :seconds), claimed_by = :token"
        "   FROM free WHERE c.scope = :scope AND c.content_id = free.content_id RETURNING c.*)"
        " SELECT o.content_id, o.kind, o.text, o.cta, o.asked_dimensions AS dimensions, o.claimed_by,"
        "   r.sha256 AS picture_sha256, coalesce(r.text, '') AS picture_text"
        " FROM ours o LEFT JOIN image_reading r ON r.scope = o.scope AND r.thumbnail_sha256 IS NOT NULL AND r.sha256 ="
        "   CASE WHEN o.kind = 'picture' THEN o.content_id ELSE (SELECT a.cover_sha256 FROM ad a"
        "     WHERE a.scope = o.scope AND a.brand_slug = :brand AND a.content_id = o.content_id"
        "     AND a.cover_sha256 IS NOT NULL ORDER BY a.first_seen DESC, a.ad_id LIMIT 1) END ORDER BY o.content_id"
    )
    values = {"scope": scope, "brand": brand_slug, "limit": limit, "seconds": lasting_seconds}
    rows = connection.execute(statement, values | {"token": uuid4().hex})
    return [Claimed(**{**row._mapping, "dimensions": tuple(row.dimensions)}) for row in rows]


def renew_claim(connection: Connection, *, scope: str, content: Claimed, lasting_seconds: float) -> bool:
    """Have it for longer; False once it isn't ours any more."""
    statement = text(
        "UPDATE content SET claimed_until = now() + make_interval(secs => :seconds)"
        " WHERE scope = :scope AND content_id = :id AND claimed_by = :token"
    )
    values = {"scope": scope, "id": content.content_id, "token": content.claimed_by, "seconds": lasting_seconds}
    return connection.execute(statement, values).rowcount == 1


def release_contents(connection: Connection, *, scope: str, contents: Sequence[Claimed]) -> None:
    """Give unread contents back: whoever comes next may ask."""
    statement = text(
        "UPDATE content SET claimed_until = NULL, claimed_by = NULL"
        " WHERE scope = :scope AND content_id = :id AND claimed_by = :token"
    )
    for content in contents:
        connection.execute(statement, {"scope": scope, "id": content.content_id, "token": content.claimed_by})


def close_content(
    connection: Connection,
    *,
    scope: str,
    content: Claimed,
    outcome: Outcome,
    labels: Sequence[Label],
    taxonomy_version: str,
) -> bool:
    """Store how it ended, its labels in place of those there were; False, and nothing, if it isn't ours any more."""
    closed = text(
        "UPDATE content SET outcome = :outcome, claimed_until = NULL, claimed_by = NULL,"
        " labelled_with = CASE WHEN asked_dimensions = '{}' THEN :version ELSE labelled_with END"
        " WHERE scope = :scope AND content_id = :id AND claimed_by = :token"
    )
    values = {"scope": scope, "id": content.content_id, "token": content.claimed_by, "outcome": outcome.value}
    if connection.execute(closed, values | {"version": taxonomy_version}).rowcount != 1:
        return False
    replace_labels(connection, scope=scope, labels={content.content_id: labels})
    return True


def replace_labels(connection: Connection, *, scope: str, labels: Mapping[str, Sequence[Label]]) -> None:
    """content_id → labels that take the place of all there were in the same dimensions; those go to ``label_past``.

    What people corrected lies over both and stays.
    """
    columns = (
        "scope, content_id, dimension, value, raw_value, confidence, evidence, outcome, modality, provenance_id,"
        " cost_usd, created_at"
    )
    statement = text(
        "WITH old AS (DELETE FROM label WHERE scope = :scope AND content_id = :id AND dimension = ANY(:dimensions)"  # noqa: S608
        f" RETURNING {columns}) INSERT INTO label_past ({columns}) SELECT {columns} FROM old"
    )
    for content_id, made in labels.items():
        dimensions = sorted({label.dimension for label in made})
        connection.execute(statement, {"scope": scope, "id": content_id, "dimensions": dimensions})
    store_labels(connection, scope=scope, labels=labels)


def count_asked(connection: Connection, *, scope: str, brand_slug: str) -> AskedCounts:
    """How far a model has read the brand."""
    statement = text(
        "SELECT count(c.asked_at), count(c.outcome) FILTER (WHERE c.asked_at IS NOT NULL),"  # noqa: S608
        "   count(*) FILTER (WHERE c.outcome IS NULL AND c.claimed_until > now())"
        f" FROM content c WHERE c.scope = :scope AND c.content_id IN {_OF_BRAND}"
    )
    return AskedCounts(*connection.execute(statement, {"scope": scope, "brand": brand_slug}).one())


@dataclass(frozen=True, slots=True)
class AnalysedBrand:
    """A brand whose contents models read as they come, and who pays for it."""

    scope: str
    brand_slug: str
    payer: str


def analysed_brands(connection: Connection) -> list[AnalysedBrand]:
    """Of every scope."""
    rows = connection.execute(text("SELECT scope, brand_slug, payer FROM analysed_brands()"))
    return [AnalysedBrand(*row) for row in rows]


def labelled_before(
    connection: Connection, *, scope: str, brand_slug: str, dimensions: Sequence[str], since: str, limit: int
) -> list[Unlabelled]:
    """Words of a brand, complete, without a label in one of the dimensions that is newer than the request ``since``."""
    statement = text(
        "SELECT c.content_id, c.text_hash, c.text, c.cta FROM content c"  # noqa: S608 - constants of ours
        f" WHERE c.scope = :scope AND c.labelled_with IS NOT NULL AND c.kind = 'words' AND c.content_id IN {_OF_BRAND}"
        " AND NOT EXISTS (SELECT FROM label l WHERE l.scope = c.scope AND l.content_id = c.content_id"
        "   AND l.dimension = ANY(:dimensions)"
        "   AND l.created_at >= (SELECT created_at FROM request WHERE request_id = :since))"
        " ORDER BY c.content_id LIMIT :limit"
    )
    values = {"scope": scope, "brand": brand_slug, "dimensions": list(dimensions), "since": since, "limit": limit}
    return [Unlabelled(*row) for row in connection.execute(statement, values)]
