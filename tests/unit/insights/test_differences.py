"""Differences of shares: intervals and tests against published values and SciPy, and what is said of many of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control, fisher_exact, hypergeom

from core.insights.differences import (
    MINIMUM_N,
    Verdict,
    benjamini_hochberg,
    differences,
    fisher_mid_p,
    newcombe_interval,
)
from core.insights.proportions import share_of


@pytest.mark.parametrize(
    ("table", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), 873–890, table II, method 10, 95 %.
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_newcombe_interval_agrees_with_published_values(
    table: tuple[int, int, int, int], low: float, high: float
) -> None:
    assert newcombe_interval(*table) == pytest.approx((low, high), abs=5.1e-5)


@pytest.mark.parametrize(("n", "m"), [(20, 20), (25, 60), (40, 150)])
def test_a_95_percent_interval_holds_the_difference_95_times_in_100(n: int, m: int) -> None:
    """Exactly, over every table: no simulation. Newcombe found 0.952 on average, and rarely under 0.93."""
    intervals = np.array([[newcombe_interval(a, n, b, m) for b in range(m + 1)] for a in range(n + 1)])

    held = [_held(intervals, p, q) for p in np.linspace(0.02, 0.98, 13) for q in np.linspace(0.05, 0.95, 10)]

    assert 0.945 <= np.mean(held) <= 0.970
    assert min(held) >= 0.92


def _held(intervals: np.ndarray, p: float, q: float) -> float:
    one, other = (_binomial(size - 1, chance) for size, chance in zip(intervals.shape, (p, q), strict=False))
    holds = (intervals[..., 0] <= p - q) & (p - q <= intervals[..., 1])
    return float(one @ holds @ other)


def _binomial(n: int, chance: float) -> np.ndarray:
    count = np.arange(n + 1)
    ways = np.cumprod(np.concatenate(([1.0], (n - count[:-1]) / (count[:-1] + 1))))
    return np.asarray(ways * chance**count * (1 - chance) ** (n - count))


SIZES = st.tuples(st.integers(1, 120), st.integers(1, 120))


@given(sizes=SIZES, parts=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_mid_p_is_scipys_exact_test_less_half_the_tables_own_chance(
    sizes: tuple[int, int], parts: tuple[float, float]
) -> None:
    (n, m), (a, b) = sizes, (round(part * size) for part, size in zip(parts, sizes, strict=True))

    exact = fisher_exact([[a, n - a], [b, m - b]]).pvalue
    expected = 1.0 if a + b in (0, n + m) else exact - hypergeom.pmf(a, n + m, a + b, n) / 2

    assert fisher_mid_p(a, n, b, m) == pytest.approx(expected, abs=1e-9)


def test_mid_p_bears_a_hundred_thousand_ads() -> None:
    assert fisher_mid_p(21_000, 50_000, 20_000, 50_000) == pytest.approx(1.28e-10, rel=0.05)  # as the score test says
    assert fisher_mid_p(20_000, 50_000, 20_000, 50_000) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("table", [(-1, 5, 0, 5), (6, 5, 0, 5), (0, 5, 6, 5)])
def test_an_impossible_table_is_refused(table: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="give"):
        fisher_mid_p(*table)


@given(st.lists(st.floats(0, 1), max_size=40))
def test_adjusted_p_values_are_scipys(p_values: list[float]) -> None:
    expected = false_discovery_control(p_values) if p_values else []

    assert benjamini_hochberg(p_values) == pytest.approx(expected)


def test_adjusted_p_values_are_those_of_the_paper() -> None:
    """Benjamini and Hochberg (1995), section 4.1: of 15 p-values the first four are called at q = 0.05."""
    p_values = [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000),
    ]

    assert list(benjamini_hochberg(p_values) <= 0.05) == [True] * 4 + [False] * 11


def test_what_would_be_said_of_one_cell_is_not_said_of_forty() -> None:
    telling, alike = (share_of(20, 60), share_of(9, 60)), (share_of(30, 60), share_of(30, 60))

    (alone,), (among, *_) = differences([telling]), differences([telling, *[alike] * 39])

    assert alone.p_value == among.p_value
    assert (alone.verdict, among.verdict) == (Verdict.HIGHER, Verdict.NOT_SHOWN)
    assert among.low is not None
    assert among.low > 0  # the interval is of this cell alone


def test_higher_and_lower_are_seen_from_the_first_share() -> None:
    high, low = share_of(60, 100), share_of(20, 100)

    assert [found.verdict for found in differences([(high, low), (low, high)])] == [Verdict.HIGHER, Verdict.LOWER]


def test_few_get_their_difference_and_no_verdict() -> None:
    few, many = share_of(MINIMUM_N - 1, MINIMUM_N - 1), share_of(0, 500)

    (found,) = differences([(few, many)])

    assert (found.difference, found.p_value, found.p_adjusted, found.verdict) == (1.0, None, None, Verdict.TOO_FEW)


def test_no_ads_have_no_difference() -> None:
    (found,) = differences([(share_of(0, 0), share_of(3, 50))], minimum_n=0)

    assert (found.difference, found.low, found.verdict) == (None, None, Verdict.TOO_FEW)
