"""What of a picture's found lines is text, and what is withheld, said why. Pure.

RapidOCR's model knows Latin letters, Chinese characters and kana. It doesn't know that there are others: Hangul comes
out as Chinese characters and Latin letters of middling confidence, and now and then of a high one ("TTTT", "CHC").
So a line counts by its confidence, its mixture of scripts and what the ad's copy lets expect, and a picture most of
whose lines don't read as text is trusted less as a whole.

Thresholds, from 1,187 lines of 290 pictures of Korean ads and 378 lines of 135 rendered pictures whose words are known:
- clean Latin text comes at 0.95 or more (374 of 378 rendered lines);
- what Hangul is taken for: 4 of 5 lines below 0.8, and of Chinese characters alone none with two of them at 0.95;
- at 0.95 and more on Korean pictures lines are names and figures, but for fragments: those without a vowel, of one or
  two letters, or of digits that are no date, price, percentage or year;
- Tesseract reads Korean words right nearly always at 0.9 (132 lines of 97 pictures looked at), below it guesses.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from core.ai.language import script_of_letter

Box = tuple[float, float, float, float]  # left, top, right, bottom in [0, 1]

SURE = 0.8  # of a line, where all languages of the ad are read
SURER = 0.95  # where one isn't, or none is known, or most of the picture doesn't read as text
_TESSERACT_SURE = 0.9
_LEAST_FOREIGN = 4  # letters of the second reader's script, not all of them single: else it saw them in a drawing
_LEAST_LETTERS = 3  # of a word that is kept in spite of a script that isn't read
_MOSTLY = 0.5

_READ = {"latin", "han", "kana"}
_LOOKS_LIKE_LATIN = {"cyrillic", "el"}  # "PECTOPAH" would be taken for a word
_ASIAN = {"han", "kana"}
_SCRIPT_OF = {
    "ko": "hangul", "ja": "kana", "zh": "han", "ru": "cyrillic", "uk": "cyrillic", "bg": "cyrillic", "sr": "cyrillic",
    "ar": "arabic", "fa": "arabic", "ur": "arabic", "hi": "devanagari", "mr": "devanagari",
    **{code: code for code in ("he", "el", "th", "bn", "pa", "gu", "ta", "te", "kn", "ml")},
}  # fmt: skip
_NAMES = {
    "ko": "Korean", "ru": "Russian", "uk": "Ukrainian", "bg": "Bulgarian", "sr": "Serbian", "el": "Greek",
    "ar": "Arabic", "fa": "Persian", "ur": "Urdu", "he": "Hebrew", "hi": "Hindi", "mr": "Marathi", "th": "Thai",
    "bn": "Bengali", "pa": "Punjabi", "gu": "Gujarati", "ta": "Tamil", "te": "Telugu", "kn": "Kannada",
    "ml": "Malayalam",
}  # fmt: skip
_TOKENS = re.compile(r"[^\W_]+")
_SYLLABLES_APART = re.compile(r"(?<!\S)[가-힣](?: [가-힣])+(?!\S)")
_WORDS_OF_ONE_SYLLABLE = frozenset(
    "이그저내네제너나난넌우안못더잘꼭딱단또왜참첫전총각매맨한두세셋넷둘열수것때번명개권화회편원년월일시분초주달중"
    "날집밤낮꿈말몸눈손돈물불술밥책옷차길문앞뒤옆위밑속밖곳등및할될갈올볼된온본큰새옛좀다"
)
_VOWEL = re.compile(r"[aeiouyà-æè-ïò-öø-ýœ]", re.IGNORECASE)
_FIGURE = re.compile(
    r"\d{1,3}%|\d{1,3}(,\d{3})+\+?|(19|20)\d\d|\d{1,2}/\d{1,2}|(\d\d){1,2}\.\d{1,2}\.\d{1,2}|\d{2,3} ?cm|\d\.\d\+?"
)


class ReadingStatus(StrEnum):
    """How the reading of a picture ended. Everything but OK has no text, and a reason."""

    OK = "ok"
    NO_TEXT = "no_text"
    SCRIPT_NOT_COVERED = "script_not_covered"
    NOISE = "noise"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Line:
    """A line as a reader found it. ``confidence`` is the reader's own, in [0, 1]."""

    text: str
    confidence: float
    box: Box
    reader: str = "rapidocr"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the ads that show a picture let expect of it: their languages (ISO 639-1) and their words, in lower case.

    ``also_read`` are languages whose script RapidOCR doesn't know and a second reader was asked for.
    """

    languages: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()
    also_read: frozenset[str] = frozenset()

    @property
    def foreign(self) -> frozenset[str]:
        """The languages whose script RapidOCR doesn't know."""
        return frozenset(code for code in self.languages if _script_of(code) not in _READ)

    @property
    def scripts(self) -> frozenset[str]:
        """The scripts of the languages."""
        return frozenset(map(_script_of, self.languages))


