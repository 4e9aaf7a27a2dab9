"""One ad, whole: every version, medium, label with its evidence, and the scans that showed it or didn't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, func, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import (
    ad,
    ad_media,
    ad_version,
    content,
    creative,
    observation,
    scan,
)
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.queries.brand_names import shown_name
from core.queries.labels_of_ad import (
    Correction,
    Corrections,
    CoverDetail,
    LabelDetail,
    Labels,
    corrections_of_ad,
    cover_of_ad,
    labels_of_ad,
)
from core.queries.pages import MAX_PAGE, AnyRow, AnySelect
from core.queries.status import AdStatus, counted_ads, counted_status


@dataclass(frozen=True, slots=True)
class VersionDetail:
    """What the ad said. ``text`` is what was labelled; ``labels`` are the machine's, ``corrections`` go before them."""

    version_id: str
    is_current: bool
    first_seen: date
    last_seen: date
    copy: str
    title: str
    description: str
    cta: str
    landing_url: str | None
    landing_domain: str | None
    format: str
    platforms: tuple[str, ...]
    text: str
    labelled_with: str | None
    labels: tuple[LabelDetail, ...]
    corrections: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class MediaDetail:
    """A medium and what became of it; ``sha256`` only where it is stored."""

    role: str
    position: int
    status: str
    reason: str | None
    sha256: str | None
    url: str | None
    content_type: str | None
    size_bytes: int | None
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A scan of the ad's brand. ``version_ids`` is empty where it didn't show the ad."""

    scan_id: str
    scanned_on: date
    version_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AdDetail:
    """Everything known of one ad. ``sightings`` are the newest 200 scans, newest first; versions newest first."""

    ad_id: str
    scope: str
    brand: str
    brand_name: str
    channel: str
    account: str
    external_id: str
    page_id: str | None
    page_name: str | None
    library_url: str | None
    first_seen: date
    last_seen: date
    last_scanned_on: date
    run_start: date | None
    run_end: date | None
    source_says_active: bool | None
    status: AdStatus
    countries: tuple[str, ...]
    format: str
    cover_sha256: str | None
    media_status: str
    media_reason: str | None
    attributes: Mapping[str, Any]
    raw_document_id: str | None
    cover: CoverDetail | None
    versions: tuple[VersionDetail, ...]
    media: tuple[MediaDetail, ...]
    sightings: tuple[Sighting, ...]


def get_ad(database: Database, principal: Principal, ad_id: str) -> AdDetail:
    """Raises NotFoundError where there is none the principal may see."""
    with database.reader(principal) as connection:
        row = connection.execute(_ad().where(ad.c.ad_id == ad_id)).one_or_none()
        if row is None:
            raise NotFoundError("there is no such ad, or it isn't yours to see")
        values = dict(row._mapping)
        current = values.pop("current_version_id")
        values |= {"status": AdStatus(row.status), "countries": tuple(row.countries)}
        labels, corrections = labels_of_ad(connection, ad_id), corrections_of_ad(connection, ad_id)
        return AdDetail(
            **values,
            cover=cover_of_ad(connection, row, labels, corrections),
            versions=_versions(connection, ad_id, current, labels, corrections),
            media=_media(connection, ad_id),
            sightings=_sightings(connection, row),
        )


def _ad() -> AnySelect:
    named = {"brand_slug": "brand"}
    left_out = {"content_id", "variant_id", "variant_before", "stored_at"}
    columns = [column.label(named.get(column.name, column.name)) for column in ad.c if column.name not in left_out]
    columns += [shown_name(ad.c.brand_slug).label("brand_name"), counted_status.label("status")]
    return select(*columns).select_from(counted_ads).prefix_with("/* get_ad */")


def _versions(
    connection: Connection, ad_id: str, current: str, labels: Labels, corrections: Corrections
) -> tuple[VersionDetail, ...]:
    version = ad_version.c
    statement = (
        select(
            version.scope, version.content_id, version.version_id, version.first_seen, version.last_seen,
            version.copy, version.title, version.description, version.cta, version.landing_url,
            version.landing_domain, version.format, version.platforms,
            func.coalesce(content.c.text, "").label("text"), content.c.labelled_with,
        )
        .outerjoin(content, and_(content.c.scope == version.scope, content.c.content_id == version.content_id))
        .where(version.ad_id == ad_id)
        .order_by(version.last_seen.desc(), version.first_seen.desc(), version.version_id)
        .limit(MAX_PAGE)
        .prefix_with("/* versions_of_ad */")
    )  # fmt: skip
    return tuple(_version(row, current, labels, corrections) for row in connection.execute(statement))


def _version(row: AnyRow, current: str, labels: Labels, corrections: Corrections) -> VersionDetail:
    values = dict(row._mapping)
    del values["scope"], values["content_id"]
    values["platforms"] = tuple(row.platforms)
    return VersionDetail(
        **values,
        is_current=row.version_id == current,
        labels=tuple(labels.get(row.content_id, ())),
        corrections=tuple(corrections.get(row.content_id, ())),
    )


def _media(connection: Connection, ad_id: str) -> tuple[MediaDetail, ...]:
    medium, stored = ad_media.c, creative.c
    statement = (
        select(
            medium.role, medium.position, medium.status, medium.reason, medium.sha256, medium.url,
            stored.content_type, stored.size_bytes, stored.width, stored.height,
        )
        .outerjoin(creative, and_(stored.scope == medium.scope, stored.sha256 == medium.sha256))
        .where(medium.ad_id == ad_id)
        .order_by(medium.position, medium.role, medium.item_id)
        .limit(MAX_PAGE)
        .prefix_with("/* media_of_ad */")
    )  # fmt: skip
    return tuple(MediaDetail(**row._mapping) for row in connection.execute(statement))


def _sightings(connection: Connection, row: AnyRow) -> tuple[Sighting, ...]:
    """The scans of the ad's (scope, brand, channel, account) since it was first shown by one."""
    seen = and_(observation.c.scan_id == scan.c.scan_id, observation.c.ad_id == row.ad_id)
    versions = func.array_remove(func.array_agg(observation.c.version_id), None).label("version_ids")
    statement = (
        select(scan.c.scan_id, scan.c.scanned_on, versions)
        .outerjoin(observation, seen)
        .where(
            scan.c.scope == row.scope,
            scan.c.brand_slug == row.brand,
            scan.c.channel == row.channel,
            scan.c.account == row.account,
        )
        .group_by(scan.c.scan_id, scan.c.scanned_on)
        .order_by(scan.c.scanned_on.desc(), scan.c.scan_id)
        .limit(MAX_PAGE)
        .prefix_with("/* sightings_of_ad */")
    )
    rows = connection.execute(statement)
    return tuple(Sighting(found.scan_id, found.scanned_on, tuple(found.version_ids)) for found in rows)
