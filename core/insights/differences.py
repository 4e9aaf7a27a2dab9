"""Whether two shares differ: how far apart they may lie, and how surprising that would be if they were the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from core.insights.proportions import Share, wilson_interval

FALSE_DISCOVERY_RATE = 0.05  # of all differences called one, the part that may be none, on average
MINIMUM_N = 20  # with fewer the interval of one share spans 40 points and more: nothing is said of differences


class Verdict(StrEnum):
    """What may be said of one cell. ``no difference shown`` doesn't say that there is none."""

    HIGHER = "higher"
    LOWER = "lower"
    NOT_SHOWN = "no difference shown"
    TOO_FEW = "too few"


@dataclass(frozen=True, slots=True)
class Difference:
    """One share minus another, in [-1, 1], with the ends of its interval; None where a share is missing.

    ``p_value`` is of this cell alone; ``p_adjusted`` and the verdict allow for all cells looked at together, so an
    interval may leave out 0 where no difference is shown. Both are None for a cell with too few.
    """

    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    p_adjusted: float | None
    verdict: Verdict


def newcombe_interval(a: int, n: int, b: int, m: int, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of a/n − b/m: hybrid of both score intervals.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven
    methods", Statistics in Medicine 17 (1998), 873–890, method 10. It holds for few ads and for 0 of n, and is made
    of the very intervals that are drawn at each share. Raises ValueError as ``wilson_interval`` does.
    """
    (low, high), (other_low, other_high) = wilson_interval(a, n, confidence), wilson_interval(b, m, confidence)
    one, other = a / n, b / m
    down = sqrt((one - low) ** 2 + (other_high - other) ** 2)
    up = sqrt((high - one) ** 2 + (other - other_low) ** 2)
    return max(-1.0, one - other - down), min(1.0, one - other + up)


def fisher_mid_p(a: int, n: int, b: int, m: int) -> float:
    """How often tables with these margins are as unlikely as a of n against b of m, or less likely; two-sided.

    Fisher's exact test less half the probability of the table itself. S. Lydersen, M. W. Fagerland and P. Laake,
    "Recommended tests for association in 2 × 2 tables", Statistics in Medicine 28 (2009), 1159–1175: the exact test
    is far too careful with few, the score test too bold; the mid-p keeps its level nearly everywhere.
    1 where only one table is possible. Raises ValueError unless 0 ≤ a ≤ n and 0 ≤ b ≤ m.
    """
    if not (0 <= a <= n and 0 <= b <= m):
        raise ValueError("give 0 <= a <= n and 0 <= b <= m")
    both = a + b
    least, most = max(0, both - m), min(both, n)
    if least == most:
        return 1.0
    chances = _hypergeometric(least, most, both, n, m)
    own = chances[a - least]
    as_unlikely = float(chances[chances <= own * (1 + 1e-9)].sum())  # equal ones differ by rounding
    return min(1.0, as_unlikely - float(own) / 2)


def benjamini_hochberg(p_values: Sequence[float]) -> NDArray[np.float64]:
    """The p-values adjusted for being many: call those at most q, and on average at most q of them are called wrongly.

    Y. Benjamini and Y. Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical Society B 57
    (1995), 289–300. Where nothing differs at all, that is the chance of a single false alarm.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values)[::-1]
    ranks = np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(values[order] * values.size / ranks))
    return adjusted


def differences(
    pairs: Sequence[tuple[Share, Share]],
    *,
    confidence: float = 0.95,
    rate: float = FALSE_DISCOVERY_RATE,
    minimum_n: int = MINIMUM_N,
) -> list[Difference]:
    """Each first share minus its second, judged together: the pairs are all that is looked at."""
    tested = [index for index, pair in enumerate(pairs) if min(share.n for share in pair) >= max(1, minimum_n)]
    alone = [fisher_mid_p(one.count, one.n, other.count, other.n) for one, other in map(pairs.__getitem__, tested)]
    together = dict(zip(tested, zip(alone, benjamini_hochberg(alone), strict=True), strict=True))
    return [_difference(*pair, together.get(index), confidence, rate) for index, pair in enumerate(pairs)]


def _hypergeometric(least: int, most: int, both: int, n: int, m: int) -> NDArray[np.float64]:
    """The chance of each count from ``least`` to ``most`` among n, of ``both`` among n + m: by ratios of neighbours."""
    count = np.arange(least, most, dtype=np.float64)
    steps = np.log((both - count) * (n - count)) - np.log((count + 1) * (m - both + count + 1))
    logs = np.concatenate(([0.0], np.cumsum(steps)))
    chances = np.exp(logs - logs.max())
    return np.asarray(chances / chances.sum())


def _difference(
    one: Share, other: Share, tested: tuple[float, float] | None, confidence: float, rate: float
) -> Difference:
    if one.share is None or other.share is None:
        return Difference(None, None, None, None, None, Verdict.TOO_FEW)
    low, high = newcombe_interval(one.count, one.n, other.count, other.n, confidence)
    apart = one.share - other.share
    if tested is None:
        return Difference(apart, low, high, None, None, Verdict.TOO_FEW)
    p_value, adjusted = tested[0], float(tested[1])
    verdict = Verdict.NOT_SHOWN if adjusted > rate else Verdict.HIGHER if apart > 0 else Verdict.LOWER
    return Difference(apart, low, high, p_value, adjusted, verdict)
