"""Agreement against published values, and what holds for every table."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.insights.agreement import (
    Estimate,
    Pair,
    agreement,
    between_annotators,
    calibration,
    dimension_kappa,
    kappa,
    macro,
    value_kappas,
)


def readings(table: Sequence[Sequence[int]]) -> list[tuple[str, str]]:
    """A square table of counts as pairs of values."""
    return [(str(i), str(j)) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]


def said(*pairs: tuple[str, str]) -> list[Pair]:
    """Values of two readings, several joined by a blank."""
    return [(frozenset(one.split()), frozenset(other.split())) for one, other in pairs]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        # Two readers of 50 grant proposals: p_o = 0.7, p_e = 0.5.
        ([[20, 5], [10, 15]], 0.400),
        # Two pathologists, 118 slides: A. Agresti, Categorical Data Analysis, 2nd ed. (2002), table 10.8 and p. 435.
        ([[22, 2, 2, 0], [5, 7, 14, 0], [0, 2, 36, 0], [0, 1, 17, 10]], 0.493),
        # 100 diagnoses: J. L. Fleiss, Statistical Methods for Rates and Proportions, 2nd ed. (1981), table 13.1.
        ([[75, 1, 4], [5, 4, 1], [0, 0, 10]], 0.676),
    ],
)
def test_kappa_agrees_with_published_values(table: Sequence[Sequence[int]], expected: float) -> None:
    assert kappa(readings(table)).value == pytest.approx(expected, abs=5e-4)


def test_the_interval_of_kappa_carries_wilsons_over() -> None:
    found = kappa(readings([[20, 5], [10, 15]]))  # Wilson of 35 in 50: 0.5625 to 0.8090; (x − 0.5) / 0.5
    assert (found.low, found.high) == pytest.approx((0.125, 0.618), abs=5e-4)


def test_full_agreement_on_few_texts_is_not_certain() -> None:
    found = kappa(readings([[3, 0], [0, 3]]))
    assert found.value == 1
    assert found.low is not None
    assert found.low < 0.3


def test_kappa_has_no_value_where_both_readings_never_vary() -> None:
    assert kappa(readings([[9, 0], [0, 0]])) == Estimate(9)
    assert kappa([]) == Estimate(0)


@pytest.mark.parametrize(("agreeing", "often"), [(0.6, 0.5), (0.9, 0.5), (0.6, 0.1), (0.9, 0.1)])
def test_the_interval_of_kappa_holds_the_truth_about_as_often_as_it_says(agreeing: float, often: float) -> None:
    """The second reading repeats the first with ``agreeing``, else draws anew: that probability is the true kappa."""
    chance, held = random.Random(5), 0
    for _ in range(400):
        first = ["yes" if chance.random() < often else "no" for _ in range(60)]
        drawn = ["yes" if chance.random() < often else "no" for _ in range(60)]
        found = kappa(
            [(one, one if chance.random() < agreeing else other) for one, other in zip(first, drawn, strict=True)]
        )
        held += found.low is None or found.high is None or found.low <= agreeing <= found.high
    assert held / 400 > 0.92


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), max_size=40))
def test_kappa_is_symmetric_and_lies_in_its_interval(pairs: list[tuple[str, str]]) -> None:
    found = kappa(pairs)
    assert found == kappa([(other, one) for one, other in pairs])
    if found.value is not None and found.low is not None and found.high is not None:
        assert -1 <= found.low <= found.value + 1e-9
        assert found.value <= found.high + 1e-9 <= 1 + 2e-9


def test_values_of_several_are_judged_one_by_one() -> None:
    pairs = said(("gift bundle", "gift"), ("gift", "gift"), ("unknown", ""), ("", "bundle"))
    found = value_kappas(pairs)
    assert found["gift"].value == 1
    assert found["bundle"].value == pytest.approx(-1 / 3)  # p_o 0.5, p_e 0.625
    assert "unknown" not in found


def test_a_dimension_of_several_values_is_the_mean_of_its_values_and_of_one_value_a_table() -> None:
    pairs = said(("gift bundle", "gift"), ("gift", "gift"), ("", ""), ("", "bundle"))
    assert dimension_kappa(pairs, several=True).value == pytest.approx((1 - 1 / 3) / 2)
    single = said(("story", "story"), ("unknown", "claim"), ("", "unknown"), ("claim", "claim"))
    assert dimension_kappa(single, several=False).value == pytest.approx(kappa(
        [("story", "story"), ("unknown", "claim"), ("unknown", "unknown"), ("claim", "claim")]
    ).value)  # fmt: skip


def test_kappa_beside_a_truth_that_never_varies_is_not_defined() -> None:
    """It would be 0, however often the two agree."""
    pairs = said(*[("story", "story")] * 9, ("claim", "story"))
    assert dimension_kappa(pairs, several=False) == Estimate(10)
    assert value_kappas(pairs) == {"claim": Estimate(10), "story": Estimate(10)}


def test_what_the_reference_never_says_is_no_part_of_the_mean() -> None:
    pairs = said(("gift price", "gift"), ("", ""))
    assert dimension_kappa(pairs, several=True).value == 1


def test_a_mean_leaves_out_what_is_not_defined() -> None:
    assert macro([Estimate(4, 0.5, 0.1, 0.9), Estimate(4), Estimate(4, 1.0, 0.5, 1.0)], 4) == Estimate(
        4, 0.75, 0.3, 0.95
    )
    assert macro([], 7) == Estimate(7)


def test_raw_agreement_asks_for_the_same_values_and_takes_unknown_for_nothing() -> None:
    found = agreement(said(("gift bundle", "bundle gift"), ("unknown", ""), ("gift", "gift bundle"), ("", "gift")))
    assert (found.n, found.value) == (4, 0.5)
    assert (found.low, found.high) == pytest.approx((0.1500, 0.8500), abs=5e-5)


def test_annotators_are_compared_in_pairs_by_what_both_have_judged() -> None:
    a, b, c = (
        [frozenset({value}) if value else None for value in row]
        for row in (["x", "x", "y", "y", ""], ["x", "x", "y", "y", "x"], ["x", "y", "", "", "x"])
    )
    found = between_annotators([a, b, c], several=False)
    # a–b: 1 on 4 texts; a–c and b–c: a has said x twice, c x and y, so p_o = p_e: 0 on 2; b–c on 3: p_o 2/3, p_e 2/3.
    assert found.n == 5
    assert found.value == pytest.approx(4 / 9)


def test_neither_of_two_annotators_is_the_reference() -> None:
    a, b = [frozenset({"x", "y"}), frozenset[str]()], [frozenset({"x"}), frozenset[str]()]
    assert between_annotators([a, b], several=True) == between_annotators([b, a], several=True)
    assert between_annotators([a, b], several=True).value == 0.5  # x 1, y 0


def test_one_annotator_agrees_with_nobody() -> None:
    assert between_annotators([[frozenset({"x"})]], several=False) == Estimate(0)


def test_calibration_error_is_the_mean_gap_between_claimed_and_found() -> None:
    answers = [(0.9, True)] * 6 + [(0.9, False)] * 4 + [(0.25, False)] * 8 + [(0.25, True)] * 2
    found = calibration(answers)
    assert [(each.above, each.upto, each.n) for each in found.bins] == [(0.2, 0.3, 10), (0.8, 0.9, 10)]
    assert found.error == pytest.approx((10 * 0.05 + 10 * 0.3) / 20)
    assert found.n == 20


def test_every_confidence_has_a_bin() -> None:
    found = calibration([(0.0, False), (0.1, False), (0.3, True), (1.0, True)])
    assert [each.upto for each in found.bins] == pytest.approx([0.1, 0.3, 1.0])
    assert calibration([]).error is None
