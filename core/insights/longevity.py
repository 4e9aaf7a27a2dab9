"""How long ads are seen: a proxy for how long they run, because nobody says what ran between two scans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import floor

_QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True, slots=True)
class Longevity:
    """Days from first to last seen (both count) over ``n`` ads; None where n is 0.

    ``still_seen`` of them are shown by the newest scan: their days go on (censored), so every figure is a lower bound.
    ``seen_on_one_day`` were met on a single day.
    """

    n: int
    still_seen: int
    seen_on_one_day: int
    days_seen_lower_quartile: float | None
    days_seen_median: float | None
    days_seen_upper_quartile: float | None
    days_seen_longest: int | None


def longevity(over: Mapping[int, int], still_seen: Mapping[int, int]) -> Longevity:
    """From counts of ads by days seen, those no longer seen and those still seen apart."""
    days = {day: over.get(day, 0) + still_seen.get(day, 0) for day in {*over, *still_seen}}
    n = sum(days.values())
    lower, median, upper = (quantile(days, part) for part in _QUARTILES) if n else (None, None, None)
    longest = max((day for day, count in days.items() if count), default=None)
    return Longevity(n, sum(still_seen.values()), days.get(1, 0), lower, median, upper, longest)


def quantile(counts: Mapping[int, int], part: float) -> float:
    """The quantile of values given as value → how often, between neighbours in proportion.

    Definition 7 of R. J. Hyndman and Y. Fan, "Sample quantiles in statistical packages", The American Statistician 50
    (1996), 361–365, as spreadsheets and NumPy have it. Raises ValueError for no values or a part outside 0 … 1.
    """
    ordered = sorted((value, count) for value, count in counts.items() if count > 0)
    if not ordered or not 0 <= part <= 1:
        raise ValueError("give at least one value, and a part from 0 to 1")
    ends = list(accumulate(count for _, count in ordered))
    place = (ends[-1] - 1) * part
    below, above = (_at(ordered, ends, rank) for rank in (floor(place), min(floor(place) + 1, ends[-1] - 1)))
    return below + (place - floor(place)) * (above - below)


def _at(ordered: list[tuple[int, int]], ends: list[int], rank: int) -> int:
    """The value at a place (from 0) of the sorted values."""
    return next(value for (value, _), end in zip(ordered, ends, strict=True) if rank < end)
