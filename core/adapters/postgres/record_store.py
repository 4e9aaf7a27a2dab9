"""The record: ads, versions, observations, media and creatives, written scan by scan inside a commit.

Everything is an upsert by identity, so a scan written twice changes nothing; first and last dates only widen,
and an older scan imported late never overwrites what a newer one said.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, text

from core.adapters.postgres.bulk import copy_upsert
from core.adapters.postgres.schema import ad, ad_media, ad_version, content, creative, observation
from core.domain.media import MediaStatus
from core.domain.run import ItemResult

AD_COLUMNS = (
    "ad_id", "scope", "channel", "account", "external_id", "brand_slug", "page_id", "page_name", "library_url",
    "first_seen", "last_seen", "last_scanned_on", "run_start", "run_end", "source_says_active", "countries",
    "format", "media_status", "media_reason", "cover_sha256", "current_version_id", "content_id", "attributes",
    "raw_document_id",
)  # fmt: skip
VERSION_COLUMNS = (
    "version_id", "scope", "ad_id", "content_hash", "version_key", "copy", "title", "description", "cta",
    "landing_url", "landing_domain", "format", "platforms", "text_hash", "content_id", "first_seen", "last_seen",
)  # fmt: skip
OBSERVATION_COLUMNS = ("scan_id", "version_id", "scope", "ad_id", "seen_on")
MEDIA_COLUMNS = ("ad_id", "item_id", "scope", "role", "position", "status", "reason", "sha256", "url")
CREATIVE_COLUMNS = (
    "scope", "sha256", "content_type", "size_bytes", "width", "height", "perceptual_hash", "colours",
)  # fmt: skip
CONTENT_COLUMNS = ("scope", "content_id", "text_hash", "text", "cta")

# What the newest scan says wins; dates widen; content that was stored stays stored.
_NEWER = "excluded.last_scanned_on >= ad.last_scanned_on"
_FROM_NEWEST = (
    "page_id", "page_name", "library_url", "run_end", "source_says_active", "countries", "format",
    "current_version_id", "content_id", "attributes", "raw_document_id",
)  # fmt: skip
_COVER = (
    f"CASE WHEN {_NEWER} THEN coalesce(excluded.cover_sha256, ad.cover_sha256)"
    " ELSE coalesce(ad.cover_sha256, excluded.cover_sha256) END"
)
# What an ad says or shows has changed: it is grouped anew, and tells which variant it comes from.
_SAME_VARIANT = (
    f"(ad.content_id = excluded.content_id OR NOT ({_NEWER})) AND ad.cover_sha256 IS NOT DISTINCT FROM ({_COVER})"
)
_LAST_VARIANT = "coalesce(ad.variant_id, ad.variant_before)"
_ON_AD = "(ad_id) DO UPDATE SET " + ", ".join(
    [
        "first_seen = least(ad.first_seen, excluded.first_seen)",
        "last_seen = greatest(ad.last_seen, excluded.last_seen)",
        "run_start = coalesce(least(ad.run_start, excluded.run_start), excluded.run_start)",
        *(
            f"{name} = CASE WHEN ad.media_status = 'ok' THEN ad.{name}"
            f" WHEN {_NEWER} OR excluded.media_status = 'ok' THEN excluded.{name} ELSE ad.{name} END"
            for name in ("media_status", "media_reason")
        ),
        f"cover_sha256 = {_COVER}",
        f"variant_id = CASE WHEN {_SAME_VARIANT} THEN ad.variant_id END",
        f"variant_before = CASE WHEN {_SAME_VARIANT} THEN ad.variant_before ELSE {_LAST_VARIANT} END",
        "last_scanned_on = greatest(ad.last_scanned_on, excluded.last_scanned_on)",
        *(f"{name} = CASE WHEN {_NEWER} THEN excluded.{name} ELSE ad.{name} END" for name in _FROM_NEWEST),
    ]
)
_ON_VERSION = (
    "(version_id) DO UPDATE SET first_seen = least(ad_version.first_seen, excluded.first_seen),"
    " last_seen = greatest(ad_version.last_seen, excluded.last_seen), platforms = excluded.platforms"
)
_ON_MEDIA = (
    "(ad_id, item_id) DO UPDATE SET role = excluded.role, position = excluded.position,"
    " status = CASE WHEN ad_media.status = 'ok' THEN 'ok' ELSE excluded.status END,"
    " reason = CASE WHEN ad_media.status = 'ok' THEN NULL ELSE excluded.reason END,"
    " sha256 = coalesce(excluded.sha256, ad_media.sha256), url = coalesce(excluded.url, ad_media.url)"
)

Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class ScanRows:
    """The rows of one scan, ready to write, in the order of the column tuples above."""

    scan_id: str
    scope: str
    brand_slug: str
    channel: str
    account: str
    scanned_on: date
    digest: str
    ads: Sequence[Row]
    versions: Sequence[Row]
    observations: Sequence[Row]
    media: Sequence[Row]
    content_hashes: Mapping[str, frozenset[str]]  # ad_id → what it says now
    seen_before: frozenset[str] = frozenset()  # ads that earlier scans of the same file saw, too


def write_scan(connection: Connection, rows: ScanRows, *, batch_id: str) -> dict[str, int]:
    """Write a scan; returns its ledger: ads new, changed, seen_again, not_seen, and versions new.

    The scan itself keeps what was new in it: an ad new to us isn't, if an earlier scan of the file saw it.
    """
    unknown = _unknown(connection, rows.content_hashes)
    counts, not_new = _compare(connection, rows, new=len(unknown)), len(unknown & rows.seen_before)
    copy_upsert(connection, ad, AD_COLUMNS, rows.ads, on_conflict=_ON_AD)
    before = _count_versions(connection, rows.content_hashes)
    copy_upsert(connection, ad_version, VERSION_COLUMNS, rows.versions, on_conflict=_ON_VERSION)
    counts["versions_new"] = _count_versions(connection, rows.content_hashes) - before
    connection.execute(
        text(
            "INSERT INTO scan (scan_id, scope, brand_slug, channel, account, scanned_on, digest, batch_id, counts)"
            " VALUES (:id, :scope, :brand, :channel, :account, :day, :digest, :batch, :counts)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "id": rows.scan_id,
            "scope": rows.scope,
            "brand": rows.brand_slug,
            "channel": rows.channel,
            "account": rows.account,
            "day": rows.scanned_on,
            "digest": rows.digest,
            "batch": batch_id,
            "counts": json.dumps(
                counts | {"new": counts["new"] - not_new, "seen_again": counts["seen_again"] + not_new}
            ),
        },
    )
    copy_upsert(connection, observation, OBSERVATION_COLUMNS, rows.observations)
    copy_upsert(connection, ad_media, MEDIA_COLUMNS, rows.media, on_conflict=_ON_MEDIA)
    return counts


def write_creatives(connection: Connection, rows: Iterable[Row]) -> int:
    """Store creatives once; returns how many are new."""
    return copy_upsert(connection, creative, CREATIVE_COLUMNS, rows)


def write_contents(connection: Connection, rows: Iterable[Row]) -> int:
    """Store texts to label once; returns how many are new."""
    return copy_upsert(connection, content, CONTENT_COLUMNS, rows)


def known_avatars(connection: Connection, scope: str, hashes: Sequence[str]) -> frozenset[str]:
    """Those of the images that an earlier run found to be a page's picture: a later scan may show too few ads."""
    statement = text(
        "SELECT DISTINCT sha256 FROM ad_media WHERE scope = :scope AND sha256 = ANY(:hashes) AND role = 'page_avatar'"
    )
    return frozenset(connection.execute(statement, {"scope": scope, "hashes": list(hashes)}).scalars())


