"""From the manifest and the item results of a run to rows of the record. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from core.adapters.postgres.record_store import Row, ScanRows
from core.domain.ad import AdRecord, AdVersion
from core.domain.avatars import ImageUse, page_avatars
from core.domain.identity import content_identity, digest_of, scan_identity, version_identity
from core.domain.media import MediaRole, MediaStatus
from core.domain.run import ItemResult, ItemState
from core.sources.records import content_hash, labelled_text, text_hash

AVATAR_ONLY = "only the page's picture was delivered, not the creative"
_NO_MEDIA = "the source declares no media for this ad"


@dataclass(frozen=True, slots=True)
class Said:
    """What one version says, with the names the record gives it."""

    version: AdVersion
    content_hash: str
    text: str
    text_hash: str
    content_id: str

    @classmethod
    def by(cls, version: AdVersion) -> Said:
        """Hash what the version says."""
        text = labelled_text(version)
        digest = text_hash(text)
        return cls(version, content_hash(version), text, digest, content_identity(digest, version.cta))


@dataclass(frozen=True)  # without slots, so that hashes are computed once: they are a third of building the rows
class ManifestAd:
    """One ad of a run with the ids of its items."""

    ad_id: str
    record: AdRecord
    item_ids: Sequence[str]
    raw_document_id: str | None

    @cached_property
    def said(self) -> tuple[Said, ...]:
        """What its versions say, the current one first; an ad without versions has one that says nothing."""
        return tuple(Said.by(version) for version in self.record.versions or (AdVersion(),))


_Source = tuple[date, str, str]  # day, channel, account


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every row of a run shares."""

    scope: str
    brand_slug: str
    results: Mapping[str, ItemResult]
    avatars: frozenset[str] = field(default_factory=frozenset)


def find_avatars(ads: Iterable[ManifestAd], results: Mapping[str, ItemResult]) -> frozenset[str]:
    """The hashes of images that are a page's picture, judged over the whole run."""
    return page_avatars(_image_uses(ads, results))


def _image_uses(ads: Iterable[ManifestAd], results: Mapping[str, ItemResult]) -> Iterator[ImageUse]:
    for ad in ads:
        page = ad.record.page_id or ad.record.page_name or ad.record.brand_name
        for item_id in ad.item_ids:
            facts = results[item_id].facts if item_id in results else {}
            if facts.get("width") and facts.get("height"):
                yield ImageUse(facts["sha256"], facts["width"], facts["height"], page, ad.ad_id, ad.said[0].text_hash)


def scan_rows(ads: Sequence[ManifestAd], context: RunContext) -> list[ScanRows]:
    """One ScanRows per (channel, account, day), oldest day first; then what earlier scans saw of ads of later ones."""
    groups: dict[_Source, list[ManifestAd]] = {}
    for ad in ads:
        groups.setdefault((ad.record.scanned_on, ad.record.channel, ad.record.account), []).append(ad)
    scans = {key: _one_scan(key, groups[key], context) for key in sorted(groups)}
    return [*scans.values(), *_seen_before(ads, scans, context)]


def _seen_before(
    ads: Sequence[ManifestAd], scans: Mapping[_Source, ScanRows], context: RunContext
) -> Iterator[ScanRows]:
    """Observations alone: all that is told of the ads is in the scan that saw them last."""
    earlier: dict[_Source, list[ManifestAd]] = {}
    for ad in ads:
        for day in ad.record.seen_before:
            earlier.setdefault((day, ad.record.channel, ad.record.account), []).append(ad)
    for key in sorted(earlier):
        scan = scans.get(key) or _one_scan(key, [], context)
        versions = (row for ad in earlier[key] for row in _version_rows(ad, context.scope))
        seen = _distinct(((scan.scan_id, row[0], context.scope, row[2], key[0]) for row in versions), 2)
        yield replace(
            scan, ads=(), versions=(), media=(), content_hashes={}, seen_before=frozenset(), observations=seen
        )


def _one_scan(key: _Source, ads: Sequence[ManifestAd], context: RunContext) -> ScanRows:
    day, channel, account = key
    hashes: dict[str, frozenset[str]] = {}
    for ad in ads:
        hashes[ad.ad_id] = hashes.get(ad.ad_id, frozenset()) | {said.content_hash for said in ad.said}
    digest = digest_of(f"{ad_id} {' '.join(sorted(said))}" for ad_id, said in hashes.items())
    scan_id = scan_identity(
        scope=context.scope,
        brand_slug=context.brand_slug,
        channel=channel,
        account=account,
        day=day.isoformat(),
        digest=digest,
    )
    versions = [row for ad in ads for row in _version_rows(ad, context.scope)]
    seen_on = {ad.ad_id: _last_seen(ad.record) for ad in ads}
    return ScanRows(
        scan_id=scan_id,
        scope=context.scope,
        brand_slug=context.brand_slug,
        channel=channel,
        account=account,
        scanned_on=day,
        digest=digest,
        ads=_distinct(_ad_row(ad, context) for ad in ads),
        versions=_distinct(versions),
        observations=_distinct(((scan_id, row[0], context.scope, row[2], seen_on[row[2]]) for row in versions), 2),
        media=_distinct((row for ad in ads for row in _media_rows(ad, context)), 2),
        content_hashes=hashes,
        seen_before=frozenset(ad.ad_id for ad in ads if ad.record.seen_before),
    )


def _distinct(rows: Iterable[Row], key_columns: int = 1) -> list[Row]:
    """The last row per key: one statement may not touch the same row twice."""
    return list({tuple(row[:key_columns]): row for row in rows}.values())


