"""Labels by rules: what a regular expression of the taxonomy finds, with the quote and where it stands.

Confidence of a rule, a heuristic and no probability: 0.9 for one quote, 0.95 for several; times 0.85 when another
value of a single-valued dimension matched too; times 0.7 when the language isn't known and every rule was tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from core.ai.sentences import MAX_CHARACTERS, opening
from core.ai.taxonomy import ANY_LANGUAGE, Dimension, Value
from core.domain.label import UNKNOWN, Evidence

MAX_QUOTES = 3

_ONE_QUOTE, _SEVERAL_QUOTES, _CONTESTED, _LANGUAGE_UNKNOWN = 0.9, 0.95, 0.85, 0.7


@dataclass(frozen=True, slots=True)
class Finding:
    """A value a text shows, how sure, and the quotes that show it."""

    value: str
    confidence: float
    evidence: tuple[Evidence, ...] = ()


def findings(dimension: Dimension, text: str, language: str) -> list[Finding]:
    """What the rules of one dimension find; at most one for a single-valued dimension, none when no rule matches."""
    start, end = opening(text) if dimension.reads == "opening" else (0, min(len(text), MAX_CHARACTERS))
    part = text[start:end]
    matched = list(_claims(dimension, part, start, language))
    if dimension.cardinality == "multi":
        return [_finding(value, quotes, language) for value, quotes in matched]
    return [_finding(*matched[0], language, contested=len(matched) > 1)] if matched else []


def _claims(dimension: Dimension, part: str, offset: int, language: str) -> Iterator[tuple[str, list[Evidence]]]:
    """Values in the order of the file with their quotes; a span already claimed by an earlier value doesn't count."""
    claimed: list[tuple[int, int]] = []
    for name, value in dimension.values.items():
        spans: list[tuple[int, int]] = []
        for span in sorted(_spans(value, part, language), key=_longest_first):
            if not _overlaps(span, claimed) and not _overlaps(span, spans):
                spans.append(span)
        if spans:
            claimed.extend(spans)
            chosen = sorted(spans)[:MAX_QUOTES]
            yield name, [Evidence(part[start:end], offset + start, offset + end) for start, end in chosen]


def _spans(value: Value, part: str, language: str) -> list[tuple[int, int]]:
    codes: Iterable[str] = value.rules if language == UNKNOWN else (ANY_LANGUAGE, language)
    return [match.span() for code in codes if code in value.rules for match in value.rules[code].finditer(part)]


def _longest_first(span: tuple[int, int]) -> tuple[int, int]:
    return span[0] - span[1], span[0]


def _overlaps(span: tuple[int, int], claimed: list[tuple[int, int]]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in claimed)


def _finding(value: str, quotes: list[Evidence], language: str, *, contested: bool = False) -> Finding:
    distinct = len({quote.quote.casefold() for quote in quotes})
    confidence = _SEVERAL_QUOTES if distinct > 1 else _ONE_QUOTE
    confidence *= _CONTESTED if contested else 1.0
    confidence *= _LANGUAGE_UNKNOWN if language == UNKNOWN else 1.0
    return Finding(value, round(confidence, 3), tuple(quotes))
