"""Values as text for people. Pure.

Ad copy, brand names, reasons: everything that comes from outside goes through ``escape`` before it stands in Markdown,
through ``escape_chart`` before it stands in a chart.
"""

from __future__ import annotations

import html
import re
import unicodedata
from datetime import date, datetime, timedelta

from core.domain.label import is_visual

_JOINER = "\u2060"  # word joiner: takes no room and is no character that Markdown looks for
_PUNCTUATION = re.compile(r"[!-/:-@\[-`{-~]")
# What Streamlit's Markdown still replaces in text whose punctuation is escaped: addresses become links, :names: become
# emoji or icons, and arrows and comparisons become symbols. A joiner inside keeps each as it was written.
_SYMBOLS = re.compile(r"(?<!\S)(<->|->|<-|--|>=|<=|~=)(?!\S)")
_LATE = re.compile(r"(?<=:)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")

LANGUAGES = {
    "ar": "Arabic", "bn": "Bengali", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "hi": "Hindi",
    "id": "Indonesian", "it": "Italian", "ja": "Japanese", "ko": "Korean", "nl": "Dutch", "pl": "Polish",
    "pt": "Portuguese", "ru": "Russian", "ta": "Tamil", "te": "Telugu", "th": "Thai", "tr": "Turkish",
    "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
NOTHING = "–"  # in a table's cell: there is no such figure, or nobody knows it
_JUST_NOW = 10  # seconds
_SPELLED = {"cta": "call to action", "usp": "selling point"}
CHANNELS = {"sample": "Sample data", "meta": "Meta", "google": "Google", "customer": "Customer data"}
MEDIA_STATUSES = {
    "ok": "Stored",
    "none_declared": "No creative",
    "removed": "Creative removed",
    "age_restricted": "Age-restricted",
    "expired_url": "Link expired",
    "blocked": "Address blocked",
    "too_large": "File too large",
    "unreadable": "Unreadable file",
    "fetch_error": "Not fetched",
    "not_attempted": "Not fetched yet",
}
STATUSES = {"active": "Active", "stopped": "Stopped", "not_seen": "Not seen"}


def escape(text: str) -> str:
    """Markdown that shows ``text`` as it is: no links, images, HTML, formulas, directives, icons, emoji or lists.

    Line breaks are kept; white space at the start of lines and control characters are not.
    """
    text = _CONTROLS.sub(" ", _LINE_ENDS.sub("\n", text))
    lines = (_escape_line(line.strip()) for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n").replace("\n", "  \n")


def _escape_line(line: str) -> str:
    line = _SYMBOLS.sub(lambda found: found[0][0] + _JOINER + found[0][1:], line)
    return _PUNCTUATION.sub(r"\\\g<0>", _LATE.sub(_JOINER, line))


def escape_part(text: str) -> str:
    """``escape`` for a piece of a line: its white space stays."""
    return _escape_line(_CONTROLS.sub(" ", _LINE_ENDS.sub(" ", text).replace("\n", " ")))


def one_line(text: str) -> str:
    """``escape`` for labels: white space of any kind becomes one space."""
    return escape(" ".join(text.split()))


def escape_chart(text: str) -> str:
    """Text for a chart, whose labels know some HTML; on one line."""
    return html.escape(" ".join(_CONTROLS.sub(" ", text).split()), quote=False)


def shorten(text: str, width: int) -> str:
    """At most ``width`` characters, cut between words where there are some, never within a combined character."""
    if len(text) <= width:
        return text
    end = width - 1
    while end > 0 and (unicodedata.combining(text[end]) or text[end] == "\u200d" or text[end - 1] == "\u200d"):
        end -= 1
    kept = text[:end]
    space = kept.rfind(" ")
    return (kept[:space] if space > width * 2 // 3 else kept).rstrip() + "…"


def number(value: int) -> str:
    """1,234."""
    return f"{value:,}"


def usd(amount: float) -> str:
    """ "12.34 USD"; below 1, "0.0123 USD"."""
    return f"{amount:,.2f} USD" if amount >= 1 or not amount else f"{amount:.4f} USD"


def counted(value: int, noun: str, plural: str | None = None) -> str:
    """ "1 ad", "1,234 ads"."""
    return f"{number(value)} {noun if value == 1 else plural or noun + 's'}"


def percent(share: float) -> str:
    """A share in [0, 1] as whole percents; a share that isn't zero is never shown as 0 %."""
    rounded = f"{share:.0%}".replace("%", " %")
    return "<1 %" if share > 0 and rounded == "0 %" else rounded


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign: "+24", "−3", "0"."""
    rounded = round(100 * difference)
    return f"+{rounded}" if rounded > 0 else str(rounded).replace("-", "−")


def day(value: date | None) -> str:
    """ "7 Mar 2026", or a dash."""
    return f"{value.day} {value:%b %Y}" if value else "–"


def ago(then: datetime, now: datetime) -> str:
    """ "just now", "5 min ago", "3 h ago", "2 days ago"."""
    seconds = max(0.0, (now - then).total_seconds())
    return "just now" if seconds < _JUST_NOW else f"{duration(seconds)} ago"


def duration(seconds: float) -> str:
    """ "12 s", "5 min", "3 h", "2 days"."""
    for limit, size, unit in ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds // size)} {unit}"
    return counted(timedelta(seconds=seconds).days, "day")


def words(identifier: str) -> str:
    """ "free_trial" → "Free trial"."""
    text = _SPELLED.get(identifier, identifier).replace("_", " ").strip()
    return text[:1].upper() + text[1:]


def dimension_name(dimension: str) -> str:
    """ "offer" → "Offer", "visual_style" → "Picture: style": what is read in the picture says so, on every page."""
    return f"Picture: {words(dimension[7:]).lower()}" if is_visual(dimension) else words(dimension)


def value_name(name: str, value: str) -> str:
    """The name of a filter's or dimension's value for people."""
    if name in {"language", "languages"}:
        return LANGUAGES.get(value, words(value))
    known = {"channels": CHANNELS, "statuses": STATUSES, "media_statuses": MEDIA_STATUSES}.get(name)
    if known is None:
        return value if name in {"countries", "ctas", "brands"} and value != "unknown" else words(value)
    return known.get(value, words(value))
