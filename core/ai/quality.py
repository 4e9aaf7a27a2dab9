"""How good labels are, measured against a known truth: precision and recall per value, with their uncertainty.

An abstention (``unknown``) is no wrong answer: it costs recall, not precision, and is counted by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.domain.label import UNKNOWN
from core.insights.proportions import wilson_interval

Values = frozenset[str]


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its 95 % Wilson interval; all None for 0 of 0."""

    hits: int
    total: int

    @property
    def value(self) -> float | None:
        """hits / total."""
        return self.hits / self.total if self.total else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Lower and upper bound."""
        return wilson_interval(self.hits, self.total) if self.total else None


@dataclass(frozen=True, slots=True)
class ValueQuality:
    """One value (or the sum over values): how often it was right when given, and given when right."""

    correct: int
    predicted: int
    support: int  # texts whose truth has the value

    @property
    def precision(self) -> Share:
        """Correct of predicted."""
        return Share(self.correct, self.predicted)

    @property
    def recall(self) -> Share:
        """Correct of support."""
        return Share(self.correct, self.support)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None where the value neither occurs nor is given."""
        total = self.predicted + self.support
        return 2 * self.correct / total if total else None


@dataclass(frozen=True, slots=True)
class DimensionQuality:
    """All values of one dimension over ``texts`` texts, of which ``abstained`` got no answer."""

    values: Mapping[str, ValueQuality]
    texts: int
    abstained: int

    @property
    def micro(self) -> ValueQuality:
        """Every answer counts the same."""
        every = self.values.values()
        return ValueQuality(
            sum(v.correct for v in every), sum(v.predicted for v in every), sum(v.support for v in every)
        )

    @property
    def macro_f1(self) -> float | None:
        """Every value that occurs in the truth counts the same."""
        scores = [v.f1 for v in self.values.values() if v.support and v.f1 is not None]
        return sum(scores) / len(scores) if scores else None


def measure(pairs: Iterable[tuple[Values, Values]]) -> DimensionQuality:
    """Compare (predicted, true) values of one dimension, text by text. ``unknown`` or nothing is an abstention."""
    correct: Counter[str] = Counter()
    predicted: Counter[str] = Counter()
    support: Counter[str] = Counter()
    texts = abstained = 0
    for given, true in pairs:
        answers, truth = given - {UNKNOWN}, true - {UNKNOWN}
        texts += 1
        abstained += not answers
        correct.update(answers & truth)
        predicted.update(answers)
        support.update(truth)
    values = {v: ValueQuality(correct[v], predicted[v], support[v]) for v in sorted(predicted.keys() | support.keys())}
    return DimensionQuality(values, texts, abstained)


def confusions(pairs: Iterable[tuple[Values, Values]]) -> Counter[tuple[str, str]]:
    """How often (a true value that was missed, a wrong value given instead); ``unknown`` for no answer."""
    missed: Counter[tuple[str, str]] = Counter()
    for given, true in pairs:
        missed.update((value, wrong) for value in true - given for wrong in (given - true or {UNKNOWN}))
    return missed
