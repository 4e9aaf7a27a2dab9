"""What the simple rules find, and what they leave alone."""

from __future__ import annotations

import pytest

from core.ai.quality_rules import CROSS_CHECKS, CheckedText, CheckTally, Finding
from core.ai.taxonomy import load_taxonomy
from core.domain.label import LANGUAGE

CHECKS = {check.name: check for check in CROSS_CHECKS}
OFFER, PERCENT, PRICE = "a percentage off is labelled", "a labelled percentage is there", "a price is labelled"
FREE, SEASON = "something free is labelled", "a labelled season is there"
BUTTON, SCRIPT = "the button is the call to action", "the language fits the script"


def asked(name: str, text: str, *values: str, cta: str = "") -> Finding | None:
    return CHECKS[name].ask(CheckedText(text, cta, frozenset(values)))


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        (OFFER, "Take 20% off everything.", ("percent_off", "gift")),
        (OFFER, "20 % Rabatt auf alles", ("percent_off",)),
        (OFFER, "오늘만 30% 할인", ("percent_off",)),
        (PERCENT, "Half price until Sunday", ("percent_off",)),
        (PRICE, "For only €9.99 a month", ("price_point",)),
        (PRICE, "월 9,900원", ("price_point",)),
        ("a free trial is labelled", "7일 무료 체험", ("free_trial",)),
        ("free shipping is labelled", "Free shipping on all orders", ("free_shipping",)),
        (FREE, "1권 무료로 보러가기", ("free_access",)),
        (SEASON, "올여름 휴가를 준비하세요", ("seasonal",)),
        (SCRIPT, "지금 바로 시작해 보세요 오늘", ("ko",)),
        (SCRIPT, "Start your day with better coffee", ("en",)),
        (SCRIPT, "Начните свой день с хорошего кофе", ("uk",)),
    ],
)
def test_rule_and_label_agree(name: str, text: str, values: tuple[str, ...]) -> None:
    found = asked(name, text, *values)
    assert found is not None
    assert found.agrees


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        (OFFER, "Take 20% off everything.", ("gift",)),
        (OFFER, "Spare 15\u00a0% auf alles", ()),
        (PERCENT, "Two for one, this week", ("percent_off",)),
        (PRICE, "For only €9.99 a month", ("none",)),
        (FREE, "첫 화 무료", ("none",)),
        (FREE, "Learn chess for free", ("price_point",)),
        (SEASON, "<악인 남편> 시즌 2 컴백", ("seasonal",)),
        (SEASON, "Season 2 is out now", ("seasonal",)),
        (SCRIPT, "지금 바로 시작해 보세요 오늘", ("en",)),
        (SCRIPT, "Start your day with better coffee", ("ko",)),
    ],
)
def test_rule_and_label_disagree(name: str, text: str, values: tuple[str, ...]) -> None:
    found = asked(name, text, *values)
    assert found is not None
    assert not found.agrees


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        (OFFER, "97% of customers come back.", ()),  # no reduction
        (PERCENT, "Two for one", ("bundle",)),
        (PRICE, "Call 0800 123", ("none",)),
        (FREE, "A sugar-free drink", ("none",)),
        (SEASON, "<악인 남편> 시즌 2 컴백", ("unknown",)),
        (SCRIPT, "지금 바로 시작해 보세요 오늘", ("unknown",)),  # an abstention contradicts nothing
        (SCRIPT, "OK", ("ko",)),  # too short to tell
        (SCRIPT, "여름 세일 시작 Summer sale starts", ("en",)),  # two scripts
    ],
)
def test_the_rule_is_silent(name: str, text: str, values: tuple[str, ...]) -> None:
    assert asked(name, text, *values) is None


def test_the_declared_button_is_the_call_to_action() -> None:
    agreeing = asked(BUTTON, "", "install", cta="Download")
    assert agreeing is not None
    assert agreeing.agrees
    differing = asked(BUTTON, "", "learn_more", cta="shop now")
    assert differing == Finding(agrees=False, quote="button: Shop now")
    assert asked(BUTTON, "", "learn_more", cta="Einkaufen gehen") is None


def test_disagreements_are_counted_and_shown_with_their_place() -> None:
    tally = CheckTally(CHECKS[OFFER])
    for number, values in enumerate([frozenset({"percent_off"}), frozenset({"gift"}), frozenset[str]()]):
        tally.add(CheckedText(f"{number}: 20% off", "", values, f"content-{number}"))
    tally.add(CheckedText("nothing", "", frozenset()))
    result = tally.result()
    assert (result.n, result.disagreeing) == (3, 2)
    assert [(each.content_id, each.excerpt) for each in result.examples] == [
        ("content-1", "1: 20% off"),
        ("content-2", "2: 20% off"),
    ]


def test_every_rule_asks_of_a_dimension_and_of_values_that_exist() -> None:
    dimensions = load_taxonomy().dimensions
    assert {check.dimension for check in CROSS_CHECKS} <= {*dimensions, LANGUAGE}
    accepted = {"percent_off", "price_point", "money_off", "free_trial", "free_shipping", "bundle", "gift"}
    assert accepted <= dimensions["offer"].allowed
    assert len(CHECKS) == len(CROSS_CHECKS)
