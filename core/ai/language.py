"""The language of a text: by script where the script tells, by n-grams else; an honest ``unknown`` where neither does.

The detector is *lingua* in its low-accuracy mode (about 30 MB; the full one needs 330 MB) over more languages than we
expect: with few to choose from it is sure of the wrong one for those it doesn't know.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from core.domain.label import UNKNOWN

if TYPE_CHECKING:
    from lingua import LanguageDetector

CERTAIN_ENOUGH = 0.8
_CHARACTERS_READ = 400
_LEAST_LETTERS = 6
_LEAST_WORDS = 2
_DENSE_SCRIPT_WEIGHT = 2.5  # a Hangul, Kana or Han sign says about as much as this many letters
_MIXED_SHARE = 0.35

_NOISE = re.compile(
    r"(?:https?://|www\.)\S{1,500}|\S{1,100}@\S{1,100}|[#@][^\s#@]{1,100}|\b[\w-]{1,60}(?:\.[\w-]{1,30}){0,3}"
    r"\.(?:com|net|org|io|app|co|me|ai|kr|jp|in|de|fr|es|br|uk|shop|store)\b\S{0,200}",
    re.IGNORECASE,
)
_NOT_LETTERS = re.compile(r"(?:(?![\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0d7f\u0e00-\u0e7f'’])[\W\d_])+")
_SCRIPTS = {
    "hangul": re.compile(r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"),
    "kana": re.compile(r"[\u3041-\u30ff]"),
    "han": re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]"),
    "latin": re.compile(r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
    "cyrillic": re.compile(r"[\u0400-\u04ff]"),
    "arabic": re.compile(r"[\u0620-\u06ff]"),
    "devanagari": re.compile(r"[\u0900-\u097f]"),
    "he": re.compile(r"[\u05d0-\u05ea]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "bn": re.compile(r"[\u0980-\u09ff]"),
    "pa": re.compile(r"[\u0a00-\u0a7f]"),
    "gu": re.compile(r"[\u0a80-\u0aff]"),
    "ta": re.compile(r"[\u0b80-\u0bff]"),
    "te": re.compile(r"[\u0c00-\u0c7f]"),
    "kn": re.compile(r"[\u0c80-\u0cff]"),
    "ml": re.compile(r"[\u0d00-\u0d7f]"),
}
_DETECTED_SCRIPTS = {
    "latin": "en de es fr pt it nl pl tr id vi sv da nb fi cs ro hu ca tl ms sk hr sw af",
    "cyrillic": "ru uk bg sr",
    "arabic": "ar fa ur",
    "devanagari": "hi mr",
}
# Hindi in Latin letters: the detector has no such language and would call it English. Words that are common there
# and rare in the European languages above.
_ROMANISED_HINDI_WORDS = (
    "sirf karo karein karna kariye aur hain nahi nahin kya kyun saath seekho sikho seekhein sikhein bolo bolna rozana "
    "liye kaise apna apni apne bhi bina kuch sabse abhi aapka aapke aapki hoga hogi jao banao chahiye wala wali mein "
    "paisa paise roz ghar aasan asaan kare karke milega payein paayein"
)
_ROMANISED_HINDI = frozenset(_ROMANISED_HINDI_WORDS.split())


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """ISO 639-1 code or ``unknown``, with the confidence in the best guess, in [0, 1]."""

    code: str
    confidence: float


def detect_language(text: str) -> LanguageGuess:
    """Judge the first 400 characters without links, hashtags, numbers and emoji. Never raises; any text will do."""
    letters = _letters_of(text)
    weights = {script: _weight(script, letters) for script in _SCRIPTS}
    total = sum(weights.values())
    if not total:
        return LanguageGuess(UNKNOWN, 0.0)
    weights["han"] += weights.pop("kana")  # Japanese is written in both
    script = max(weights, key=lambda name: weights[name])
    share = weights[script] / total
    if 1 - share > _MIXED_SHARE:
        return LanguageGuess(UNKNOWN, round(share * 0.5, 3))
    return _within_script(script, letters, share)


def script_of_letter(letter: str) -> str:
    """The script of one letter ("latin", "hangul" …); ``unknown`` of one that no language here is written in."""
    return next((script for script, letters in _SCRIPTS.items() if letters.match(letter)), UNKNOWN)


def _letters_of(text: str) -> str:
    """Letters and single spaces only; styled letters (𝗯𝗼𝗹𝗱) become plain ones."""
    plain = unicodedata.normalize("NFKC", text[: 2 * _CHARACTERS_READ])
    return _NOT_LETTERS.sub(" ", _NOISE.sub(" ", plain)[:_CHARACTERS_READ]).strip()


def _weight(script: str, letters: str) -> float:
    count = len(_SCRIPTS[script].findall(letters))
    return count * (_DENSE_SCRIPT_WEIGHT if script in ("hangul", "kana", "han") else 1.0)


def _within_script(script: str, letters: str, share: float) -> LanguageGuess:
    if script == "hangul":
        return LanguageGuess("ko", round(share, 3))
    if script == "han":
        return _japanese_or_chinese(letters, share)
    if script in _DETECTED_SCRIPTS:
        return _by_n_grams(script, letters, share)
    return LanguageGuess(script, round(share, 3))


def _japanese_or_chinese(letters: str, share: float) -> LanguageGuess:
    if _SCRIPTS["kana"].search(letters):
        return LanguageGuess("ja", round(share, 3))
    if len(_SCRIPTS["han"].findall(letters)) < _LEAST_LETTERS:  # a Japanese headline may have no kana
        return LanguageGuess(UNKNOWN, 0.5)
    return LanguageGuess("zh", round(share * 0.9, 3))


def _by_n_grams(script: str, letters: str, share: float) -> LanguageGuess:
    words = letters.lower().split()
    if len(words) < _LEAST_WORDS or len(letters) < _LEAST_LETTERS:
        return LanguageGuess(UNKNOWN, 0.0)
    if script == "latin" and len(_ROMANISED_HINDI.intersection(words)) >= 2:  # noqa: PLR2004 two words are no chance
        return LanguageGuess(UNKNOWN, 0.3)
    own_letters = "".join(c if c == " " or not c.isalpha() or _SCRIPTS[script].match(c) else " " for c in letters)
    best = _detector(script).compute_language_confidence_values(own_letters)[0]
    confidence = round(best.value * share, 3)
    if best.value < CERTAIN_ENOUGH:
        return LanguageGuess(UNKNOWN, confidence)
    return LanguageGuess(best.language.iso_code_639_1.name.lower(), confidence)


@cache
def _detector(script: str) -> LanguageDetector:
    """Loaded when the first text of the script comes."""
    from lingua import IsoCode639_1, Language, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in _DETECTED_SCRIPTS[script].split()]
    languages = [Language.from_iso_code_639_1(code) for code in codes]
    return LanguageDetectorBuilder.from_languages(*languages).with_low_accuracy_mode().build()
