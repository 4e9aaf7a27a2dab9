"""Cutting an ad library's own text out of scraped copy.

A scraped card reads: a header ("See ad details … <page> … Sponsored"), the copy, a player's clock ("0:00 / 0:47"),
the display address in capitals, the headline, the button. Header, clock, address and button are the page's;
the copy and the headline are the ad's, and nothing of them is cut. Where it can't be told, the text stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.sources.calls_to_action import split_button, split_cut_off_button

_HEADER = re.compile(
    r"^(?:\d+개에서 이 크리에이티브 및 문구를 사용합니다 드롭다운 열기[\s\u200b]*요약 세부 사항 보기|상세 정보 보기)"
    r"\s+.{1,80}?(?: 페이지는 .{1,60}?과\(와\) 함께합니다)?\s+광고(?:\s+|$)"
)
_NOT_COPY = re.compile(r"Started running on \d{1,2} \w+ \d{4}(?: · Total active time .{1,20})?")
_LOW_IMPRESSIONS = r"(?:노출수가 적음|Low impression count)"
_LEADING_LOW_IMPRESSIONS = re.compile(rf"^{_LOW_IMPRESSIONS}(?:\s+|$)")
_TRAILING_LOW_IMPRESSIONS = re.compile(rf"(?:^|\s+){_LOW_IMPRESSIONS}\s*$")

_CLOCK = re.compile(r"(?<!\S)0:00 / \d{1,2}:\d\d(?!\S)")
_CLOCK_CUT_OFF = re.compile(r"(?<!\S)0:(?:0|00|00 /|00 / \d{1,2}(?::\d?)?)?\s*$")
_ADDRESS = re.compile(r"(?<!\S)HTTPS?://[^\sa-z]+(?!\S)")
_DOMAIN = re.compile(r"(?<!\S)[A-Z0-9-]+(?:\.[A-Z0-9-]+)*\.[A-Z]{2,}(?!\S)")
_ADDRESS_CUT_OFF = re.compile(r"[A-Z][A-Z0-9.:/-]*")
_MAX_HEADLINE_CHARACTERS = 80  # between a bare domain within a line and the button that proves it a display address
_EDGES = " \t\r\n\u200b"


@dataclass(frozen=True, slots=True)
class AdText:
    """What the ad itself says. ``cta`` is in its one spelling, "" where the text shows no button."""

    copy: str
    title: str = ""
    cta: str = ""


def cut_ui_text(text: str, *, is_cut_off: bool = False) -> AdText:
    """Split a scraped card. ``is_cut_off`` says that the source stops texts at a fixed length and this is one."""
    text = _LEADING_LOW_IMPRESSIONS.sub("", _HEADER.sub("", text.strip(_EDGES)))
    if _NOT_COPY.fullmatch(text):
        return AdText("")
    boundary = _boundary(text, is_cut_off)
    if boundary is None:
        return _without_boundary(text, is_cut_off)
    return _with_headline(_tidy(text[:boundary]), text[boundary:], is_cut_off)


def _boundary(text: str, is_cut_off: bool) -> int | None:
    """Where the copy ends: at the first clock, address or display domain."""
    starts = [found.start() for pattern in (_CLOCK, _ADDRESS) if (found := pattern.search(text))]
    starts += [found.start() for found in _DOMAIN.finditer(text) if _is_display_domain(text, found, is_cut_off)]
    return min(starts, default=None)


def _is_display_domain(text: str, found: re.Match[str], is_cut_off: bool) -> bool:
    if "\n" in text:  # the card's lines are kept: the address has one of its own
        return text[: found.start()].endswith("\n") and text[found.end() :][:1] in {"", "\n"}
    rest = text[found.end() :]
    return len(rest) <= _MAX_HEADLINE_CHARACTERS and (is_cut_off or bool(split_button(rest)[1]))


def _with_headline(copy: str, card: str, is_cut_off: bool) -> AdText:
    for pattern in (_CLOCK, _ADDRESS, _DOMAIN):
        card = card.strip(_EDGES)
        if found := pattern.match(card):
            card = card[found.end() :]
    headline, cta = split_button(card.strip(_EDGES))
    if not cta and (is_cut_off or _ADDRESS_CUT_OFF.fullmatch(headline)):
        headline = ""  # half a headline or address is not what the ad says
    return AdText(copy, _tidy(headline), cta)


def _without_boundary(text: str, is_cut_off: bool) -> AdText:
    if is_cut_off and (found := _CLOCK_CUT_OFF.search(text)):
        return AdText(_tidy(text[: found.start()]))
    head, cta = split_button(text)
    if not cta and is_cut_off:
        head = split_cut_off_button(text)
    # A button in the language of who scraped, below a copy in the advertiser's, can't be part of the copy.
    return AdText(_tidy(head), cta=cta) if _is_mostly_another_script(head) else AdText(_tidy(text))


def _is_mostly_another_script(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return sum(not letter.isascii() for letter in letters) * 2 > len(letters)


def _tidy(text: str) -> str:
    return _TRAILING_LOW_IMPRESSIONS.sub("", text.strip(_EDGES)).strip(_EDGES)
