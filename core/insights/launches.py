"""Counts over time on a shared axis: periods nothing happened in are zeros, not gaps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum

MAX_PERIODS = 520  # ten years of weeks: one date that is wrong by centuries must not stretch the axis
_WEEK = timedelta(days=7)


class Period(StrEnum):
    """Weeks start on Monday (ISO 8601)."""

    WEEK = "week"
    MONTH = "month"


def period_start(day: date, period: Period) -> date:
    """The first day of the period ``day`` lies in."""
    return day.replace(day=1) if period is Period.MONTH else day - timedelta(days=day.weekday())


def fill_periods(series: Sequence[Mapping[date, int]], period: Period) -> list[tuple[tuple[date, int], ...]]:
    """Each series of counts by day or period as points from the first to the last period of all of them.

    At most the last 520 periods.
    """
    binned = [_binned(counts, period) for counts in series]
    days = sorted(day for counts in binned for day in counts)
    axis = deque(_periods(days[0], days[-1], period) if days else (), maxlen=MAX_PERIODS)
    return [tuple((day, counts.get(day, 0)) for day in axis) for counts in binned]


def _binned(counts: Mapping[date, int], period: Period) -> dict[date, int]:
    binned: dict[date, int] = {}
    for day, number in counts.items():
        start = period_start(day, period)
        binned[start] = binned.get(start, 0) + number
    return binned


def _periods(first: date, last: date, period: Period) -> Iterator[date]:
    yield first
    while first < last:
        beyond = first + (_WEEK if period is Period.WEEK else timedelta(days=31))
        first = period_start(beyond, period)
        yield first
