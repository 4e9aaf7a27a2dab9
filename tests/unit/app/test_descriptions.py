"""What a model wrote of an ad, in words for people: who wrote it, when, and that nobody has checked it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.view_models.descriptions import make_description
from core.ai.methods.description import Attribute
from core.domain.label import Modality, Outcome
from core.queries.description import AdDescription

MADE = {"method": "description", "method_version": "2", "model": "openai/gpt-4.1"}
SEEN = (Attribute("main_colour", "red", Modality.IMAGE), Attribute("named_price", "5 EUR", Modality.TEXT))
FOUND = AdDescription("ad", Outcome.OK, "A shoe.", SEEN, "", MADE, datetime(2026, 11, 21, tzinfo=UTC), False)
BY = "By openai/gpt-4.1, 21 Nov 2026, description 2."

NOTES = [
    ({}, f"Written by a model; not checked. {BY}"),
    ({"reason": "2 attributes were left out"}, f"Written by a model; not checked. {BY} 2 attributes were left out."),
    ({"outcome": Outcome.REFUSED, "reason": "I can't."}, f"The model refused to describe this ad: I can't. {BY}"),
    ({"outcome": Outcome.INVALID}, f"The model's answer wasn't valid and isn't kept. {BY}"),
    ({"outcome": Outcome.FAILED, "provenance": {}, "reason": "no picture"}, "No description came: no picture."),
    (
        {"is_of_another_picture": True},
        f"Written by a model; not checked. Written about another picture with the same words. {BY}",
    ),
    ({"outcome": Outcome.REFUSED, "is_of_another_picture": True}, f"The model refused to describe this ad. {BY}"),
    ({"described_at": None}, "Written by a model; not checked. By openai/gpt-4.1, description 2."),
]


@pytest.mark.parametrize(("changes", "note"), NOTES)
def test_the_note_says_how_it_stands_and_who_wrote_it_when(changes: dict[str, object], note: str) -> None:
    assert make_description(replace(FOUND, **changes)).note == note  # type: ignore[arg-type]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_can_be_told(outcome: Outcome) -> None:
    assert make_description(replace(FOUND, outcome=outcome)).note


def test_attributes_are_named_for_people_with_what_they_were_read_in() -> None:
    assert make_description(FOUND).attributes == (
        ("Main colour", "red", "picture"),
        ("Named price", "5 EUR", "text"),
    )