@dataclass(frozen=True, slots=True)
class OnScreenText:
    """What stands on a picture. ``text`` has the kept lines from top to bottom; ``confidence`` is their mean over
    characters; ``text_area`` the share of the picture under lines that are text, read or not."""

    status: ReadingStatus
    reason: str | None = None
    lines: tuple[Line, ...] = ()
    script: str | None = None
    text_area: float = 0.0

    @property
    def text(self) -> str:
        """The kept lines."""
        return "\n".join(line.text for line in self.lines)

    @property
    def confidence(self) -> float | None:
        """Of the text."""
        letters = sum(len(line.text) for line in self.lines)
        return sum(line.confidence * len(line.text) for line in self.lines) / letters if letters else None


@dataclass(frozen=True, slots=True)
class _Sorted:
    kept: list[Line] = field(default_factory=list)
    withheld: list[Line] = field(default_factory=list)

    @property
    def withheld_share(self) -> float:
        """Of all characters."""
        letters = [sum(len(line.text) for line in lines) for lines in (self.kept, self.withheld)]
        return letters[1] / max(sum(letters), 1)


def judge(lines: Iterable[Line], expected: Expected = Expected()) -> OnScreenText:
    """Keep what reads as text, withhold the rest."""
    found = [line for line in lines if line.text.strip()]
    first = [line for line in found if line.reader != "tesseract"]
    second = [line for line in found if line.reader == "tesseract" and _reads_foreign(line, expected)]
    is_doubtful = bool(expected.foreign) or not expected.languages
    by_first = _sort(first, expected, is_doubtful=is_doubtful)
    if not is_doubtful and by_first.withheld_share > _MOSTLY:
        is_doubtful, by_first = True, _sort(first, expected, is_doubtful=True)
    kept = [line for line in by_first.kept if not _is_within(line, second)] + second
    withheld = [line for line in by_first.withheld if not _is_within(line, second)]
    return _said(sorted(kept, key=lambda line: (line.box[1], line.box[0])), withheld, expected, is_doubtful=is_doubtful)


def join_syllables(line: str) -> str:
    """Korean that a reader took apart ("아 이 린 에게"), with its syllables together ("아이린 에게").

    Runs in which half of the syllables are words of their own ("둘 중 한") stay as they are; so do figures.
    """

    def _joined(run: re.Match[str]) -> str:
        syllables = run[0].split(" ")
        words = sum(each in _WORDS_OF_ONE_SYLLABLE for each in syllables)
        return run[0] if 2 * words >= len(syllables) else "".join(syllables)

    return _SYLLABLES_APART.sub(_joined, line)


def _sort(lines: Sequence[Line], expected: Expected, *, is_doubtful: bool) -> _Sorted:
    found = _Sorted()
    for line in lines:
        reads = _reads_in_doubt(line, expected) if is_doubtful else _reads(line, expected)
        (found.kept if reads else found.withheld).append(line)
    return found


def _reads(line: Line, expected: Expected) -> bool:
    """Where all that is expected is read."""
    scripts = _scripts(line.text)
    if sum(scripts.values()) + sum(letter.isdigit() for letter in line.text) < 2:  # noqa: PLR2004  a stroke, a bullet
        return False
    if not scripts.keys() <= _READ:
        return False
    if _ASIAN & scripts.keys() and not _ASIAN & expected.scripts:
        return line.confidence >= SURER and scripts.keys() <= _ASIAN and sum(scripts.values()) > 1
    return line.confidence >= SURE


