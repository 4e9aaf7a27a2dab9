"""Filters in a query string: read back equal, and refused with what is accepted."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInputError
from core.queries.filters import AdFilters

words = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=20)
values = st.lists(words, max_size=4).map(tuple)


@given(
    brands=values,
    ctas=values,
    countries=values,
    labels=st.lists(st.tuples(st.sampled_from(["hook", "offer", "tone"]), words), max_size=4).map(tuple),
    day=st.dates(),
    text=words,
    days_seen_min=st.none() | st.integers(0, 10**15),
    impressions_max=st.none() | st.integers(0, 10**15),
)
def test_filters_survive_a_query_string(**drawn: Any) -> None:
    text, day = drawn.pop("text"), drawn.pop("day")
    filters = AdFilters(words=text, first_seen_from=day, formats=("video", "unknown"), **drawn)

    query = urlencode(filters.to_params(), doseq=True)

    assert AdFilters.from_params(parse_qs(query)) == filters


def test_no_filter_is_an_empty_query_string() -> None:
    assert AdFilters().to_params() == {}
    assert AdFilters.from_params({"brands": "", "words": [""]}) == AdFilters()


def test_a_single_value_may_come_as_plain_text() -> None:
    assert AdFilters.from_params({"brands": "acme", "first_seen_to": "2026-03-31"}) == AdFilters(
        brands=("acme",), first_seen_to=date(2026, 3, 31)
    )


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"formats": "hologram"}, "image, video, carousel, text, unknown"),
        ({"statuses": "paused"}, "active, stopped, not_seen"),
        ({"media_statuses": "lost"}, "none_declared"),
        ({"colour": "red"}, "brands"),  # a mistyped filter is not ignored
        ({"first_seen_from": "31.3.2026"}, "2026-03-31"),
        ({"first_seen_from": ["2026-01-01", "2026-02-01"]}, "once"),
        ({"labels": "question"}, "hook:question"),
        ({"labels": "hook' OR 1:x"}, "hook:question"),
        ({"labels": "hook:"}, "hook:question"),
        ({"unit": "flights"}, "ads, concepts"),
        ({"words": "a\0b"}, "words"),
        ({"brands": "\ud800"}, "brands"),
        ({"words": "x" * 201}, "200"),
        ({"words": "a b c d e f g h i"}, "8"),
        ({"brands": ["x"] * 51}, "50"),
        ({"days_seen_min": "-1"}, "whole number"),
        ({"days_shown_max": "1.5"}, "whole number"),
        ({"impressions_min": "٣"}, "whole number"),  # digits of another script would be a surprise
        ({"impressions_min": "1" + "0" * 16}, "whole number"),
        ({"impressions": "some"}, "known, unknown"),
        ({"spend_currencies": "euro"}, "EUR"),
        ({"spend_min": "5"}, "currency"),  # of which currency?
        ({"spend_min": "5", "spend_currencies": ["EUR", "USD"]}, "currency"),
        ({"spend_max": "5", "spend_currencies": "unknown"}, "currency"),
        ({"run_from": "soon"}, "2026-03-31"),
    ],
)
def test_a_bad_filter_is_refused_naming_what_is_accepted(params: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInputError) as refusal:
        AdFilters.from_params(params)

    assert says in str(refusal.value)


def test_the_callers_own_parameters_are_left_alone() -> None:
    assert AdFilters.from_params({"cursor": "x", "brands": "acme"}, ignore=("cursor",)).brands == ("acme",)
