"""What a set of judged texts says about the labels of a dimension, as measures to be kept. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.ai.quality import confusions, measure
from core.domain.label import UNKNOWN
from core.domain.quality import Basis, Measure, Statistic
from core.insights.agreement import (
    Calibration,
    Estimate,
    Pair,
    Values,
    agreement,
    calibration,
    dimension_kappa,
    proportion,
    value_kappas,
)

MOST_EXAMPLES = 20
_MOST_CONFUSIONS = 8


@dataclass(frozen=True, slots=True)
class Judged:
    """The labels of one dimension of one text beside what they are measured against.

    ``confidences`` are those of ``given``, by value. ``content_id`` names the text, for those who want to look.
    """

    given: Values
    true: Values
    confidences: Mapping[str, float] = field(default_factory=dict)
    content_id: str = ""
    excerpt: str = ""

    @property
    def pair(self) -> Pair:
        """(given, true)."""
        return self.given, self.true

    @property
    def differs(self) -> bool:
        """Whether they don't say the same; ``unknown`` is nothing."""
        return self.given - {UNKNOWN} != self.true - {UNKNOWN}


@dataclass(frozen=True, slots=True)
class Occasion:
    """What is the same for all measures of one measuring."""

    basis: Basis
    set_name: str
    taxonomy_version: str
    method: str

    def measure(
        self, dimension: str, value: str | None, statistic: Statistic, found: Estimate, **details: Any
    ) -> Measure:
        """One figure."""
        return Measure(
            dimension, value, self.basis, self.set_name, statistic, found.n, found.value, found.low, found.high,
            self.taxonomy_version, self.method, details,
        )  # fmt: skip


def measures_of(occasion: Occasion, dimension: str, judged: Sequence[Judged], *, several: bool) -> list[Measure]:
    """Kappa and agreement of the dimension; kappa, precision and recall of each value; calibration where it is known.

    Only a truth has precision, recall and calibration: not another reading by the same method.
    """
    pairs = [each.pair for each in judged]
    whole = dimension_kappa(pairs, several=several)
    found = [
        occasion.measure(dimension, None, Statistic.KAPPA, whole, **_differences(judged)),
        occasion.measure(dimension, None, Statistic.AGREEMENT, agreement(pairs)),
    ]
    found += [occasion.measure(dimension, value, Statistic.KAPPA, each) for value, each in value_kappas(pairs).items()]
    if occasion.basis is not Basis.REPLAY:
        found += _of_truth(occasion, dimension, pairs)
        found += _of_calibration(occasion, dimension, judged)
    return found


def _of_truth(occasion: Occasion, dimension: str, pairs: Sequence[Pair]) -> Iterable[Measure]:
    for value, each in measure(pairs).values.items():
        precision, recall = proportion(each.correct, each.predicted), proportion(each.correct, each.support)
        yield occasion.measure(dimension, value, Statistic.PRECISION, precision)
        yield occasion.measure(dimension, value, Statistic.RECALL, recall)


def _of_calibration(occasion: Occasion, dimension: str, judged: Sequence[Judged]) -> list[Measure]:
    """Answers with a confidence alone: an abstention claims nothing."""
    answers = [
        (confidence, value in each.true)
        for each in judged
        for value, confidence in each.confidences.items()
        if value != UNKNOWN
    ]
    if not answers:
        return []
    found = calibration(answers)
    basis = Occasion(Basis.CALIBRATION, occasion.set_name, occasion.taxonomy_version, occasion.method)
    error = Estimate(found.n, found.error)
    details = {"against": occasion.basis.value, "bins": _bins(found)}
    return [basis.measure(dimension, None, Statistic.CALIBRATION_ERROR, error, **details)]


def _bins(found: Calibration) -> list[dict[str, float | int | None]]:
    return [
        {
            "above": each.above,
            "upto": each.upto,
            "n": each.n,
            "confidence": each.confidence,
            "right": each.right.value,
            "low": each.right.low,
            "high": each.right.high,
        }
        for each in found.bins
    ]


def _differences(judged: Sequence[Judged]) -> dict[str, Any]:
    """What is taken for what most often, and texts to look at."""
    differing = [each for each in judged if each.differs]
    taken = confusions(each.pair for each in differing).most_common(_MOST_CONFUSIONS)
    return {
        "differing": len(differing),
        "confusions": [{"true": true, "given": given, "times": times} for (true, given), times in taken],
        "examples": [
            {
                "content_id": each.content_id,
                "excerpt": each.excerpt,
                "given": sorted(each.given) or [UNKNOWN],
                "true": sorted(each.true) or [UNKNOWN],
            }
            for each in differing[:MOST_EXAMPLES]
        ],
    }
