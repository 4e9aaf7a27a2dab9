"""Quartiles of days seen, from counts, with what goes on counted apart."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.insights.longevity import Longevity, longevity, quantile

DAYS = st.lists(st.integers(1, 4000), max_size=60)


@given(DAYS.filter(bool), st.floats(0, 1))
def test_a_quantile_of_counts_is_that_of_the_values_themselves(days: list[int], part: float) -> None:
    assert quantile(Counter(days), part) == pytest.approx(np.quantile(days, part), abs=1e-6)


@given(over=DAYS, still=DAYS)
def test_quartiles_lie_in_order_and_still_seen_ads_are_counted(over: list[int], still: list[int]) -> None:
    found = longevity(Counter(over), Counter(still))

    assert (found.n, found.still_seen) == (len(over) + len(still), len(still))
    assert found.seen_on_one_day == (over + still).count(1)
    if found.n:
        quartiles = (found.days_seen_lower_quartile, found.days_seen_median, found.days_seen_upper_quartile)
        assert sorted(quartiles) == list(quartiles)  # type: ignore[type-var]  # numbers where n isn't 0
        assert found.days_seen_longest == max(over + still)


def test_no_ads_have_no_quartiles() -> None:
    assert longevity({}, {}) == Longevity(0, 0, 0, None, None, None, None)


@pytest.mark.parametrize(("counts", "part"), [({}, 0.5), ({3: 0}, 0.5), ({3: 1}, 1.5), ({3: 1}, -0.1)])
def test_a_quantile_of_nothing_is_refused(counts: dict[int, int], part: float) -> None:
    with pytest.raises(ValueError, match="at least one value"):
        quantile(counts, part)
