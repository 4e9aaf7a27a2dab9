"""Reading never raises, whatever JSON a model writes: numbers beyond all bounds, depths, halves of characters."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ai.methods.answers import parsed, share
from core.ai.methods.description import Describe
from core.ai.methods.labels import TextLabels, VisualLabels
from core.domain.label import Outcome
from tests.reading_ads import AD, LABELS, PROVENANCE, READING, VISUAL, said

GOOD: list[tuple[TextLabels | VisualLabels | Describe, Mapping[str, Any]]] = [
    (TextLabels(READING), LABELS),
    (VisualLabels(READING), VISUAL),
    (Describe(), {"description": "A shoe.", "attributes": [{"name": "mood", "value": "calm", "read_in": "text"}]}),
]
HOSTILE = [
    *("1" + "0" * 400, "-1" + "0" * 400, "1" * 4_300, "1" * 5_000, "1e999", "-1e999", "NaN", "Infinity", "-0", "true"),
    *("null", "[]", "{}", '""', r'"\ud800"', r'"\u0000"', '"…"', "[[]]", '{"value": {}}'),
]
_PLACE = "THE PLACE OF THE WORST"


def everywhere(value: Any) -> list[Any]:
    """The value with each of its parts, itself too, replaced."""
    inner: list[Any] = []
    if isinstance(value, dict):
        inner = [{**value, name: put} for name, part in value.items() for put in everywhere(part)]
    elif isinstance(value, list):
        inner = [[*value[:at], put, *value[at + 1 :]] for at, part in enumerate(value) for put in everywhere(part)]
    return [_PLACE, *inner]


def read(method: TextLabels | VisualLabels | Describe, text: str) -> None:
    """What is kept can be stored: neither a NUL nor half a character is text to a database."""
    reading = method.read(said(text), method.reads(AD), PROVENANCE, cost_usd=0.03)
    assert reading.outcome in {Outcome.OK, Outcome.INVALID}
    assert not re.search(r"\\x00|\\ud8", f"{reading.value!r} {reading.problems} {reading.remarks}")


@pytest.mark.parametrize(("method", "answer"), GOOD, ids=lambda each: getattr(each, "name", ""))
@pytest.mark.parametrize("worst", HOSTILE, ids=lambda worst: worst[:12])
def test_no_value_in_any_place_breaks_the_reading(
    method: TextLabels | VisualLabels | Describe, answer: Mapping[str, Any], worst: str
) -> None:
    for changed in everywhere(answer):
        read(method, json.dumps(changed).replace(json.dumps(_PLACE), worst))


@pytest.mark.parametrize(("method", "answer"), GOOD, ids=lambda each: getattr(each, "name", ""))
def test_no_depth_breaks_the_reading(method: TextLabels | VisualLabels | Describe, answer: Mapping[str, Any]) -> None:
    """Just parsed, or just not any more."""
    texts = [json.dumps(changed) for changed in everywhere(answer)]
    for depth in [*range(700, 1_000, 3), 100_000]:
        for text in texts:
            read(method, text.replace(json.dumps(_PLACE), "[" * depth + "]" * depth))


@settings(deadline=None, max_examples=60)
@given(st.text() | st.recursive(st.none() | st.floats() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_no_text_breaks_the_parsing(text: str) -> None:
    value, wrong = parsed(text)
    assert (value == {}) or not wrong


@settings(deadline=None, max_examples=60)
@given(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.just(10**400), st.just(-(10**400)))
)
def test_a_share_is_from_0_to_1_or_none(value: object) -> None:
    told = share(value)
    assert told is None or 0 <= told <= 1