def _reads_in_doubt(line: Line, expected: Expected) -> bool:
    """Where a script may stand on the picture that isn't read: a word or a figure that is no accident."""
    if _is_known(line, expected):
        return line.confidence >= SURE
    if line.confidence < SURER or _LOOKS_LIKE_LATIN & expected.scripts:
        return False
    scripts = _scripts(line.text)
    if scripts.keys() & _ASIAN:
        return scripts.keys() <= _ASIAN and sum(scripts.values()) > 1 and not expected.foreign
    words = [token for token in _TOKENS.findall(_FIGURE.sub(" ", line.text)) if len(token) > 1]
    if not words:
        return all(_FIGURE.fullmatch(figure) for figure in line.text.strip(" ()<>#+-").split("~"))
    return all(word.isalpha() for word in words) and any(
        len(word) >= _LEAST_LETTERS and _VOWEL.search(word) for word in words
    )


def _reads_foreign(line: Line, expected: Expected) -> bool:
    """Of the second reader only what the first can't read."""
    wanted = {_script_of(code) for code in expected.also_read & expected.languages}
    scripts = _scripts(line.text)
    own = sum(count for script, count in scripts.items() if script in wanted)
    if line.confidence < _TESSERACT_SURE or own < max(_LEAST_FOREIGN, _MOSTLY * sum(scripts.values())):
        return False
    if _is_known(replace(line, text=join_syllables(line.text)), expected):
        return True
    return any(
        len(word) > 1 and _scripts(word).keys() <= wanted for word in _TOKENS.findall(line.text) if word.isalpha()
    )


def _is_known(line: Line, expected: Expected) -> bool:
    """Whether all its words stand in the ad's copy, or are the brand's name."""
    words = _TOKENS.findall(line.text.casefold())
    return any(len(word) >= _LEAST_LETTERS for word in words) and expected.words.issuperset(words)


def _said(kept: Sequence[Line], withheld: Sequence[Line], expected: Expected, *, is_doubtful: bool) -> OnScreenText:
    counted = [line for line in [*kept, *(withheld if is_doubtful else ())] if line.reader != "tesseract"]
    area = min(sum((line.box[2] - line.box[0]) * (line.box[3] - line.box[1]) for line in counted), 1.0)
    if kept:
        scripts = _scripts("".join(line.text for line in kept))
        script = scripts.most_common(1)[0][0] if scripts else None
        reason = f"{_lines(len(withheld))} withheld: {_why(expected, is_doubtful=is_doubtful)}" if withheld else None
        closed = tuple(replace(line, text=join_syllables(line.text)) for line in kept)
        return OnScreenText(ReadingStatus.OK, reason, closed, script, area)
    if not withheld:
        return OnScreenText(ReadingStatus.NO_TEXT, "no text was found on it")
    unread = expected.foreign - expected.also_read
    status = ReadingStatus.SCRIPT_NOT_COVERED if unread else ReadingStatus.NOISE
    return OnScreenText(status, _why(expected, is_doubtful=is_doubtful), text_area=area)


def _why(expected: Expected, *, is_doubtful: bool) -> str:
    unread = expected.foreign - expected.also_read
    if unread:
        return f"the ad is in {_named(unread)}, a script that isn't read here"
    if expected.foreign:
        return f"the ad is in {_named(expected.foreign)}, and too little of it is sure"
    if not expected.languages:
        return "the ad's language isn't known, and what was found isn't sure enough"
    if is_doubtful:
        return "most of what was found doesn't read as text, perhaps a script that isn't read here"
    return "what was found doesn't read as text"


def _named(languages: Collection[str]) -> str:
    return " and ".join(sorted(_NAMES.get(code, code) for code in languages))


def _lines(count: int) -> str:
    return "1 other line" if count == 1 else f"{count} other lines"


def _is_within(line: Line, others: Iterable[Line]) -> bool:
    x, y = (line.box[0] + line.box[2]) / 2, (line.box[1] + line.box[3]) / 2
    return any(other.box[0] <= x <= other.box[2] and other.box[1] <= y <= other.box[3] for other in others)


def _scripts(text: str) -> Counter[str]:
    """How many letters of which script; figures and signs are of none."""
    return Counter(script_of_letter(letter) for letter in text if letter.isalpha())


def _script_of(language: str) -> str:
    return _SCRIPT_OF.get(language, "latin")
