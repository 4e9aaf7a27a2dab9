"""Reads the JSON a model wrote, as data: one object without repeated names, odd numbers or depths."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_LONGEST = 200_000  # characters; the longest answer asked for has 20,000
_FENCED = re.compile(r"^[^{}]{0,200}```(?:json)?\s*\n(.*)\n```\s*$", re.DOTALL)


class _NotAnAnswerError(ValueError):
    """Says what is wrong, in words of ours alone."""


def parsed(text: str) -> tuple[dict[str, Any], str]:
    """The object and "", or an empty one and what is wrong with the text. Never raises."""
    if len(text) > _LONGEST:
        return {}, f"it has more than {_LONGEST:,} characters"
    fenced = _FENCED.match(text.strip())
    try:
        value = json.loads(
            fenced[1] if fenced else text, object_pairs_hook=_without_repetition, parse_constant=_no_number
        )
    except _NotAnAnswerError as error:
        return {}, str(error)
    except (ValueError, RecursionError):
        return {}, "it is not JSON"
    return (value, "") if isinstance(value, dict) else ({}, "it is not a JSON object")


def words(value: object) -> str:
    """A text as it was written, "" for anything else."""
    return value if isinstance(value, str) else ""


def share(value: object) -> float | None:
    """A number from 0 to 1 (a rounding error beyond is forgiven), or None for anything else, 10⁴⁰⁰ and NaN too."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return min(max(float(value), 0.0), 1.0) if -_ROUNDING <= value <= 1 + _ROUNDING else None


_ROUNDING = 0.01


def _without_repetition(pairs: list[tuple[str, Any]]) -> Mapping[str, Any]:
    """A name given twice would be read one way here and another way elsewhere."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _NotAnAnswerError("a name stands twice in one object")
    return value


def _no_number(_: str) -> float:
    raise _NotAnAnswerError("it holds NaN or Infinity")
