"""Labels of a model: a value of the list with evidence that stands there; all else is no label, or less sure."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ai.methods.base import Block, Reading
from core.ai.methods.labels import Labels, TextLabels, VisualLabels
from core.ai.methods.running import run
from core.domain.label import Label, Modality, Outcome, Region
from core.errors import BadInputError
from tests.reading_ads import AD, LABELS, PROVENANCE, READING, TEXT, VISUAL, Scripted, claim, in_region, said

WORDS, PICTURES = TextLabels(READING), VisualLabels(READING)


def read(answer: object, method: TextLabels | VisualLabels = WORDS, block: Block = AD) -> Reading[Labels]:
    return method.read(said(answer), method.reads(block), PROVENANCE, cost_usd=0.03)


def labels(reading: Reading[Labels], dimension: str) -> list[Label]:
    assert reading.value is not None
    return [label for label in reading.value if label.dimension == dimension]


def of(dimension: str, answer: object) -> list[Label]:
    """The labels of one dimension, answered so beside good answers."""
    method = PICTURES if dimension.startswith("visual_") else WORDS
    return labels(read({**(VISUAL if method is PICTURES else LABELS), dimension: answer}, method), dimension)


def test_a_good_answer_gives_every_dimension_with_its_quote() -> None:
    reading = read(LABELS)
    assert reading.outcome is Outcome.OK
    assert (reading.problems, reading.remarks) == ((), ())
    [hook] = labels(reading, "hook")
    assert (hook.value, hook.confidence, hook.modality) == ("urgency", 0.9, Modality.TEXT)
    assert hook.evidence[0].quote == "Hurry,  20 % off" == TEXT[hook.evidence[0].start : hook.evidence[0].end]
    assert [(each.value, each.confidence) for each in labels(reading, "offer")] == [
        ("percent_off", 0.9),
        ("free_shipping", 0.7),
    ]
    assert reading.confidence == 0.85


def test_the_labels_share_what_the_call_cost() -> None:
    value = read(LABELS).value or ()
    assert sum(label.cost_usd for label in value) == pytest.approx(0.03)


def test_the_button_is_evidence_though_no_part_of_the_text() -> None:
    [cta] = labels(read(LABELS), "cta")
    assert (cta.value, cta.confidence, cta.evidence) == ("shop", 0.9, ())


def test_a_quote_that_is_not_in_the_text_makes_the_value_unsure() -> None:
    reading = read({**LABELS, "hook": claim("bold_claim", "the best shoe on earth")})
    [hook] = labels(reading, "hook")
    assert (hook.value, hook.outcome, hook.confidence, hook.evidence) == ("bold_claim", Outcome.OK, 0.4, ())
    assert "hook" in reading.remarks[0]


def test_that_nothing_was_found_needs_no_quote() -> None:
    assert [(each.value, each.confidence) for each in of("offer", [claim("none")])] == [("none", 0.9)]


@pytest.mark.parametrize(
    ("written", "value"),
    [("Percent off", "percent_off"), ("FREE-SHIPPING", "free_shipping"), ("Unknown", "unknown")],
)
def test_another_spelling_is_harmonised_and_kept(written: str, value: str) -> None:
    [label] = of("offer", [claim(written, "20 % off")])
    assert (label.value, label.raw_value) == (value, written)


@pytest.mark.parametrize(
    "answer",
    [
        claim("buy_brand_x"),
        claim("urgency'; DROP TABLE label;--"),
        claim("ｕｒｇｅｎｃｙ"),  # full width
        claim("urgеncy"),  # a Cyrillic letter
        claim("urgency", confidence="certain!!!"),
        {**claim("urgency"), "confidence": 99},
        {**claim("urgency"), "confidence": ["sure"]},
        {**claim("urgency"), "value": 7},
        {**claim("urgency"), "value": None},
        {"value": "urgency"},
        "urgency",
        7,
        None,
        [["urgency"]],
        [claim("urgency"), "question"],
    ],
)
def test_what_is_not_of_the_list_is_no_label(answer: object) -> None:
    [label] = of("hook", answer)
    assert (label.value, label.outcome, label.confidence) == ("unknown", Outcome.INVALID, 0.0)
    assert (label.evidence, label.raw_value) == ((), None)


def test_a_dimension_that_is_missing_is_invalid_and_the_others_stand() -> None:
    reading = read({"hook": LABELS["hook"]})
    assert reading.outcome is Outcome.OK
    assert labels(reading, "hook")[0].value == "urgency"
    assert labels(reading, "offer")[0].outcome is Outcome.INVALID
    assert [problem.split()[0] for problem in reading.problems] == ["offer", "cta"]


def test_fields_that_were_not_asked_for_are_passed_over() -> None:
    reading = read({**LABELS, "brand": "Other", "scope": "shared", "organisation_id": "acme"})
    assert {label.dimension for label in reading.value or ()} == {"hook", "offer", "cta"}
    assert reading.problems == ()
    assert "3 fields" in reading.remarks[0]


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        ([], ["unknown"]),
        ([claim("unknown"), claim("percent_off", "20 % off")], ["percent_off"]),
        ([claim("none"), claim("percent_off", "20 % off")], ["percent_off"]),
        ([claim("percent_off", "20 % off")] * 3, ["percent_off"]),
        (claim("percent_off", "20 % off"), ["percent_off"]),  # not in a list
    ],
)
def test_several_values_do_not_contradict_each_other(answer: object, values: list[str]) -> None:
    assert [label.value for label in of("offer", answer)] == values


def test_a_dimension_of_one_value_has_one() -> None:
    assert [each.value for each in of("hook", [claim("question", "Hurry"), claim("urgency", "Hurry")])] == ["question"]


def test_a_picture_is_labelled_with_regions() -> None:
    reading = read(VISUAL, PICTURES)
    [element] = labels(reading, "visual_elements")
    assert (element.value, element.modality, element.regions) == (
        "price_tag",
        Modality.IMAGE,
        (Region((0.6, 0.1, 0.9, 0.3)),),
    )
    assert "visual_colours" not in {label.dimension for label in reading.value or ()}  # measured, not asked


@pytest.mark.parametrize(
    "box",
    [
        (0.5, 0.5, 0.4, 0.9),  # right before left
        (0.5, 0.5, 0.5, 0.5),
        (0, 0, 640, 480),  # pixels
        (-1, 0, 1, 1),
        (True, False, True, True),
        ("0", "0", "1", "1"),
        (None, 0, 1, 1),
        (1e308 * 10, 0, 1, 1),
    ],
)
def test_a_region_outside_the_picture_is_no_evidence(box: tuple[Any, Any, Any, Any]) -> None:
    answer = in_region("product_shot", box)
    method = PICTURES
    reading = method._of({**VISUAL, "visual_format": answer}, method.reads(AD), PROVENANCE, 0.0)  # NaN can't be sent
    [label] = labels(reading, "visual_format")
    assert (label.value, label.regions, label.confidence) == ("product_shot", (), 0.4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Sure! I label it urgency.",
        "[]",
        "null",
        '"urgency"',
        '{"hook": {"value": "urgency", "quote": "", "confidence": "sure"}',  # half of it
        json.dumps(LABELS)[:-1] + ', "hook": {}}',
        json.dumps(LABELS).replace('"value"', '"value": "unknown", "value"', 1),  # read one way here, another elsewhere
        json.dumps(LABELS)[:-1] + ', "x": NaN}',
        json.dumps(LABELS)[:-1] + ', "x": -Infinity}',
        '{"hook": 1} {"hook": 2}',
        "[" * 100_000,
        '{"hook": "' + "x" * 300_000 + '"}',
    ],
)
def test_what_is_not_one_object_of_json_is_invalid(text: str) -> None:
    reading = read(text)
    assert reading.outcome is Outcome.INVALID
    assert {label.outcome for label in reading.value or ()} == {Outcome.INVALID}
    assert reading.problems


def test_json_in_a_fence_is_read() -> None:
    fenced = 'Here you are:\n```json\n{"hook": {"value": "urgency", "quote": "Hurry", "confidence": "sure"}}\n```\n'
    assert labels(read(fenced), "hook")[0].value == "urgency"


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.TRUNCATED])
def test_a_refusal_and_a_cut_are_states_of_every_label(outcome: Outcome) -> None:
    reading = WORDS.read(said('{"hook": "ur', outcome), AD, PROVENANCE, cost_usd=0.03)
    assert reading.outcome is outcome
    assert {(label.value, label.outcome) for label in reading.value or ()} == {("unknown", outcome)}
    assert reading.problems == ()  # nothing that asking again would help


def test_an_ad_without_words_or_picture_is_not_asked_about() -> None:
    with pytest.raises(BadInputError, match="no words"):
        WORDS.request(WORDS.reads(replace(AD, text=" \u200b", cta_declared="")))
    with pytest.raises(BadInputError, match="no picture"):
        PICTURES.request(PICTURES.reads(replace(AD, pictures=())))


def test_a_rerun_asks_the_dimensions_it_is_for() -> None:
    assert set(TextLabels(READING, only=["hook"]).request(AD).schema["properties"]) == {"hook"}
    with pytest.raises(BadInputError, match="hook, offer, cta"):
        TextLabels(READING, only=["visual_format"])


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.sampled_from(["hook", "urgency", "sure"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "quote", "confidence", "region", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*LABELS, *VISUAL, "x"]), anything))
def test_no_answer_breaks_the_reading_or_leaves_the_list(answer: dict[str, Any]) -> None:
    for method in (WORDS, PICTURES):
        reading = method._of(answer, method.reads(AD), PROVENANCE, 0.0)
        assert {label.dimension for label in reading.value or ()} == set(method.dimensions)
        assert all(label.value in method.dimensions[label.dimension].allowed for label in reading.value or ())


def test_an_invalid_answer_is_asked_about_once_more_in_words_of_ours() -> None:
    asker = Scripted(said({"hook": claim("OBEY ME")}), said(LABELS))
    result = asyncio.run(run(WORDS, AD, asker))
    assert (result.outcome, result.reason, len(result.exchanges)) == (Outcome.OK, "", 2)
    again = asker.requests[1].instructions
    assert "hook holds something that is not of its list" in again
    assert "OBEY ME" not in again
    assert (result.usage.input_tokens, result.cost_usd) == (2_000, pytest.approx(0.002))
    assert sum(label.cost_usd for label in result.value or ()) == pytest.approx(0.002)


def test_of_two_bad_answers_the_better_counts() -> None:
    asker = Scripted(said({"hook": LABELS["hook"]}), said("nonsense"), said(LABELS))
    result = asyncio.run(run(WORDS, AD, asker))
    assert len(asker.requests) == 2
    assert (result.outcome, (result.value or ())[0].value) == (Outcome.OK, "urgency")


def test_a_price_that_is_unknown_stays_unknown() -> None:
    result = asyncio.run(run(WORDS, AD, Scripted(said(LABELS), cost_usd=None)))
    assert result.cost_usd is None
    assert result.provenance.parameters["input_hash"] == WORDS.reads(AD).input_hash
