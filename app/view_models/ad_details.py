"""One ad with its labels and the words they rest on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from app.formatting import counted, day, words
from app.view_models.ad_cards import Badge, media_problem, source_badges, status_badge
from app.view_models.label_rows import DimensionRow, Lines, dimension_rows, mark
from core.ai.taxonomy import Taxonomy
from core.queries.ad_detail import AdDetail, MediaDetail, VersionDetail
from core.queries.labels_of_ad import CoverDetail

_UNREAD = {
    "script_not_covered": "Not read: a script that the reader doesn't cover",
    "noise": "Not read: nothing can be made out with confidence",
    "unreadable": "Not read",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture, or what became of the medium."""

    sha256: str | None
    role: str
    problem: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class OnScreen:
    """The text on the cover, which is data; or, in our words, why there is none."""

    text: str
    note: str


@dataclass(frozen=True, slots=True)
class Run:
    """When scans saw the ad, and when its source says that it ran; ``run_end`` is None for one that may go on."""

    first_seen: date
    last_seen: date
    run_start: date | None
    run_end: date | None
    status: str


@dataclass(frozen=True, slots=True)
class Detail:
    """``facts`` are (our name, data), ``attributes`` are data in name and value.

    ``lines`` is the text of the current version with every quote marked. ``words`` were read in it by ``models``,
    ``shown`` in the cover.
    """

    ad_id: str
    brand_name: str
    title: str
    badges: tuple[Badge, ...]
    lines: Lines
    words: tuple[DimensionRow, ...]
    shown: tuple[DimensionRow, ...]
    on_screen: OnScreen | None
    has_text: bool
    is_read: bool
    models: tuple[str, ...]
    pictures: tuple[Picture, ...]
    facts: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    run: Run
    scans: tuple[tuple[date, bool], ...]
    library_url: str | None


def make_detail(ad: AdDetail, taxonomy: Taxonomy) -> Detail:
    """From a query's answer."""
    current = next(version for version in ad.versions if version.is_current)
    corrected = {correction.dimension for correction in current.corrections}
    standing = [label for label in current.labels if label.dimension not in corrected]
    cover = ad.cover
    return Detail(
        ad_id=ad.ad_id,
        brand_name=ad.brand_name,
        title=current.title,
        badges=(status_badge(ad.status), *source_badges(ad.channel, ad.scope), Badge(words(ad.format))),
        lines=mark(current.text, [quote for label in standing for quote in label.evidence]),
        words=dimension_rows(current.labels, current.corrections, current.text, taxonomy),
        shown=dimension_rows(cover.labels, cover.corrections, cover.text, taxonomy) if cover else (),
        on_screen=_on_screen(cover) if cover else None,
        has_text=bool(current.text),
        is_read=current.labelled_with is not None,
        models=tuple(sorted({str(label.provenance.get("model", "")) for label in current.labels} - {""})),
        pictures=_pictures(ad),
        facts=tuple((name, value) for name, value in _facts(ad, current) if value),
        attributes=tuple((words(name), _plain(value)) for name, value in sorted(ad.attributes.items())),
        versions=tuple((_version_dates(version), version.text) for version in ad.versions if not version.is_current),
        run=Run(ad.first_seen, ad.last_seen, ad.run_start, ad.run_end, str(ad.status)),
        scans=tuple((scan.scanned_on, bool(scan.version_ids)) for scan in ad.sightings),
        library_url=ad.library_url if (ad.library_url or "").startswith("https://") else None,
    )


def _on_screen(cover: CoverDetail) -> OnScreen:
    if cover.status is None:
        return OnScreen("", "This picture waits to be read.")
    if cover.status == "ok":
        return OnScreen(cover.text, cover.reason or "")
    if cover.status == "no_text":
        return OnScreen("", "No text stands on this picture.")
    problem = _UNREAD.get(cover.status, words(cover.status))
    return OnScreen(cover.text, f"{problem}: {cover.reason}" if cover.reason else problem)


def _pictures(ad: AdDetail) -> tuple[Picture, ...]:
    shown = [medium for medium in ad.media if medium.role != "page_avatar"]
    pictures = [_picture(medium) for medium in shown]
    stored = [picture for picture in pictures if picture.sha256]
    return tuple(stored or pictures[:1]) or (Picture(None, "", media_problem(ad.media_status, ad.media_reason)),)


def _picture(medium: MediaDetail) -> Picture:
    is_picture = bool(medium.sha256) and (medium.content_type or "").startswith("image/")
    problem = None if is_picture else media_problem(medium.status, medium.reason)
    return Picture(medium.sha256 if is_picture else None, words(medium.role), problem)


def _facts(ad: AdDetail, current: VersionDetail) -> Iterable[tuple[str, str]]:
    days = (ad.last_seen - ad.first_seen).days + 1
    yield "Seen", f"{day(ad.first_seen)} – {day(ad.last_seen)}"
    yield "Days seen, which aren't days shown", counted(days, "day")
    yield "Run dates of the source", _run_dates(ad.run_start, ad.run_end)
    yield "Page", ad.page_name or ""
    yield "Button", current.cta
    yield "Landing domain", current.landing_domain or ""
    yield "Platforms", ", ".join(words(platform) for platform in current.platforms)
    yield "Countries", ", ".join(ad.countries)
    yield "Id in the library", ad.external_id


def _plain(value: object) -> str:
    """A value of a JSON document as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _run_dates(start: date | None, end: date | None) -> str:
    if start and end:
        return f"{day(start)} – {day(end)}"
    return f"since {day(start)}" if start else f"until {day(end)}" if end else ""


def _version_dates(version: VersionDetail) -> str:
    return f"{day(version.first_seen)} – {day(version.last_seen)}"
