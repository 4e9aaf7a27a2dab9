"""Whom we watch, and what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from app.formatting import CHANNELS, counted, words
from core.insights.voice import ShareOfVoice
from core.queries.overview import BrandOverview


@dataclass(frozen=True, slots=True)
class BrandRow:
    """One brand of the table. ``new`` … ``not_seen`` are None before the first scan.

    ``role`` in the brandspace, "" where it has none; ``reading``: Analysed (asked for) or Tracked.
    """

    slug: str
    name: str
    role: str
    reading: str
    is_sample: bool
    sources: str
    ads: int
    active: int
    concepts: int
    active_concepts: int
    new: int | None
    changed: int | None
    not_seen: int
    last_scan_on: date | None
    first_scan: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """``news`` is a sentence in our own words and numbers."""

    brands: tuple[BrandRow, ...]
    ads: int
    active: int
    concepts: int
    active_concepts: int
    new: int
    changed: int
    last_scan_on: date | None
    has_sample: bool
    news: str


def make_overview(
    overviews: Sequence[BrandOverview],
    today: date,
    *,
    roles: Mapping[str, str] = {},
    states: Mapping[str, str] = {},
    concepts: Mapping[str, int] = {},
    active_concepts: Mapping[str, int] = {},
) -> Overview:
    """Brands by name; sums over all of them. What is given by slug is looked up there."""
    made = (
        replace(
            _row(item, roles.get(item.slug, ""), states.get(item.slug, "tracked")),
            concepts=concepts.get(item.slug, 0), active_concepts=active_concepts.get(item.slug, 0),
        )
        for item in overviews
    )  # fmt: skip
    rows = sorted(made, key=lambda row: row.name.casefold())
    newest = max((row.last_scan_on for row in rows if row.last_scan_on), default=None)
    totals = {name: sum(getattr(item, name) for item in overviews) for name in ("ads", "active", "new", "changed")}
    return Overview(
        brands=tuple(rows),
        **totals,
        concepts=sum(row.concepts for row in rows),
        active_concepts=sum(row.active_concepts for row in rows),
        last_scan_on=newest,
        has_sample=any(row.is_sample for row in rows),
        news=_news(rows, newest, today),
    )


def _row(item: BrandOverview, role: str, state: str) -> BrandRow:
    channels = sorted({news.channel for news in item.news})
    return BrandRow(
        slug=item.slug,
        name=item.display_name,
        role=words(role),
        reading=words(state),
        is_sample="sample" in channels,
        sources=", ".join(CHANNELS.get(channel, words(channel)) for channel in channels),
        ads=item.ads,
        active=item.active,
        concepts=0,
        active_concepts=0,
        new=item.new if item.news else None,
        changed=item.changed if item.news else None,
        not_seen=item.not_seen,
        last_scan_on=item.last_scan_on,
        first_scan=bool(item.news) and all(news.previous_scanned_on is None for news in item.news),
    )


def _news(rows: Sequence[BrandRow], newest: date | None, today: date) -> str:
    if newest is None:
        return "Nothing has been scanned yet."
    first = sum(row.first_scan for row in rows)
    days = (today - newest).days
    when = "today" if days <= 0 else f"{counted(days, 'day')} ago"
    text = f"The latest scan was {when}."
    if first:
        text += f" {counted(first, 'brand was', 'brands were')} scanned once so far: there every ad counts as new."
    return text


def concepts_by_brand(told: ShareOfVoice) -> dict[str, int]:
    """How many concepts each brand has."""
    return {voice.brand: voice.concepts for voice in told.brands}
