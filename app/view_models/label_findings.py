"""Where a label may be wrong, with texts to look at: against a truth, in a second reading, against simple rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.formatting import counted, percent, value_name
from core.domain.label import UNKNOWN
from core.domain.quality import Basis, Statistic
from core.queries.label_quality import DimensionReport, StoredMeasure

_AGAINST: Mapping[Basis, str] = {
    Basis.PEOPLE: "people",
    Basis.PLANTED: "planted truth",
    Basis.MODEL: "another model",
}


@dataclass(frozen=True, slots=True)
class Example:
    """A text to look at: data. ``given`` is the label, ``other`` what speaks against it."""

    content_id: str
    excerpt: str
    given: str
    other: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Texts in which two readings differ: ``title`` and ``told`` are ours."""

    title: str
    told: str
    examples: tuple[Example, ...]


def taken_for(dimension: str, truth: StoredMeasure | None) -> Iterator[str]:
    """The commonest confusions, in words."""
    for each in (truth.details.get("confusions", []) if truth else [])[:5]:
        missed, given = (value_name(dimension, each[side]) for side in ("true", "given"))
        said = "got no answer" if each["given"] == UNKNOWN else f"was called {given}"
        yield f"{missed} {said} ({counted(each['times'], 'time')})"


def findings_of(report: DimensionReport, truth: StoredMeasure | None) -> Iterator[Finding]:
    """Where the label may be wrong: against the truth, in a second reading, against simple rules."""
    if truth and truth.details.get("examples"):
        against = _AGAINST[truth.basis]
        told = f"{counted(truth.details['differing'], 'text')} of {truth.n:,} labelled otherwise."
        yield Finding(f"Where label and {against} differ", told, _examples(report.dimension, truth, "true"))
    for measure in report.measures:
        if measure.basis is Basis.REPLAY and measure.statistic is Statistic.AGREEMENT and measure.estimate is not None:
            yield _second_reading(report, measure)
            break
    for measure in report.measures:
        if measure.basis is Basis.RULES:
            yield Finding(
                f"Rule: {measure.set_name}",
                f"{_rate(measure)} {measure.details['claim'] if measure.details['differing'] else ''}".strip(),
                _examples(report.dimension, measure, ""),
            )


def _second_reading(report: DimensionReport, same: StoredMeasure) -> Finding:
    whole = (m for m in report.measures if m.basis is Basis.REPLAY and m.value is None)
    moved = next(m for m in whole if m.statistic is Statistic.KAPPA and m.set_name == same.set_name)
    told = f"{percent(same.estimate or 0)} of {counted(same.n, 'text')} read alike ({_bounds(same)}); {same.set_name}."
    return Finding("Read a second time", told, _examples(report.dimension, moved, "true"))


def _rate(measure: StoredMeasure) -> str:
    differing = measure.details["differing"]
    if not differing:
        return f"Agrees in all {counted(measure.n, 'text')} it speaks of (at least {_floor(measure.low or 0)})."
    return (
        f"Disagrees in {differing:,} of {counted(measure.n, 'text')} it speaks of ({percent(differing / measure.n)})."
    )


def _floor(share: float) -> str:
    """ "99.7 %": never more than it is."""
    return f"{int(1000 * share) / 10:g} %"


def _bounds(measure: StoredMeasure) -> str:
    return f"95 % interval {percent(measure.low or 0)} to {percent(measure.high or 0)}"


def _examples(dimension: str, measure: StoredMeasure, other: str) -> tuple[Example, ...]:
    return tuple(
        Example(
            each["content_id"],
            each["excerpt"],
            ", ".join(value_name(dimension, value) for value in each["given"]),
            ", ".join(value_name(dimension, value) for value in each.get(other, ())),
        )
        for each in measure.details.get("examples", [])
    )