def demote_avatars(connection: Connection, scope: str, avatars: Iterable[str], *, reason: str) -> None:
    """Take back what earlier runs took for creatives; ads left without one get ``reason``."""
    values = {"scope": scope, "avatars": sorted(avatars), "reason": reason}
    if not values["avatars"]:
        return
    connection.execute(
        text(
            "UPDATE ad_media SET role = 'page_avatar'"
            " WHERE scope = :scope AND sha256 = ANY(:avatars) AND role <> 'page_avatar'"
        ),
        values,
    )
    creatives = "FROM ad_media m WHERE m.ad_id = ad.ad_id AND m.status = 'ok' AND m.role <> 'page_avatar'"
    connection.execute(
        text(
            f"UPDATE ad SET media_status = CASE WHEN EXISTS (SELECT 1 {creatives}) THEN 'ok' ELSE 'none_declared' END,"  # noqa: S608
            f" media_reason = CASE WHEN EXISTS (SELECT 1 {creatives}) THEN NULL ELSE :reason END,"
            f" cover_sha256 = (SELECT m.sha256 {creatives} AND EXISTS (SELECT 1 FROM creative c"
            "   WHERE c.scope = m.scope AND c.sha256 = m.sha256 AND c.content_type LIKE 'image/%')"
            f"   ORDER BY m.position LIMIT 1), variant_id = NULL, variant_before = {_LAST_VARIANT}"
            " WHERE scope = :scope AND media_status = 'ok'"
            " AND ad_id IN (SELECT m.ad_id FROM ad_media m WHERE m.scope = :scope AND m.sha256 = ANY(:avatars))"
            f" AND (cover_sha256 = ANY(:avatars) OR NOT EXISTS (SELECT 1 {creatives}))"
        ),
        values,
    )


