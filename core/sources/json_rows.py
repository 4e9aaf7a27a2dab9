"""A JSON array read element by element: a broken element is quarantined, those before and after it are kept."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator
from typing import Any

from core.domain.ad import Rejection
from core.sources.rows import Row, SourceFile, shorten
from core.sources.text_file import has_surrogates

_SEPARATORS = re.compile(r"[\s,]*")
_EXCERPT_CHARACTERS = 400
_MAX_LEVELS = 100  # of nesting: no store behind us takes more than 255
_MAX_ATTEMPTS = 10_000  # at finding a whole object after damage, per file: each costs time in the size of the file


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_number(digits)


_DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite)


def read_json_array(text: str, source: SourceFile, keys: Collection[str]) -> Iterator[Row | Rejection]:
    """Every object of the array. After damage, reading goes on at the next object that has all of ``keys``."""
    position, counter, attempts = text.index("[") + 1, _LineCounter(text), iter(range(_MAX_ATTEMPTS))
    while True:
        position = _end_of(_SEPARATORS, text, position)
        if position >= len(text):
            yield _rejection(
                source, counter.line(len(text)), "truncated_file", "the array is never closed; is it whole?", ""
            )
            return
        if text[position] == "]":
            return
        element, end = _decode(text, position)
        if not isinstance(element, Exception):
            yield _row(source, counter.line(position), element)
            position = end
            continue
        where = counter.line(getattr(element, "pos", position))
        yield _rejection(source, where, "bad_json", f"not JSON ({_cause(element)})", text[position:])
        following = _next_object(text, position + 1, keys, attempts)
        if following is None:
            if next(attempts, None) is None:
                yield _rejection(source, where, "too_damaged", "too damaged to read on; export the file again", "")
            return
        position = following


def _decode(text: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except (ValueError, RecursionError) as error:
        return error, position


def _cause(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)


def _next_object(text: str, position: int, keys: Collection[str], attempts: Iterator[int]) -> int | None:
    """Where the next whole object with all the keys begins; objects within the broken one have others."""
    for _ in attempts:
        position = text.find("{", position)
        if position < 0:
            return None
        element, _ = _decode(text, position)
        if isinstance(element, dict) and all(key in element for key in keys):
            return position
        position += 1
    return None


def _row(source: SourceFile, line: int, element: Any) -> Row | Rejection:
    if not isinstance(element, dict):
        return _rejection(source, line, "not_an_object", "the element is no object with named fields", repr(element))
    try:
        shown, values = json.dumps(element, ensure_ascii=False), _without_nul(element)
    except RecursionError:
        return _rejection(source, line, "bad_json", "not JSON (nested too deeply)", "")
    if has_surrogates(shown):
        return _rejection(source, line, "bad_encoding", "the element holds characters that are no Unicode text", shown)
    return Row(line, values)


def _without_nul(value: Any, levels: int = _MAX_LEVELS) -> Any:
    if not levels:
        raise RecursionError
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [_without_nul(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item, levels - 1) for key, item in value.items()}
    return value


def _rejection(source: SourceFile, line: int, code: str, reason: str, excerpt: str) -> Rejection:
    return Rejection(source.name, line, code, reason, shorten(excerpt[:_EXCERPT_CHARACTERS]))


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int:
    found = pattern.match(text, position)
    return found.end() if found else position


class _LineCounter:
    """Line numbers of growing positions, each stretch of the text counted once."""

    def __init__(self, text: str) -> None:
        self._text, self._position, self._line = text, 0, 1

    def line(self, position: int) -> int:
        if position < self._position:
            return self._text.count("\n", 0, position) + 1
        self._line += self._text.count("\n", self._position, position)
        self._position = position
        return self._line