def _last_seen(record: AdRecord) -> date:
    return record.last_seen or record.scanned_on


def _first_seen(record: AdRecord) -> date:
    return min(record.first_seen or record.scanned_on, _last_seen(record))


def content_rows(ads: Iterable[ManifestAd], scope: str) -> list[Row]:
    """The texts to label; a version that says nothing has none."""
    rows: dict[str, Row] = {}
    for ad in ads:
        for said in ad.said:
            if said.text.strip():
                rows[said.content_id] = (scope, said.content_id, said.text_hash, said.text, said.version.cta)
    return list(rows.values())


def creative_rows(results: Iterable[ItemResult], scope: str) -> list[Row]:
    """The media files, each once."""
    rows: dict[str, Row] = {}
    for result in results:
        facts = result.facts
        if result.state is ItemState.OK and "sha256" in facts:
            measured = (facts["content_type"], facts["size_bytes"], facts.get("width"), facts.get("height"))
            figures = (facts.get("perceptual_hash"), json.dumps(facts["colours"]) if facts.get("colours") else None)
            rows[facts["sha256"]] = (scope, facts["sha256"], *measured, *figures)
    return list(rows.values())


def _ad_row(ad: ManifestAd, context: RunContext) -> Row:
    record = ad.record
    current = ad.said[0]
    status, reason, cover = _media_summary(ad, context)
    return (
        ad.ad_id,
        context.scope,
        record.channel,
        record.account,
        record.external_id,
        context.brand_slug,
        record.page_id,
        record.page_name,
        record.library_url,
        _first_seen(record),
        _last_seen(record),
        record.scanned_on,
        record.run_start,
        record.run_end,
        record.source_says_active,
        list(record.countries),
        current.version.format,
        status,
        reason,
        cover,
        version_identity(ad.ad_id, current.content_hash),
        current.content_id,
        dict(record.attributes),
        ad.raw_document_id,
    )


def _version_rows(ad: ManifestAd, scope: str) -> Iterator[Row]:
    for said in ad.said:
        version = said.version
        yield (
            version_identity(ad.ad_id, said.content_hash),
            scope,
            ad.ad_id,
            said.content_hash,
            version.version_key,
            version.copy,
            version.title,
            version.description,
            version.cta,
            version.landing_url,
            urlsplit(version.landing_url).hostname if version.landing_url else None,
            version.format,
            list(version.platforms),
            said.text_hash,
            said.content_id,
            _last_seen(ad.record),  # what an ad said before this scan, nobody knows
            _last_seen(ad.record),
        )


def _media_rows(ad: ManifestAd, context: RunContext) -> Iterator[Row]:
    for ref, item_id in zip(ad.record.media, ad.item_ids, strict=False):
        result = context.results.get(item_id)
        if result is None:
            continue
        sha256 = result.facts.get("sha256")
        role = MediaRole.PAGE_AVATAR if sha256 in context.avatars else ref.role
        status = result.status or MediaStatus.OK
        yield (ad.ad_id, item_id, context.scope, role, ref.position, status, result.reason, sha256, result.url)


def _media_summary(ad: ManifestAd, context: RunContext) -> tuple[MediaStatus, str | None, str | None]:
    """(status, reason, cover) of an ad: of its best medium. An avatar is no creative."""
    if not ad.record.media:
        return MediaStatus.NONE_DECLARED, _NO_MEDIA, None
    results = [context.results[item_id] for item_id in ad.item_ids if item_id in context.results]
    stored = [result for result in results if result.state is ItemState.OK]
    creatives = [result for result in stored if result.facts.get("sha256") not in context.avatars]
    if creatives:
        return MediaStatus.OK, None, next(iter(_covers(creatives)), None)
    if stored:
        return MediaStatus.NONE_DECLARED, AVATAR_ONLY, None
    if not results:
        return MediaStatus.NOT_ATTEMPTED, "no result for its media", None
    return results[0].status or MediaStatus.FETCH_ERROR, results[0].reason, None


def _covers(results: Iterable[ItemResult]) -> Iterator[str]:
    for result in results:
        if str(result.facts.get("content_type", "")).startswith("image/"):
            yield str(result.facts["sha256"])


def media_ledger(results: Iterable[ItemResult], avatars: frozenset[str]) -> dict[str, int]:
    """How many distinct media ended in which status; page avatars are counted apart, they are no creatives."""
    statuses: dict[str, str] = {}
    for result in results:
        if result.status is None:  # a text
            continue
        sha256 = str(result.facts.get("sha256", ""))
        is_avatar = result.state is ItemState.OK and sha256 in avatars
        statuses[sha256 or result.item_id] = MediaRole.PAGE_AVATAR.value if is_avatar else result.status.value
    return dict(Counter(statuses.values()))


def vector_rows(results: Iterable[ItemResult]) -> dict[str, dict[str, bytes]]:
    """model → subject → vector, of the results that brought one."""
    vectors: dict[str, dict[str, bytes]] = {}
    for result in results:
        if result.embedding is not None and "embedding_subject" in result.facts:
            by_subject = vectors.setdefault(str(result.facts["embedding_model"]), {})
            by_subject[str(result.facts["embedding_subject"])] = result.embedding
    return vectors


def manifest_ad(ad_id: str, document: dict[str, Any], item_ids: Sequence[str], record: AdRecord) -> ManifestAd:
    """An ad of the manifest as stored: its raw rows are kept as a document of their own."""
    return ManifestAd(ad_id, record, item_ids, document.get("raw_document_id"))
