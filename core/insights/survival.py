"""How long ads go on being seen, where many are still seen: those count for as long as they have been followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import erfc, exp, gamma, log, sqrt
from statistics import NormalDist

import numpy as np

_HALF = 0.5 + 1e-9  # a product of fractions that is one half may miss it by its last digits


@dataclass(frozen=True, slots=True)
class Step:
    """One day on which something ended or was last followed. ``share`` of all are seen for longer than ``day`` days.

    The interval is None where it has no meaning: once nothing is left, or before anything ended.
    """

    day: int
    at_risk: int
    ended: int
    still_seen: int
    share: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Survival:
    """Days seen of ``n``, of which ``still_seen`` go on (censored). Medians are None where they aren't reached."""

    n: int
    ended: int
    still_seen: int
    median_days: int | None
    median_low_days: int | None
    median_high_days: int | None
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class LogRank:
    """Whether curves differ anywhere: the statistic, chi-squared with ``degrees`` of freedom if they don't."""

    statistic: float
    degrees: int
    p_value: float


def kaplan_meier(ended: Mapping[int, int], still_seen: Mapping[int, int], confidence: float = 0.95) -> Survival:
    """From counts by days seen, of what ended and of what is still seen.

    E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American
    Statistical Association 53 (1958), 457–481; variance by Greenwood; intervals on the scale log(−log S), which stay
    within 0 and 1: J. D. Kalbfleisch and R. L. Prentice, "The Statistical Analysis of Failure Time Data" (1980), 1.3.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    days = sorted(day for day in {*ended, *still_seen} if ended.get(day, 0) + still_seen.get(day, 0) > 0)
    at_risk = n = sum(ended.values()) + sum(still_seen.values())
    share, variance, steps = 1.0, 0.0, []
    for day in days:
        over, on = ended.get(day, 0), still_seen.get(day, 0)
        share *= 1 - over / at_risk
        if over < at_risk:
            variance += over / (at_risk * (at_risk - over))
        steps.append(Step(day, at_risk, over, on, share, *_log_log(share, variance, z)))
        at_risk -= over + on
    median, low, high = (_first(steps, part) for part in ("share", "low", "high"))
    return Survival(n, sum(ended.values()), sum(still_seen.values()), median, low, high, tuple(steps))


def log_rank(groups: Sequence[tuple[Mapping[int, int], Mapping[int, int]]]) -> LogRank | None:
    """Over (ended, still seen) of each group; None where there is nothing to compare: one group, or no end at all.

    N. Mantel, "Evaluation of survival data and two new rank order statistics", Cancer Chemotherapy Reports 50 (1966),
    163–170, for any number of groups: R. Peto and J. Peto, Journal of the Royal Statistical Society A 135 (1972).
    """
    filled = [group for group in groups if sum(group[0].values()) + sum(group[1].values())]
    days = sorted({day for ended, _ in filled for day, number in ended.items() if number})
    if len(filled) <= 1 or not days:
        return None
    over = np.array([[ended.get(day, 0) for day in days] for ended, _ in filled], dtype=np.float64)
    at_risk = np.array([_at_risk(group, days) for group in filled], dtype=np.float64)
    all_over, all_at_risk = over.sum(axis=0), at_risk.sum(axis=0)
    expected = all_over * at_risk / all_at_risk
    spread = all_over * (all_at_risk - all_over) / np.maximum(all_at_risk - 1, 1) / all_at_risk**2
    covariance = np.diag((spread * all_at_risk * at_risk).sum(axis=1)) - (spread * at_risk) @ at_risk.T
    apart, degrees = (over - expected).sum(axis=1)[:-1], len(filled) - 1  # the last group follows from the others
    statistic = float(apart @ np.linalg.pinv(covariance[:-1, :-1]) @ apart)
    return LogRank(statistic, degrees, _chi_squared_beyond(statistic, degrees))


def _log_log(share: float, variance: float, z: float) -> tuple[float | None, float | None]:
    if not 0 < share < 1:
        return None, None
    reach = exp(z * sqrt(variance) / -log(share))
    return share**reach, share ** (1 / reach)


def _first(steps: Sequence[Step], part: str) -> int | None:
    """The first day on which the curve is at one half or below: the median (of the curve or an end of its interval).

    R. Brookmeyer and J. Crowley, "A confidence interval for the median survival time", Biometrics 38 (1982), 29–41.
    """
    values = ((step.day, getattr(step, part)) for step in steps)
    return next((day for day, value in values if value is not None and value <= _HALF), None)


def _chi_squared_beyond(statistic: float, degrees: int) -> float:
    """The chance of more. M. Abramowitz and I. A. Stegun, "Handbook of Mathematical Functions", 6.5.21 and 26.4.19."""
    half, part = max(0.0, statistic) / 2, 0.5 if degrees % 2 else 1.0
    chance = erfc(sqrt(half)) if degrees % 2 else exp(-half)
    while part < degrees / 2:
        chance += half**part * exp(-half) / gamma(part + 1)
        part += 1
    return chance


def _at_risk(group: tuple[Mapping[int, int], Mapping[int, int]], days: Sequence[int]) -> list[int]:
    """How many of the group are seen for at least so many days."""
    return [sum(number for counts in group for seen, number in counts.items() if seen >= day) for day in days]
