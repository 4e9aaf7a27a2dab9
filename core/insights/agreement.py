"""How far two readings of the same texts agree, with the uncertainty that comes with few texts.

A reading gives each text a set of values of one dimension. ``unknown`` alone, and nothing at all, are the same answer:
that the text doesn't say. All intervals are of 95 %.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil
from statistics import fmean

from core.domain.label import UNKNOWN
from core.insights.proportions import share_of, wilson_interval

Values = frozenset[str]
Pair = tuple[Values, Values]  # (what is measured, what it is measured against)

RELIABILITY_BINS = 10


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its interval, resting on ``n`` texts; the rest None where it isn't defined."""

    n: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers whose confidence lies in (``above``, ``upto``]: what they claimed, and how often they were right."""

    above: float
    upto: float
    n: int
    confidence: float  # mean
    right: Estimate


@dataclass(frozen=True, slots=True)
class Calibration:
    """Bins without an answer are left out. ``error`` None: no answer at all."""

    n: int
    error: float | None
    bins: tuple[ReliabilityBin, ...]


def kappa(pairs: Sequence[tuple[str, str]]) -> Estimate:
    """Cohen's kappa, (p_o − p_e) / (1 − p_e), of two readings with one value a text.

    J. Cohen, "A coefficient of agreement for nominal scales", Educational and Psychological Measurement 20 (1960),
    37–46. Not defined where both readings give one and the same value to every text: chance explains all of it.

    The interval carries Wilson's interval of p_o over, with p_e held as it was observed (as Cohen's own standard error
    does). The usual one (Fleiss, Cohen & Everitt 1969, κ ± z·se) has no width at full agreement; in simulations with
    values that are rare, or with 20 to 120 texts, it holds the truth in as few as 6 to 80 % instead of 95 %.
    """
    n = len(pairs)
    if not n:
        return Estimate(0)
    same = sum(one == other for one, other in pairs)
    left, right = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    by_chance = sum(left[value] * right[value] for value in left) / n**2
    if by_chance >= 1:
        return Estimate(n)
    low, high = wilson_interval(same, n)
    return Estimate(n, *(max(-1.0, (part - by_chance) / (1 - by_chance)) for part in (same / n, low, high)))


def value_kappas(pairs: Sequence[Pair]) -> dict[str, Estimate]:
    """Cohen's kappa of each value that occurs, of the question whether a text has it; as in ``dimension_kappa``."""
    return {value: _beside(_has(pairs, value)) for value in _occurring(pairs)}


def dimension_kappa(pairs: Sequence[Pair], *, several: bool) -> Estimate:
    """Of a whole dimension: Cohen's kappa where a text has one value, ``unknown`` being one; else the mean over values.

    Not defined where what it is measured against never varies: kappa is 0 then, whatever the other reading says.
    """
    if not several:
        return _beside([(_one(given), _one(true)) for given, true in pairs])
    return macro(value_kappas(pairs).values(), len(pairs))


def macro(estimates: Iterable[Estimate], n: int) -> Estimate:
    """The mean over values, each counting the same; values without an estimate don't count.

    The ends of the interval are the means of theirs. That is on the safe side: no mean varies more than the mean of
    the standard deviations (Minkowski's inequality), however the values depend on each other.
    """
    return _mean([(each, 1) for each in estimates], n)


def agreement(pairs: Sequence[Pair]) -> Estimate:
    """The share of texts given exactly the same values, with Wilson's interval. Chance is not taken off."""
    return proportion(sum(_said(given) == _said(true) for given, true in pairs), len(pairs))


def proportion(count: int, n: int) -> Estimate:
    """``count`` of ``n`` with Wilson's interval."""
    share = share_of(count, n)
    return Estimate(n, share.share, share.low, share.high)


def between_annotators(readings: Sequence[Sequence[Values | None]], *, several: bool) -> Estimate:
    """Light's kappa: the mean of Cohen's over all pairs of annotators, by how many texts both of them judged.

    ``readings``: one an annotator, over the same texts; None where he didn't judge. R. J. Light, "Measures of response
    agreement for qualitative data", Psychological Bulletin 76 (1971), 365–377. ``n`` counts the texts that two or more
    judged; the ends of the interval are means, as in ``macro``.
    """
    shared = sum(sum(said is not None for said in text) > 1 for text in zip(*readings, strict=True))
    common = [
        [(a, b) for a, b in zip(one, other, strict=True) if a is not None and b is not None]
        for one, other in combinations(readings, 2)
    ]
    return _mean([(_between_two(both, several=several), len(both)) for both in common], shared)


def _between_two(pairs: Sequence[Pair], *, several: bool) -> Estimate:
    """Neither of the two is the reference."""
    if several:
        return macro((kappa(_has(pairs, value)) for value in _occurring(pairs)), len(pairs))
    return kappa([(_one(one), _one(other)) for one, other in pairs])


def calibration(answers: Iterable[tuple[float, bool]], bins: int = RELIABILITY_BINS) -> Calibration:
    """Confidence in [0, 1] of each answer beside whether it was right, in bins of equal width.

    The expected calibration error is Σ n_b / n · |share right in b − mean confidence in b|. M. P. Naeini, G. Cooper &
    M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI (2015); C. Guo et al., "On
    calibration of modern neural networks", ICML (2017).
    """
    binned: dict[int, list[tuple[float, bool]]] = {}
    for confidence, is_right in answers:
        number = max(0, ceil(round(confidence * bins, 9)) - 1)  # 0 belongs to the first bin
        binned.setdefault(number, []).append((confidence, is_right))
    found = tuple(_bin(number, bins, inside) for number, inside in sorted(binned.items()))
    n = sum(each.n for each in found)
    gaps = [each.n * abs((each.right.value or 0.0) - each.confidence) for each in found]
    return Calibration(n, sum(gaps) / n if n else None, found)


def _bin(number: int, bins: int, inside: Sequence[tuple[float, bool]]) -> ReliabilityBin:
    right = proportion(sum(is_right for _, is_right in inside), len(inside))
    return ReliabilityBin(number / bins, (number + 1) / bins, len(inside), fmean(c for c, _ in inside), right)


def _mean(weighted: Sequence[tuple[Estimate, int]], n: int) -> Estimate:
    known = [(each.value, each.low, each.high, weight) for each, weight in weighted if each.value is not None]
    if not known:
        return Estimate(n)
    *figures, weights = zip(*known, strict=True)
    return Estimate(n, *(fmean(figure, weights) for figure in figures))


def _beside(pairs: Sequence[tuple[str, str]]) -> Estimate:
    return kappa(pairs) if len({true for _, true in pairs}) > 1 else Estimate(len(pairs))


def _occurring(pairs: Sequence[Pair]) -> list[str]:
    """Every value that one of the readings gives."""
    return sorted(frozenset().union(*(given | true for given, true in pairs)) - {UNKNOWN})


def _has(pairs: Sequence[Pair], value: str) -> list[tuple[str, str]]:
    return [("yes" if value in given else "no", "yes" if value in true else "no") for given, true in pairs]


def _said(values: Values) -> Values:
    return values - {UNKNOWN}


def _one(values: Values) -> str:
    """The only value; several by mistake are one answer of their own."""
    return "|".join(sorted(_said(values))) or UNKNOWN
