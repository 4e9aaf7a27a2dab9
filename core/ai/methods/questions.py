"""The questions of a taxonomy as they are put to a model, and its answers in the taxonomy's own words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from core.ai.taxonomy import Dimension
from core.domain.label import UNKNOWN

_LONGEST_VALUE = 80


def question(name: str, dimension: Dimension) -> str:
    answers = "One value" if dimension.cardinality == "single" else "Any number"
    about = " About the opening." if dimension.reads == "opening" else ""
    values = "\n".join(f"- {value}: {_meaning(value, dimension)}" for value in dimension.answers)
    return f"## {name}\n{dimension.definition}{about} {answers}.\n{values}"


def answer_schema(dimension: Dimension, more: Mapping[str, Any]) -> dict[str, Any]:
    """A value of the dimension's list with ``more`` properties; an array of them where there may be several."""
    values = {"type": "string", "enum": [*dimension.answers, UNKNOWN]}
    claim = strict_object({"value": values, **more})
    return claim if dimension.cardinality == "single" else {"type": "array", "items": claim}


def strict_object(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Strict: every property is required, others aren't allowed."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def harmonised(dimension: Dimension, written: object) -> str | None:
    """The taxonomy's value for what a model wrote; None for what is none of them."""
    if not isinstance(written, str):
        return None
    if written in dimension.allowed:
        return written
    words = " ".join(written[:_LONGEST_VALUE].casefold().replace("_", " ").replace("-", " ").split())
    value = words.replace(" ", "_")
    return value if value in dimension.allowed else dimension.declared.get(words)


def _meaning(value: str, dimension: Dimension) -> str:
    known = dimension.values.get(value)
    if known is None:
        return "none of the others"
    examples = "; ".join(json.dumps(each, ensure_ascii=False) for each in known.shown_examples)
    not_this = "; ".join(known.not_this)
    return " ".join(
        [known.definition, *([f"For example {examples}."] * bool(examples)), *([f"Not: {not_this}."] * bool(not_this))]
    )
