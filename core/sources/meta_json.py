"""The JSON export of a Meta monitor: one element per ad, images beside it, scraped card text as copy."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from core.domain.ad import AdFormat, AdRecord, AdVersion, Rejection
from core.domain.brand import alias_key
from core.domain.media import MediaRef, MediaRole
from core.sources.json_rows import read_json_array
from core.sources.local_media import local_media
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

KEYS = ("libId", "competitor", "copy")
_ATTRIBUTES = ("category", "work_title", "genre", "gender", "ad_kind", "title_conf", "confidence")
_CUT_OFF_SHARE = 0.05  # of the texts end at the same greatest length: the source stops there


@dataclass(frozen=True, slots=True)
class _FileFacts:
    """What only the file as a whole tells."""

    aliases: Mapping[str, tuple[str, ...]]
    scan_days: Mapping[str, tuple[date, ...]]  # by brand, oldest first
    cut_at: int | None


def records(text: str, source: SourceFile) -> Iterator[AdRecord | Rejection]:
    """The ads of the file; rejected rows first."""
    rejected: list[Rejection] = []
    ads: dict[str, AdRows] = {}
    for row in split_rejections(read_json_array(text, source, KEYS), rejected):
        try:
            _check(row)
            add_row(ads, cell_id(row, "libId", digits_only=True), brand_of(source, row, "competitor"), row)
        except RowError as error:
            rejected.append(reject(source, row, error))
    yield from rejected
    facts = _file_facts(list(ads.values()), has_own_names=source.brand is None)
    for ad in ads.values():
        yield _record(source, ad, facts)


def _check(row: Row) -> None:
    if not any([cell_date(row, "last_seen"), cell_date(row, "first_seen")]):
        raise RowError("missing_date", "first_seen and last_seen are empty; write one as YYYY-MM-DD")


def _file_facts(ads: list[AdRows], *, has_own_names: bool) -> _FileFacts:
    aliases = _aliases(ads) if has_own_names else {}
    return _FileFacts(
        aliases, _scan_days(ads), _cut_at([str(row.values.get("copy") or "") for ad in ads for row in ad.rows])
    )


def _scan_days(ads: list[AdRows]) -> dict[str, tuple[date, ...]]:
    """The days on which the monitor looked: it keeps what it saw, so an ad's last day is that of the scan that saw it.

    Without any ``last_seen`` of a brand: its newest day.
    """
    last: dict[str, set[date]] = defaultdict(set)
    newest: dict[str, date] = {}
    for ad in ads:
        last[ad.brand] |= set(_days(ad, "last_seen"))
        newest[ad.brand] = max(filter(None, (newest.get(ad.brand), *_seen(ad))))
    return {brand: tuple(sorted(days)) or (newest[brand],) for brand, days in last.items()}


def _seen(ad: AdRows) -> list[date]:
    return _days(ad, "first_seen", "last_seen")


def _days(ad: AdRows, *columns: str) -> list[date]:
    days = (cell_date(row, column) for row in ad.rows for column in columns)
    return [day for day in days if day]


def _aliases(ads: list[AdRows]) -> dict[str, tuple[str, ...]]:
    """An advertiser is its competitor under another name if it runs most of its ads and none of another's.

    A page that runs a few of a brand's ads is a partner, whose name must not lead to the brand.
    """
    advertisers: dict[str, Counter[str]] = defaultdict(Counter)
    for ad in ads:
        advertisers[ad.brand][cell(ad.rows[0], "advertiser")] += 1
    employers = Counter(name for counts in advertisers.values() for name in counts)
    return {
        brand: tuple(
            name
            for name, ads_run in counts.items()
            if name and ads_run * 2 > counts.total() and employers[name] == 1 and alias_key(name) != alias_key(brand)
        )
        for brand, counts in advertisers.items()
    }


def _cut_at(texts: list[str]) -> int | None:
    """The length at which the source stops texts, None if it doesn't seem to."""
    lengths = Counter(map(len, texts))
    longest = max(lengths, default=0)
    return longest if lengths[longest] > max(2, _CUT_OFF_SHARE * len(texts)) else None


def _record(source: SourceFile, ad: AdRows, facts: _FileFacts) -> AdRecord:
    first = ad.rows[0]
    seen, days = _seen(ad), facts.scan_days[ad.brand]
    scanned_on = max(_days(ad, "last_seen"), default=days[-1])
    active = first.values.get("active")
    return AdRecord(
        channel="meta",
        external_id=ad.external_id,
        brand_name=ad.brand,
        brand_aliases=facts.aliases.get(ad.brand, ()),
        scanned_on=scanned_on,
        seen_before=tuple(day for day in days if min(seen) <= day < scanned_on),
        versions=tuple(dict.fromkeys(_version(row, facts) for row in ad.rows)),
        page_name=cell(first, "advertiser") or None,
        library_url=f"https://www.facebook.com/ads/library/?id={ad.external_id}",
        first_seen=min(seen) if cell(first, "first_seen") else None,
        last_seen=max(seen) if cell(first, "last_seen") else None,
        source_says_active=active if isinstance(active, bool) else None,
        media=tuple(dict.fromkeys(medium for row in ad.rows for medium in _media(source, row))),
        attributes={name: value for name in _ATTRIBUTES if (value := cell(first, name))},
        raw=ad.raw,
        lines=ad.lines,
    )


def _version(row: Row, facts: _FileFacts) -> AdVersion:
    text = str(row.values.get("copy") or "")
    said = cut_ui_text(text, is_cut_off=len(text) == facts.cut_at)
    return AdVersion(copy=said.copy, title=said.title, cta=said.cta, format=_format(row))


def _format(row: Row) -> AdFormat:
    if cell(row, "format") == "캐루셀":
        return AdFormat.CAROUSEL
    return {"video": AdFormat.VIDEO, "image": AdFormat.IMAGE}.get(cell(row, "type").lower(), AdFormat.UNKNOWN)


def _media(source: SourceFile, row: Row) -> list[MediaRef]:
    role = MediaRole.POSTER if cell(row, "type").lower() == "video" else MediaRole.IMAGE
    images: Any = row.values.get("images")
    listed = images if isinstance(images, list) else []
    names = [image["file"] for image in listed if isinstance(image, dict) and isinstance(image.get("file"), str)]
    return [local_media(source, name, role, position) for position, name in enumerate(names) if name.strip()]
