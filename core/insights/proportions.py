"""Shares with the uncertainty that comes with few ads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``n`` ads as a share in [0, 1] with the ends of its interval; all None where n is 0."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a proportion, without continuity correction.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (1927), 209–212. Unlike p ± z·s it stays in [0, 1] and holds for few ads and for 0 of n.
    Raises ValueError unless 0 ≤ successes ≤ n, n ≥ 1 and 0 < confidence < 1.
    """
    if not (0 <= successes <= n and n >= 1 and 0 < confidence < 1):
        raise ValueError("give 0 <= successes <= n, n >= 1 and 0 < confidence < 1")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = successes / n, z * z / n
    centre = (share + weight / 2) / (1 + weight)
    reach = z * sqrt(share * (1 - share) / n + weight / (4 * n)) / (1 + weight)
    # The ends at 0 of n and n of n are exact; arithmetic would leave them a rounding error away.
    low = 0.0 if successes == 0 else centre - reach
    high = 1.0 if successes == n else centre + reach
    return low, high


def share_of(count: int, n: int, confidence: float = 0.95) -> Share:
    """A share with its interval. Raises ValueError unless 0 ≤ count ≤ n."""
    if n == 0 == count:
        return Share(0, 0, None, None, None)
    low, high = wilson_interval(count, n, confidence)
    return Share(count, n, count / n, low, high)


def shares_of(counts: Mapping[str, int], n: int, confidence: float = 0.95) -> dict[str, Share]:
    """The share of each value among the same ``n`` ads. With several values an ad the shares may exceed 1 in sum."""
    return {value: share_of(count, n, confidence) for value, count in counts.items()}