def repair_media(connection: Connection, scope: str, results: Iterable[ItemResult]) -> int:
    """Take over what a repair found for media that an earlier run could not have; returns how many rows are well."""
    found = list(results)
    values: dict[str, Any] = {"scope": scope, "ids": [result.item_id for result in found]}
    given = {
        "statuses": [result.status or MediaStatus.OK for result in found],
        "reasons": [result.reason for result in found],
        "hashes": [result.facts.get("sha256") for result in found],
    }
    repaired = connection.execute(
        text(
            "UPDATE ad_media m SET status = g.status, reason = g.reason, sha256 = coalesce(g.sha256, m.sha256)"
            " FROM unnest(CAST(:ids AS text[]), CAST(:statuses AS text[]), CAST(:reasons AS text[]),"
            "   CAST(:hashes AS text[])) AS g (item_id, status, reason, sha256)"
            " WHERE m.scope = :scope AND m.item_id = g.item_id AND m.status <> 'ok' RETURNING m.status"
        ),
        values | given,
    )
    well = len([status for status in repaired.scalars() if status == MediaStatus.OK])
    creatives = "FROM ad_media m WHERE m.ad_id = ad.ad_id AND m.status = 'ok' AND m.role <> 'page_avatar'"
    connection.execute(
        text(
            "UPDATE ad SET media_status = 'ok', media_reason = NULL,"  # noqa: S608 - constants of ours
            f" cover_sha256 = coalesce(cover_sha256, (SELECT m.sha256 {creatives} AND EXISTS (SELECT 1 FROM creative c"
            "   WHERE c.scope = m.scope AND c.sha256 = m.sha256 AND c.content_type LIKE 'image/%')"
            "   ORDER BY m.position LIMIT 1)), variant_id = CASE WHEN cover_sha256 IS NOT NULL THEN variant_id END,"
            f" variant_before = CASE WHEN cover_sha256 IS NOT NULL THEN variant_before ELSE {_LAST_VARIANT} END"
            " WHERE scope = :scope AND (media_status <> 'ok' OR cover_sha256 IS NULL)"
            " AND ad_id IN (SELECT m.ad_id FROM ad_media m WHERE m.scope = :scope AND m.item_id = ANY(:ids))"
            f" AND EXISTS (SELECT 1 {creatives})"
        ),
        values,
    )
    return well


