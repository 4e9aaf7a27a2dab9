"""The CSV exports of a Meta Ad Library scraper, in both generations of their columns.

One row is one version or carousel card of an ad. A file is one scan of each brand in it: the scan date is the
latest scrape date the file has for that brand, whatever page or ad it stands at.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

from core.domain.ad import AdFormat, AdRecord, AdVersion, Rejection
from core.domain.media import MediaRef, MediaRole, MediaStatus
from core.sources.calls_to_action import is_known_cta, normalise_cta
from core.sources.csv_rows import read_csv
from core.sources.rows import (
    AdRows,
    Row,
    RowError,
    SourceFile,
    add_row,
    brand_of,
    cell,
    cell_date,
    cell_id,
    reject,
    split_rejections,
)
from core.sources.ui_text import cut_ui_text
from core.sources.urls import is_https, signed_expiry, without_tracking

COLUMNS = frozenset({"ad_library_id", "competitor_name", "ad_primary_text"})
_SCRAPE_DATES = ("first_scrape_run_date", "latest_scrape_run_date", "scrape_run_date")
_DATES = (*_SCRAPE_DATES, "ad_start_date", "ad_end_date")
_VIDEO, _PICTURE = "facebook_video_cdn_url_at_scrape", "facebook_thumbnail_cdn_url_at_scrape"
_EXPIRY = "facebook_cdn_url_expiry_at_scrape"
_COUNTRY_CODE_LETTERS = 2


def records(text: str, source: SourceFile) -> Iterator[AdRecord | Rejection]:
    """The ads of the file; rejected rows first."""
    rejected: list[Rejection] = []
    ads: dict[str, AdRows] = {}
    scanned_on: dict[str, date] = {}
    for row in split_rejections(read_csv(text, source), rejected):
        try:
            brand, seen = brand_of(source, row, "competitor_name"), _checked_dates(row)
            add_row(ads, cell_id(row, "ad_library_id", digits_only=True), brand, row)
        except RowError as error:
            rejected.append(reject(source, row, error))
            continue
        scanned_on[brand] = max(seen, scanned_on.get(brand, seen))
    yield from rejected
    for ad in ads.values():
        yield _record(source, ad, scanned_on[ad.brand])


def _checked_dates(row: Row) -> date:
    """The row's latest scrape date, after a look at all its dates."""
    for column in _DATES:
        cell_date(row, column)
    days = _scrape_dates([row])
    if not days:
        raise RowError("missing_date", "scrape_run_date is empty: when was the ad seen? write it as YYYY-MM-DD")
    return max(days)


def _scrape_dates(rows: list[Row]) -> list[date]:
    return [day for row in rows for column in _SCRAPE_DATES if (day := cell_date(row, column))]


def _record(source: SourceFile, ad: AdRows, scanned_on: date) -> AdRecord:
    first = ad.rows[0]
    seen = _scrape_dates(ad.rows)
    starts = [day for row in ad.rows if (day := cell_date(row, "ad_start_date"))]
    ends = [day for row in ad.rows if (day := cell_date(row, "ad_end_date"))]
    return AdRecord(
        channel="meta",
        external_id=ad.external_id,
        brand_name=ad.brand,
        scanned_on=scanned_on,
        versions=tuple(dict.fromkeys(map(_version, ad.rows))),
        page_id=cell(first, "facebook_page_id") or None,
        page_name=cell(first, "facebook_page_name") or None,
        library_url=without_tracking(cell(first, "ad_library_url")),
        first_seen=min(seen),
        last_seen=max(seen),
        run_start=min(starts, default=None),
        run_end=max(ends, default=None),
        countries=_countries(cell(first, "target_country")),
        media=_media(ad.rows, source.today),
        attributes=_attributes(first),
        raw=ad.raw,
        lines=ad.lines,
    )


def _version(row: Row) -> AdVersion:
    """The row's own version where the file has versions, else the ad's one text."""
    prefix = "version" if cell(row, "version_index") else "ad"
    said = cut_ui_text(cell(row, f"{prefix}_primary_text"))
    description = cell(row, f"{prefix}_description")
    cta = normalise_cta(cell(row, f"{prefix}_cta_label")) or said.cta
    if is_known_cta(description):  # the scraper took the button for the description
        description, cta = "", cta or normalise_cta(description)
    platforms = "version_platforms_distribution" if prefix == "version" else "ad_distribution_platforms"
    return AdVersion(
        copy=said.copy,
        title=said.title,
        description=description,
        cta=cta,
        landing_url=without_tracking(cell(row, f"{prefix}_destination_url")),
        format=_format(cell(row, "ad_media_type")),
        platforms=_platforms(cell(row, platforms)),
        version_key=cell(row, "version_id"),
    )


def _format(media_type: str) -> AdFormat:
    try:
        return AdFormat(media_type.lower())
    except ValueError:
        return AdFormat.UNKNOWN


def _platforms(names: str) -> tuple[str, ...]:
    """ "Facebook, Audience Network" → ("audience_network", "facebook"); a mere count ("5 platforms") names none."""
    if _platform_count(names) is not None:
        return ()
    return tuple(sorted({"_".join(name.lower().split()) for name in names.split(",") if name.strip()}))


def _platform_count(names: str) -> int | None:
    number, _, word = names.partition(" ")
    return int(number) if number.isdecimal() and word in {"platform", "platforms"} else None


def _countries(target: str) -> tuple[str, ...]:
    """The country aimed at; "ALL" names none."""
    return (target.upper(),) if len(target) == _COUNTRY_CODE_LETTERS and target.isalpha() else ()


def _attributes(row: Row) -> dict[str, str | int | bool]:
    count = _platform_count(cell(row, "ad_distribution_platforms"))
    low = {"true": True, "false": False}.get(cell(row, "has_low_impression_warning").lower())
    found = {
        "platform_count": count,
        "low_impressions": low,
        "aspect_ratio": cell(row, "creative_aspect_ratio") or None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _media(rows: list[Row], today: date | None) -> tuple[MediaRef, ...]:
    """Each distinct file once: the signature in its link's query changes from row to row."""
    media: dict[tuple[MediaRole, str], MediaRef] = {}
    for row in rows:
        video, picture = cell(row, _VIDEO), cell(row, _PICTURE)
        picture_role = MediaRole.POSTER if video else MediaRole.IMAGE
        for role, url in ((MediaRole.VIDEO, video), (picture_role, picture)):
            if is_https(url):
                media.setdefault((role, url.partition("?")[0]), _medium(row, role, url, today))
    return tuple(media.values())


def _medium(row: Row, role: MediaRole, url: str, today: date | None) -> MediaRef:
    index = cell(row, "creative_index_in_ad")
    position = int(index) if index.isdecimal() else 0
    expiry = signed_expiry(url) or _expiry_column(row)
    if today and expiry and expiry < today:
        reason = f"the link expired on {expiry.isoformat()}"
        return MediaRef(role, url, position=position, problem=MediaStatus.EXPIRED_URL, reason=reason)
    return MediaRef(role, url, position=position)


def _expiry_column(row: Row) -> date | None:
    try:
        return datetime.fromisoformat(cell(row, _EXPIRY)).astimezone(UTC).date()
    except ValueError:
        return None
