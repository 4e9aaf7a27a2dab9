"""The buttons of ads, each in one spelling."""

from __future__ import annotations

import re

_BUTTONS = (
    "Apply now", "Book now", "Buy now", "Buy tickets", "Call now", "Contact us", "Donate now", "Download",
    "Get access", "Get directions", "Get offer", "Get quote", "Get showtimes", "Get started", "Install now",
    "Learn more", "Listen now", "Order now", "Play game", "Read more", "See details", "See menu", "See more",
    "Send message", "Shop now", "Sign up", "Start order", "Subscribe", "Try it", "Use app", "View event",
    "Watch more", "Watch video",
)  # fmt: skip
_OTHER_SPELLINGS = {
    "Install": "Install now",
    "더 알아보기": "Learn more",
    "자세히 보기": "See details",
    "가입하기": "Sign up",
    "구독": "Subscribe",
    "구독하기": "Subscribe",
    "다운로드": "Download",
    "지금 설치하기": "Install now",
}
_CANONICAL = {button.casefold(): button for button in _BUTTONS} | {
    spelling.casefold(): button for spelling, button in _OTHER_SPELLINGS.items()
}
# As a page shows them: a capital at the start or in every word, never a lower-case word in the middle of a sentence.
_AS_SHOWN = sorted({shown for b in (*_BUTTONS, *_OTHER_SPELLINGS) for shown in (b, b.title())}, key=len, reverse=True)
_AT_END = re.compile(r"(?:^|\s)(?P<button>" + "|".join(map(re.escape, _AS_SHOWN)) + r")\s*$")
_DOMAIN = re.compile(r"\S+\.[^\W\d_]{2,}(?:/\S*)?|\S*://\S*")
_MAX_CHARACTERS = 30  # the longest button of an ad library is 22 characters


def normalise_cta(label: str) -> str:
    """One spelling per button ("Install Now" → "Install now"); "" for what is no button, such as a domain."""
    label = " ".join(label.split())
    if known := _CANONICAL.get(label.casefold()):
        return known
    is_button = len(label) <= _MAX_CHARACTERS and any(map(str.isalpha, label)) and not _DOMAIN.search(label)
    return label[:1].upper() + label[1:].lower() if is_button else ""


def is_known_cta(label: str) -> bool:
    """Whether the label is a button of an ad library, in any spelling."""
    return " ".join(label.split()).casefold() in _CANONICAL


def split_button(text: str) -> tuple[str, str]:
    """The text before a known button at its end, and that button in its one spelling ("" where there is none)."""
    found = _AT_END.search(text)
    if not found:
        return text, ""
    return text[: found.start()], normalise_cta(found["button"])


def split_cut_off_button(text: str) -> str:
    """The text without a button that a source cut off within a word ("… Learn M", "… Le").

    Whole words and single letters stay: they may be the ad's.
    """
    for words in (2, 1):
        head, *tail = text.rsplit(" ", words)
        if len(tail) == words and _is_cut_off_button(" ".join(tail)):
            return head
    return text


def _is_cut_off_button(fragment: str) -> bool:
    return len(fragment) > 1 and any(
        shown.startswith(fragment) and shown[len(fragment) : len(fragment) + 1].isalpha()
        for shown in _AS_SHOWN
        if shown.isascii()
    )