def _compare(connection: Connection, rows: ScanRows, *, new: int) -> dict[str, int]:
    incoming = list(rows.content_hashes)
    said = _said_before(connection, rows, incoming)
    changed = sum(hashes != rows.content_hashes[ad_id] for ad_id, hashes in said.items())
    return {
        "ads": len(incoming),
        "new": new,
        "changed": changed,
        "seen_again": len(incoming) - new - changed,
        "not_seen": _count_not_seen(connection, rows, incoming),
        "versions": sum(len(hashes) for hashes in rows.content_hashes.values()),
    }


def _unknown(connection: Connection, ads: Collection[str]) -> set[str]:
    """Those that aren't stored yet."""
    stored = text("SELECT ad_id FROM ad WHERE ad_id = ANY(:ids)")
    return set(ads).difference(connection.execute(stored, {"ids": list(ads)}).scalars())


def _said_before(connection: Connection, rows: ScanRows, incoming: list[str]) -> dict[str, frozenset[str]]:
    """What each known ad said in the scan that showed it last (several versions may run side by side).

    A scan older than that is compared with one of its own day, first of all with itself: what it finds changed was
    told when it was new, and nobody knows what an ad said before the first scan that showed it.
    """
    statement = text(
        "SELECT ad_id, array_agg(content_hash) AS hashes FROM ("
        "  SELECT a.ad_id, v.content_hash, rank() OVER (PARTITION BY a.ad_id"
        "    ORDER BY s.scan_id = :scan DESC, s.committed_at DESC, s.scan_id) AS place"
        "  FROM ad a JOIN scan s ON s.scope = :scope AND s.brand_slug = :brand AND s.channel = :channel"
        "    AND s.account = :account AND s.scanned_on = least(a.last_scanned_on, :day)"
        "  JOIN ad_version v ON v.ad_id = a.ad_id"
        "  JOIN observation o ON o.scan_id = s.scan_id AND o.version_id = v.version_id"
        "  WHERE a.ad_id = ANY(:ids)) AS seen WHERE place = 1 GROUP BY ad_id"
    )
    found = connection.execute(statement, _values(rows, incoming))
    return {row.ad_id: frozenset(row.hashes) for row in found}


def _count_not_seen(connection: Connection, rows: ScanRows, incoming: list[str]) -> int:
    """Ads of the scan before this one that this one doesn't show. An older scan imported late tells nothing."""
    statement = text(
        "WITH previous AS (SELECT max(scanned_on) AS day FROM scan WHERE scope = :scope AND brand_slug = :brand"
        " AND channel = :channel AND account = :account AND scan_id <> :scan)"
        " SELECT count(*) FROM ad, previous WHERE ad.scope = :scope AND ad.brand_slug = :brand"
        " AND ad.channel = :channel AND ad.account = :account AND ad.last_scanned_on = previous.day"
        " AND previous.day < :day AND ad.source_says_active IS NOT FALSE AND ad.ad_id <> ALL(:ids)"
    )
    count: int = connection.execute(statement, _values(rows, incoming)).scalar_one()
    return count


def _values(rows: ScanRows, incoming: list[str]) -> dict[str, Any]:
    return {
        "scope": rows.scope,
        "brand": rows.brand_slug,
        "channel": rows.channel,
        "account": rows.account,
        "scan": rows.scan_id,
        "day": rows.scanned_on,
        "ids": incoming,
    }


def _count_versions(connection: Connection, ads: Mapping[str, Any]) -> int:
    statement = text("SELECT count(*) FROM ad_version WHERE ad_id = ANY(:ids)")
    count: int = connection.execute(statement, {"ids": list(ads)}).scalar_one()
    return count
