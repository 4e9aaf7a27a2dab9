"""One ad as a source gave it: the single shape every source maps to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from core.domain.media import MediaRef

RAW_COLLECTION = "raw_ads"  # of documents: the rows of a source, untouched
DESCRIPTION_COLLECTION = "ai_descriptions"  # of documents: what a model wrote; ids by ``description_id``


def description_id(brand_slug: str, content_id: str) -> str:
    """Of the document: brands that say the same show pictures of their own beside it."""
    return f"{brand_slug}:{content_id}"


class AdFormat(StrEnum):
    """Format as declared by the source."""

    IMAGE = "image"
    VIDEO = "video"
    CAROUSEL = "carousel"
    TEXT = "text"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AdVersion:
    """What an ad says. Several versions may run side by side (versions of a Meta ad).

    ``copy`` is the text without scraped UI text; the untouched text stays in ``AdRecord.raw``.
    """

    copy: str = ""
    title: str = ""
    description: str = ""
    cta: str = ""  # one spelling per call to action: "Install now"
    landing_url: str | None = None  # without tracking parameters
    format: AdFormat = AdFormat.UNKNOWN
    platforms: tuple[str, ...] = ()  # lower case, snake: "audience_network"; sorted
    version_key: str = ""  # the source's own id of the version, where it has one


@dataclass(frozen=True, slots=True)
class AdRecord:
    """One ad seen in one scan of one source for one brand.

    Identity is (scope, channel, account, external_id): ``account`` is empty where the channel's ids are
    global (Meta, Google), else the thing within which ids are unique (a customer's file).
    Dates are the source's; ``None`` means the source doesn't say, never a guess. Two attributes have a form of their
    own, because they are filtered by: ``spend`` is ``{"low", "high", "currency"}`` and ``impressions`` is
    ``{"low", "high"}``, numbers as the source gives them, without ``high`` where the range is open above.
    """

    channel: str  # "meta", "google", "customer", "sample"
    external_id: str
    brand_name: str  # as written by the source; resolved through aliases later
    scanned_on: date  # when this source looked, and saw it
    versions: tuple[AdVersion, ...]
    account: str = ""
    brand_aliases: tuple[str, ...] = ()
    page_id: str | None = None
    page_name: str | None = None
    library_url: str | None = None
    first_seen: date | None = None
    last_seen: date | None = None
    run_start: date | None = None
    run_end: date | None = None
    source_says_active: bool | None = None
    countries: tuple[str, ...] = ()
    media: tuple[MediaRef, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)  # small, source-specific, JSON
    raw: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = field(default_factory=dict)  # untouched rows
    lines: tuple[int, ...] = ()  # 1-based line or row numbers in the source file
    seen_before: tuple[date, ...] = ()  # earlier scans that saw it, where one file tells of several


@dataclass(frozen=True, slots=True)
class Rejection:
    """A row that was not stored, and why. ``line`` is 1-based; ``excerpt`` at most 200 characters."""

    file: str
    line: int | None
    code: str  # machine-readable: "ragged_row", "bad_json", "lost_digits", "missing_id" …
    reason: str  # for people: what is wrong and what to do
    excerpt: str = ""
