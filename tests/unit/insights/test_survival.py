"""Curves of days seen against published values and SciPy: what is still seen is followed, not counted as ended."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import CensoredData, chi2, ecdf, logrank

from core.insights.survival import kaplan_meier, log_rank

# E. J. Freireich et al., "The effect of 6-mercaptopurine on the duration of steroid-induced remissions in acute
# leukemia", Blood 21 (1963), 699–716: weeks in remission, the example of most textbooks of survival analysis.
TREATED = Counter([6, 6, 6, 7, 10, 13, 16, 22, 23])
TREATED_STILL = Counter([6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35])
PLACEBO = Counter([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23])
NONE: Counter[int] = Counter()

DAYS = st.lists(st.integers(1, 30), max_size=40)


def test_the_curve_is_that_of_the_textbooks() -> None:
    """D. G. Kleinbaum and M. Klein, "Survival Analysis", table 2.2."""
    curve = kaplan_meier(TREATED, TREATED_STILL)

    ends = {step.day: round(step.share, 4) for step in curve.steps if step.ended}
    assert ends == {6: 0.8571, 7: 0.8067, 10: 0.7529, 13: 0.6902, 16: 0.6275, 22: 0.5378, 23: 0.4482}
    assert (curve.n, curve.ended, curve.still_seen) == (21, 9, 12)


def test_medians_are_those_of_the_textbooks_and_an_open_end_is_not_reached() -> None:
    treated, placebo = kaplan_meier(TREATED, TREATED_STILL), kaplan_meier(PLACEBO, NONE)

    assert (treated.median_days, treated.median_low_days, treated.median_high_days) == (23, 13, None)
    assert (placebo.median_days, placebo.median_low_days, placebo.median_high_days) == (8, 4, 11)


@given(half=st.integers(1, 300), days=st.lists(st.integers(1, 300), min_size=1, max_size=300))
def test_the_median_is_the_day_by_which_half_have_ended_however_many_days_that_took(half: int, days: list[int]) -> None:
    """The curve is then exactly one half, but for the last digits of a product of fractions."""
    early = (days * half)[:half]

    assert kaplan_meier(Counter(early), Counter({400: half})).median_days == max(early)


def test_log_rank_is_that_of_the_textbooks() -> None:
    found = log_rank([(TREATED, TREATED_STILL), (PLACEBO, NONE)])

    assert found is not None
    assert (round(found.statistic, 2), found.degrees) == (16.79, 1)


@given(ended=DAYS, still=DAYS)
def test_curve_and_interval_are_scipys(ended: list[int], still: list[int]) -> None:
    steps = kaplan_meier(Counter(ended), Counter(still)).steps
    if not steps:
        return
    expected = ecdf(CensoredData(uncensored=ended, right=still)).sf
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # where the interval has no meaning, we say None
        interval = expected.confidence_interval(method="log-log") if len(ended) else None

    assert [step.day for step in steps] == list(expected.quantiles)
    assert [step.share for step in steps] == pytest.approx(list(expected.probabilities), abs=1e-12)
    for position, step in enumerate(steps):
        if interval is not None and step.low is not None:
            low, high = (end.probabilities[position] for end in (interval.low, interval.high))
            assert (step.low, step.high) == pytest.approx((low, high), abs=1e-9)


@given(*([DAYS.filter(bool)] * 2), DAYS, DAYS)
def test_log_rank_of_two_is_scipys(one: list[int], other: list[int], still: list[int], still_other: list[int]) -> None:
    found = log_rank([(Counter(one), Counter(still)), (Counter(other), Counter(still_other))])
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = logrank(CensoredData(one, right=still), CensoredData(other, right=still_other))

    if found is not None and np.isfinite(expected.statistic):
        assert found.statistic == pytest.approx(expected.statistic**2, abs=1e-9)
        assert found.p_value == pytest.approx(expected.pvalue, abs=1e-9)


def test_log_rank_of_many_groups_has_a_degree_less() -> None:
    rng = np.random.default_rng(1)
    groups = [(Counter(rng.geometric(0.1, 60).tolist()), NONE) for _ in range(5)]

    found = log_rank([*groups, (NONE, NONE)])  # who has nothing is no group

    assert found is not None
    assert found.degrees == 4
    assert found.p_value == pytest.approx(chi2.sf(found.statistic, 4), abs=1e-12)


def test_curves_alike_are_called_different_as_often_as_stated() -> None:
    """Five brands whose ads end alike, followed for 60 days: one in twenty at p ≤ 0.05."""
    rng, seeds = np.random.default_rng(2), 400
    found = [_log_rank_of_five(rng.geometric(0.04, (5, 60))) for _ in range(seeds)]

    assert 0.02 <= np.mean(np.array(found) <= 0.05) <= 0.08


def test_a_brand_whose_ads_are_seen_twice_as_long_is_found() -> None:
    rng, seeds = np.random.default_rng(3), 100
    chances = np.array([0.02, *[0.04] * 4])[:, None]
    found = [_log_rank_of_five(rng.geometric(chances, (5, 60))) for _ in range(seeds)]

    assert np.mean(np.array(found) <= 0.05) >= 0.9


def _log_rank_of_five(days: np.ndarray) -> float:
    groups = [(Counter(row[row <= 60].tolist()), Counter({60: int((row > 60).sum())})) for row in days]
    found = log_rank(groups)
    assert found is not None
    return found.p_value


@pytest.mark.parametrize("groups", [[], [(PLACEBO, NONE)], [(NONE, PLACEBO), (NONE, TREATED)]])
def test_without_two_groups_or_any_end_there_is_no_test(groups: list[tuple[Counter[int], Counter[int]]]) -> None:
    assert log_rank(groups) is None


def test_ads_that_all_go_on_reach_no_median() -> None:
    curve = kaplan_meier(NONE, Counter({1: 50}))

    assert (curve.median_days, curve.ended, [step.share for step in curve.steps]) == (None, 0, [1.0])


def test_nothing_has_an_empty_curve() -> None:
    assert kaplan_meier(NONE, NONE).steps == ()
