"""Rules find values in the words of a text, quote them, and survive hostile text."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ai.rules import findings
from core.ai.sentences import opening, telling_sentences
from core.ai.taxonomy import Taxonomy
from core.domain.label import UNKNOWN

HOSTILE = [
    "a" * 200_000,
    "free " * 40_000,
    "1,000,000" * 20_000,
    "$" * 100_000,
    '"' * 100_000,
    " " * 100_000 + "?",
    "save up to " * 20_000,
    "e\u0301" * 50_000,
    "meet A" * 30_000,
    "💥" * 50_000,
]


def values(taxonomy: Taxonomy, dimension: str, text: str, language: str = "en") -> list[str]:
    return [found.value for found in findings(taxonomy.dimensions[dimension], text, language)]


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("Save 20% on boots", "en", ["percent_off"]),
        ("Boots with 20% more grip", "en", []),  # a percentage is no offer
        ("Take $15 off your first box", "en", ["money_off"]),
        ("Just $15 a month", "en", ["price_point"]),
        ("$10 off, now $29.90", "en", ["money_off", "price_point"]),  # an amount counts once
        ("Try it free for 14 days", "en", ["free_trial"]),
        ("Free shipping and a free tote bag", "en", ["free_shipping", "gift"]),
        ("Buy two, get one free", "en", ["bundle"]),
        ("Sugar free and gluten free", "en", []),
        ("Jetzt 30 % sparen, versandkostenfrei", "de", ["percent_off", "free_shipping"]),
        ("Envío gratis y prueba gratuita", "es", ["free_trial", "free_shipping"]),
        ("Livraison offerte, dès 19,90 €", "fr", ["free_shipping", "price_point"]),
        ("무료배송, 최대 30% 할인", "ko", ["percent_off", "free_shipping"]),
        ("送料無料、3,980円", "ja", ["free_shipping", "price_point"]),
        ("₹199 में, फ्री डिलीवरी", "hi", ["free_shipping", "price_point"]),
    ],
)
def test_offers_are_found(taxonomy: Taxonomy, text: str, language: str, expected: list[str]) -> None:
    assert values(taxonomy, "offer", text, language) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ready for a better morning? Shop the range.", "question"),
        ("Tired of cold feet? Try these.", "problem"),  # a pain asked about is still a pain
        ("9 out of 10 testers kept theirs.", "statistic"),
        ("How to pick the right tent. Is it worth it?", "how_to"),
        ("Ends tonight! Ready?", "urgency"),
        ("Introducing the quiet kettle.", "announcement"),
        ("“I can't stop wearing them.” – Ana, Porto", "testimonial"),
        ("Ten years ago we baked in a garage. Now look.", "story"),
        ("The lightest boot ever made.", "bold_claim"),
    ],
)
def test_the_hook_is_told_from_the_opening_line(taxonomy: Taxonomy, text: str, expected: str) -> None:
    assert values(taxonomy, "hook", text) == [expected]


def test_what_follows_the_opening_line_is_no_hook(taxonomy: Taxonomy) -> None:
    assert values(taxonomy, "hook", "Blue boots.\nTired of cold feet? Ends tonight!") == []


def test_a_rule_of_another_language_doesnt_count(taxonomy: Taxonomy) -> None:
    assert values(taxonomy, "theme", "un gift qui pain", "fr") == []
    assert values(taxonomy, "offer", "versandkostenfrei", "en") == []


def test_an_unknown_language_tries_every_rule_with_less_confidence(taxonomy: Taxonomy) -> None:
    offer = taxonomy.dimensions["offer"]

    (known,), (guessed,) = findings(offer, "versandkostenfrei", "de"), findings(offer, "versandkostenfrei", UNKNOWN)

    assert guessed.value == known.value
    assert guessed.confidence < known.confidence


def test_letters_within_a_word_are_no_word(taxonomy: Taxonomy) -> None:
    assert "innovation" not in values(taxonomy, "theme", "Daily practice karo aur bolo", UNKNOWN)
    assert "innovation" in values(taxonomy, "theme", "AI tutor ke saath bolo", UNKNOWN)


def test_several_quotes_are_more_certain_than_one(taxonomy: Taxonomy) -> None:
    offer = taxonomy.dimensions["offer"]

    (one,), (two,) = findings(offer, "20% off", "en"), findings(offer, "20% off, then half price", "en")

    assert two.confidence > one.confidence
    assert [quote.quote for quote in two.evidence] == ["20% off", "half price"]


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["Save 20% now", "free shipping", "Tired of it?", "“Love it”", "무료배송", "फ्री डिलीवरी"]),
            st.sampled_from(["👩‍👩‍👧", "e\u0301", "\u200d", "\u202e", "\0", "\n", "İ", "ß", "ﬁ", "\ud83d"]),
            st.text(max_size=12),
        ),
        max_size=8,
    ).map(" ".join),
    st.sampled_from(["en", "de", "ko", "hi", UNKNOWN]),
)
def test_a_quote_is_what_stands_at_its_offsets(taxonomy: Taxonomy, text: str, language: str) -> None:
    found = [each for dimension in taxonomy.dimensions.values() for each in findings(dimension, text, language)]

    assert all(text[quote.start : quote.end] == quote.quote != "" for each in found for quote in each.evidence)
    assert all(0.0 <= each.confidence <= 1.0 and each.evidence for each in found)


def test_the_quote_of_a_hook_counts_from_the_start_of_the_text(taxonomy: Taxonomy) -> None:
    text = "\n\n   Tired of cold feet?"

    ((quote,),) = [found.evidence for found in findings(taxonomy.dimensions["hook"], text, "en")]

    assert text[quote.start : quote.end] == quote.quote == "Tired of"


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_takes_bounded_time(taxonomy: Taxonomy, text: str) -> None:
    start = time.process_time()
    for dimension in taxonomy.dimensions.values():
        findings(dimension, text, UNKNOWN)

    assert time.process_time() - start < 2.0  # 0.1 s usual; exponential rules take minutes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two.", "One."),
        ("  One? Two.", "One?"),
        ("Only 3.5 grams. Two.", "Only 3.5 grams."),  # a decimal point ends no sentence
        ("One\nTwo", "One"),
        ("「もう手放せない」とお客様。次の文。", "「もう手放せない」とお客様。"),
        ("“Great. Love it.” – Ana. Buy.", "“Great. Love it.” – Ana."),
        ("新しい靴です。今すぐ。", "新しい靴です。"),
        ("no end", "no end"),
        ("", ""),
    ],
)
def test_the_opening_is_the_first_sentence(text: str, expected: str) -> None:
    start, end = opening(text)

    assert text[start:end] == expected


@given(st.text(max_size=400))
def test_sentences_lie_in_order_within_the_text(text: str) -> None:
    spans = telling_sentences(text)

    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def test_the_number_of_sentences_is_bounded() -> None:
    assert len(telling_sentences("Short one. " * 10_000)) == 40
    assert telling_sentences("🔥 19.99! 👉") == []
