"""Whether labels are good enough to be compared, and why, from what was measured of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.ai.quality_bars import Bar, QualityBars
from core.domain.quality import TRUTHS, Basis, Measure, Statistic

_AGAINST = {
    Basis.PEOPLE: "against people",
    Basis.PLANTED: "against the truth planted in sample data",
    Basis.MODEL: "against another model's labels, which are no truth",
}


class Standing(StrEnum):
    """How a label stands to its bar."""

    MEETS = "meets"  # even the low end of the interval reaches the bar
    UNPROVEN = "unproven"  # measured, and too little to say
    BELOW = "below"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of a dimension or a value. ``reason`` is a clause for people, without a full stop."""

    standing: Standing
    reason: str

    @property
    def is_below(self) -> bool:
        """Whether comparisons grey it."""
        return self.standing is Standing.BELOW


NOT_MEASURED = Verdict(Standing.NOT_MEASURED, "not measured: neither people nor planted truth have checked it")


@dataclass(frozen=True, slots=True)
class Verdicts:
    """Of one dimension and of those of its values that were measured by themselves."""

    dimension: Verdict = NOT_MEASURED
    values: Mapping[str, Verdict] = field(default_factory=dict)

    def of(self, value: str) -> Verdict:
        """The value's own, else the dimension's."""
        return self.values.get(value, self.dimension)


def verdicts(dimension: str, measures: Iterable[Measure], bars: QualityBars) -> Verdicts:
    """From the measures of one dimension; of several alike the first counts."""
    by_value: dict[str | None, list[Measure]] = {}
    for measure in measures:
        by_value.setdefault(measure.value, []).append(measure)
    found = {
        value: _verdict(of_value, bars.of(dimension, value))
        for value, of_value in by_value.items()
        if value is None or any(m.statistic is Statistic.KAPPA and m.estimate is not None for m in of_value)
    }
    whole = found.pop(None, NOT_MEASURED)
    return Verdicts(whole, {value: each for value, each in found.items() if value})


def _verdict(measures: list[Measure], bar: Bar) -> Verdict:
    """Instability is told first: what a second run says otherwise can't be right twice."""
    again = next((m for m in measures if m.basis is Basis.REPLAY and m.statistic is Statistic.AGREEMENT), None)
    if again and again.estimate is not None and again.estimate < bar.replay:
        moved = round(again.n * (1 - again.estimate))
        return Verdict(
            Standing.BELOW,
            f"a second run read {moved} of {_texts(again.n)} otherwise: {bar.replay * 100:g} % must stay",
        )
    beside = [m for basis in TRUTHS for m in measures if m.basis is basis and m.statistic is Statistic.KAPPA]
    known = next((measure for measure in beside if measure.estimate is not None), None)
    if known:
        return _against_truth(known, bar.truth)
    if beside:
        return Verdict(
            Standing.UNPROVEN, f"all {_texts(beside[0].n)} it was measured on are alike: nothing can be said"
        )
    return NOT_MEASURED


def _against_truth(measure: Measure, bar: float) -> Verdict:
    estimate, low, high = (part or 0.0 for part in (measure.estimate, measure.low, measure.high))
    said = f"kappa {estimate:.2f} ({low:.2f}–{high:.2f}) {_AGAINST[measure.basis]} on {_texts(measure.n)}"
    if low >= bar:
        return Verdict(Standing.MEETS, f"{said}: reaches {bar:g}")
    if estimate >= bar:
        return Verdict(Standing.UNPROVEN, f"{said}: too few to say that it reaches {bar:g}")
    if low <= 0 and high >= bar:
        return Verdict(Standing.UNPROVEN, f"{said}: too few to say anything")
    return Verdict(Standing.BELOW, f"{said}: below {bar:g}")


def _texts(n: int) -> str:
    return f"{n:,} {'text' if n == 1 else 'texts'}"
