"""Launch series: weeks and months on one axis."""

from __future__ import annotations

from datetime import date

import pytest

from core.insights.launches import Period, fill_periods, period_start


@pytest.mark.parametrize(
    ("day", "period", "start"),
    [
        (date(2026, 3, 31), Period.MONTH, date(2026, 3, 1)),
        (date(2026, 3, 1), Period.WEEK, date(2026, 2, 23)),  # a Sunday ends its week
        (date(2026, 3, 2), Period.WEEK, date(2026, 3, 2)),  # a Monday starts one
        (date(2026, 1, 1), Period.WEEK, date(2025, 12, 29)),
    ],
)
def test_a_period_starts_on_the_first_or_on_monday(day: date, period: Period, start: date) -> None:
    assert period_start(day, period) == start


def test_months_without_a_launch_are_zeros() -> None:
    (points,) = fill_periods([{date(2025, 11, 30): 2, date(2026, 2, 1): 1}], Period.MONTH)

    assert points == (
        (date(2025, 11, 1), 2), (date(2025, 12, 1), 0), (date(2026, 1, 1), 0), (date(2026, 2, 1), 1),
    )  # fmt: skip


def test_all_series_share_one_axis() -> None:
    early, late = fill_periods([{date(2026, 3, 2): 1}, {date(2026, 3, 20): 4}], Period.WEEK)

    assert [day for day, _ in early] == [day for day, _ in late] == [date(2026, 3, day) for day in (2, 9, 16)]
    assert ([count for _, count in early], [count for _, count in late]) == ([1, 0, 0], [0, 0, 4])


def test_days_of_one_period_add_up() -> None:
    (points,) = fill_periods([{date(2026, 3, 3): 1, date(2026, 3, 5): 2}], Period.WEEK)

    assert points == ((date(2026, 3, 2), 3),)


def test_nothing_launched_gives_empty_series() -> None:
    assert fill_periods([{}, {}], Period.MONTH) == [(), ()]
