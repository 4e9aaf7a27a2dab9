"""One ad with its labels and the words they rest on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Any

from app.formatting import counted, day, value_name, words
from app.view_models.ad_cards import Badge, media_problem, source_badges, status_badge
from core.queries.ad_detail import AdDetail, Correction, LabelDetail, MediaDetail, VersionDetail
from core.queries.filters import UNKNOWN_VALUE


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line; ``marked`` where a label quotes it."""

    text: str
    marked: bool


Lines = tuple[tuple[Segment, ...], ...]


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label as people read it. ``quotes`` are data; ``lines`` is the whole text with the quotes marked.

    ``confidence`` is the method's; a person's correction has none.
    """

    dimension: str
    value: str
    is_known: bool
    confidence: float | None
    quotes: tuple[str, ...]
    lines: Lines
    made_by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored picture, or what became of the medium."""

    sha256: str | None
    role: str
    problem: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Detail:
    """``facts`` are (our name, data), ``attributes`` are data in name and value.

    ``lines`` is the text of the current version with every quote marked.
    """

    brand_name: str
    title: str
    badges: tuple[Badge, ...]
    lines: Lines
    labels: tuple[LabelRow, ...]
    has_text: bool
    is_read: bool
    pictures: tuple[Picture, ...]
    facts: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    scans: tuple[tuple[str, bool], ...]
    library_url: str | None


def make_detail(ad: AdDetail) -> Detail:
    """From a query's answer."""
    current = next(version for version in ad.versions if version.is_current)
    corrected = {correction.dimension for correction in current.corrections}
    evidence = [quote for label in current.labels if label.dimension not in corrected for quote in label.evidence]
    return Detail(
        brand_name=ad.brand_name,
        title=current.title,
        badges=(status_badge(ad.status), *source_badges(ad.channel, ad.scope), Badge(words(ad.format))),
        lines=mark(current.text, evidence),
        labels=tuple(_labels(current)),
        has_text=bool(current.text),
        is_read=current.labelled_with is not None,
        pictures=_pictures(ad),
        facts=tuple((name, value) for name, value in _facts(ad, current) if value),
        attributes=tuple((words(name), _plain(value)) for name, value in sorted(ad.attributes.items())),
        versions=tuple((_version_dates(version), version.text) for version in ad.versions if not version.is_current),
        scans=tuple((day(scan.scanned_on), bool(scan.version_ids)) for scan in ad.sightings),
        library_url=ad.library_url if (ad.library_url or "").startswith("https://") else None,
    )


def mark(text: str, evidence: Iterable[Mapping[str, Any]]) -> Lines:
    """The text by lines, each cut into marked and other segments. A quote that isn't there marks nothing."""
    marked = [False] * len(text)
    for quote in evidence:
        start, end = int(quote["start"]), int(quote["end"])
        if 0 <= start < end <= len(text) and text[start:end] == quote["quote"]:
            marked[start:end] = [True] * (end - start)
    lines, begin = [], 0
    for line in text.split("\n"):
        pieces = groupby(zip(line, marked[begin : begin + len(line)], strict=True), key=itemgetter(1))
        lines.append(tuple(Segment("".join(letter for letter, _ in piece), flag) for flag, piece in pieces))
        begin += len(line) + 1
    return tuple(lines)


def _labels(version: VersionDetail) -> Iterable[LabelRow]:
    """As the organisation sees them: a correction stands in the place of what the machine says."""
    corrections = {correction.dimension: correction for correction in version.corrections}
    rows = [_label(label, version.text) for label in version.labels if label.dimension not in corrections]
    rows += [row for correction in corrections.values() for row in _corrected(correction, version)]
    return sorted(rows, key=lambda row: row.dimension)  # stable: the surer value of a dimension stays first


def _corrected(correction: Correction, version: VersionDetail) -> Iterable[LabelRow]:
    machine = [label.value for label in version.labels if label.dimension == correction.dimension]
    said = ", ".join(value_name(correction.dimension, value) for value in machine) or "Not read yet"
    made_by = (
        ("Corrected by", correction.corrected_by_email or correction.corrected_by),
        ("Corrected", f"{correction.corrected_at:%Y-%m-%d %H:%M} UTC"),
        ("The machine says", said),
    )
    for value in correction.values:
        yield LabelRow(
            dimension=words(correction.dimension),
            value=value_name(correction.dimension, value),
            is_known=value != UNKNOWN_VALUE,
            confidence=None,
            quotes=(),
            lines=mark(version.text, ()),
            made_by=made_by,
        )


def _label(label: LabelDetail, text: str) -> LabelRow:
    return LabelRow(
        dimension=words(label.dimension),
        value=value_name(label.dimension, label.value),
        is_known=label.outcome == "ok" and label.value != UNKNOWN_VALUE,
        confidence=label.confidence,
        quotes=tuple(str(quote["quote"]) for quote in label.evidence),
        lines=mark(text, label.evidence),
        made_by=tuple(_made_by(label)),
    )


def _made_by(label: LabelDetail) -> Iterable[tuple[str, str]]:
    made = label.provenance
    yield "Read from", label.modality
    yield "Outcome", label.outcome
    yield "Method", f"{made.get('method', '')} {made.get('method_version', '')}".strip()
    yield "Model", str(made.get("model", ""))
    yield "Taxonomy", str(made.get("taxonomy_version", ""))
    yield "Cost", f"${label.cost_usd:.4f}" if label.cost_usd else "none (local)"
    yield "Made", f"{label.created_at:%Y-%m-%d %H:%M} UTC"


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
