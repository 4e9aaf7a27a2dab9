"""Intervals against published values, and what every interval must satisfy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.insights.proportions import share_of, shares_of, wilson_interval


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        # R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in Medicine 17 (1998),
        # table I, method 3 (score without continuity correction), 95 %.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_agrees_with_published_values(successes: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(successes, n) == pytest.approx((low, high), abs=5e-5)


@given(n=st.integers(1, 5000), part=st.floats(0, 1), confidence=st.sampled_from([0.8, 0.95, 0.99]))
def test_an_interval_holds_its_share_and_stays_between_0_and_1(n: int, part: float, confidence: float) -> None:
    successes = round(part * n)

    low, high = wilson_interval(successes, n, confidence)

    assert 0 <= low <= successes / n <= high <= 1


def test_more_ads_make_a_narrower_interval() -> None:
    few, many = wilson_interval(3, 10), wilson_interval(300, 1000)

    assert many[1] - many[0] < few[1] - few[0]


@pytest.mark.parametrize(("successes", "n", "confidence"), [(-1, 5, 0.95), (6, 5, 0.95), (0, 0, 0.95), (1, 2, 1.0)])
def test_an_impossible_proportion_is_refused(successes: int, n: int, confidence: float) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson_interval(successes, n, confidence)


def test_a_share_of_no_ads_has_no_value() -> None:
    share = share_of(0, 0)

    assert (share.share, share.low, share.high) == (None, None, None)


def test_shares_carry_their_count_and_the_common_n() -> None:
    shares = shares_of({"question": 3, "claim": 1}, 8)

    assert {value: (share.count, share.n, share.share) for value, share in shares.items()} == {
        "question": (3, 8, 0.375),
        "claim": (1, 8, 0.125),
    }
