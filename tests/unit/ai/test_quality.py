"""Precision, recall and their uncertainty, by the book."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ai.quality import Share, confusions, measure

PAIRS = [
    (frozenset({"red"}), frozenset({"red"})),
    (frozenset({"red"}), frozenset({"blue"})),
    (frozenset({"unknown"}), frozenset({"red"})),
    (frozenset({"red", "blue"}), frozenset({"red", "blue"})),
    (frozenset(), frozenset({"blue"})),
]


def test_precision_counts_what_was_given_and_recall_what_was_true() -> None:
    red = measure(PAIRS).values["red"]

    assert (red.correct, red.predicted, red.support) == (2, 3, 3)
    assert red.precision.value == pytest.approx(2 / 3)
    assert red.f1 == pytest.approx(2 / 3)


def test_an_abstention_costs_recall_but_not_precision() -> None:
    quality = measure([(frozenset({"red"}), frozenset({"red"})), (frozenset({"unknown"}), frozenset({"red"}))])

    assert quality.values["red"].precision.value == 1.0
    assert quality.values["red"].recall.value == 0.5
    assert (quality.texts, quality.abstained) == (2, 1)
    assert "unknown" not in quality.values


def test_micro_counts_answers_and_macro_counts_values() -> None:
    quality = measure(PAIRS)

    assert quality.micro.precision.value == pytest.approx(3 / 4)
    assert quality.micro.recall.value == pytest.approx(3 / 6)
    assert quality.macro_f1 == pytest.approx((2 / 3 + 2 * 1 / 4) / 2)


def test_nothing_measured_is_no_figure() -> None:
    empty = measure([])

    assert empty.micro.precision.value is None
    assert empty.micro.precision.interval is None
    assert empty.macro_f1 is None


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (8, 10, 0.4902, 0.9433),  # Wilson's interval in the tables
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
    ],
)
def test_the_interval_is_wilsons(hits: int, total: int, low: float, high: float) -> None:
    assert Share(hits, total).interval == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(counts: tuple[int, int]) -> None:
    share = Share(*counts)
    assert share.interval is not None
    assert share.value is not None
    low, high = share.interval

    assert 0.0 <= low <= share.value + 1e-12
    assert share.value - 1e-12 <= high <= 1.0


def test_confusions_name_what_was_missed_and_what_was_said_instead() -> None:
    assert confusions(PAIRS) == {("blue", "red"): 1, ("red", "unknown"): 1, ("blue", "unknown"): 1}
