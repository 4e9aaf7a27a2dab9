"""A description has at most 500 words and no link; attributes are few, short, and none of who published the ad."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ai.methods.base import Block, Reading
from core.ai.methods.description import MOST_ATTRIBUTES, Attribute, Describe, Description
from core.domain.label import Modality, Outcome
from core.errors import BadInputError
from tests.reading_ads import AD, DESCRIBED, PROVENANCE, said

METHOD = Describe()


def read(answer: object, block: Block = AD) -> Reading[Description]:
    return METHOD.read(said(answer), block, PROVENANCE, cost_usd=0.0)


def attributes(*pairs: object, block: Block = AD) -> tuple[Attribute, ...]:
    reading = read({"description": "A shoe.", "attributes": list(pairs)}, block)
    assert reading.value is not None
    return reading.value.attributes


def pair(name: object = "setting", value: object = "a street", read_in: object = "text") -> dict[str, object]:
    return {"name": name, "value": value, "read_in": read_in}


def test_a_good_answer_is_kept_whole() -> None:
    reading = read(DESCRIBED)
    assert (reading.outcome, reading.problems, reading.remarks) == (Outcome.OK, (), ())
    assert reading.value is not None
    assert reading.value.text.split() == str(DESCRIBED["description"]).split()
    assert len(reading.value.attributes) == 50


@pytest.mark.parametrize(
    "description",
    [
        "word " * 501,
        "字" * 4_001,  # no blanks to count words by
        "",
        " \u200b ",
        None,
        "See https://evil.example/?q=secrets",
        "See HTTP://evil.example",
        "Visit www.evil.example",
        "![a picture](evil.example/track.png)",
        "[click] (javascript:alert(1))",
        "<img src=x>",
        "< script>alert(1)</script>",
        "data:text/html;base64,AAAA",
    ],
)
def test_a_description_that_breaks_a_rule_is_asked_for_again(description: object) -> None:
    reading = read({**DESCRIBED, "description": description})
    assert (reading.outcome, reading.value) == (Outcome.INVALID, None)
    assert len(reading.problems) == 1


def test_five_hundred_words_are_allowed() -> None:
    assert read({**DESCRIBED, "description": "word " * 500}).outcome is Outcome.OK


def test_names_are_written_alike() -> None:
    assert attributes(pair("Main-Colour "), pair("hero  shot", read_in="picture")) == (
        Attribute("main_colour", "a street", Modality.TEXT),
        Attribute("hero_shot", "a street", Modality.IMAGE),
    )


@pytest.mark.parametrize(
    "bad",
    [
        pair(name="brand"),
        pair(name="Brand name"),
        pair(name="advertiser"),
        pair(name="scope"),
        pair(name="organisation_id"),
        pair(name="tenant"),
        pair(name="x" * 61),
        pair(name="drop table; --"),
        pair(name="навык"),
        pair(name=7),
        pair(value="y" * 161),
        pair(value=" "),
        pair(value="go to http://evil.example"),
        pair(value=["a"]),
        pair(read_in="mind"),
        pair(read_in=None),
        "setting: street",
        None,
    ],
)
def test_an_attribute_that_breaks_a_rule_is_left_out(bad: object) -> None:
    kept = read({"description": "A shoe.", "attributes": [bad, pair(name="mood")]})
    assert kept.value is not None
    assert [each.name for each in kept.value.attributes] == ["mood"]
    assert kept.remarks == ("1 attributes were left out",)


def test_nothing_is_read_in_a_picture_that_was_not_shown() -> None:
    assert attributes(pair(read_in="picture"), block=Block(text="Hi")) == ()


def test_there_are_at_most_seventy_each_name_once() -> None:
    assert len(attributes(*(pair(f"detail_{number}") for number in range(300)))) == MOST_ATTRIBUTES
    assert attributes(pair(value="first"), pair(value="second"))[0].value == "first"


def test_an_ad_that_says_and_shows_nothing_is_not_described() -> None:
    with pytest.raises(BadInputError, match="nothing to describe"):
        METHOD.request(METHOD.reads(Block(facts={"brand": "Kestrun"})))


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["description", "attributes", "x"]),
        st.none() | st.text() | st.lists(st.none() | st.text() | st.dictionaries(st.text(), st.text())),
    )
)
def test_no_answer_breaks_the_reading(answer: dict[str, Any]) -> None:
    assert read(answer).outcome in {Outcome.OK, Outcome.INVALID}
