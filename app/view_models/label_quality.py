"""How good each label is, for people: one line a dimension, then everything known of the one they look at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.formatting import ago, counted, dimension_name, value_name
from app.view_models.label_findings import Finding, findings_of, taken_for
from core.ai.quality_verdicts import Standing
from core.ai.taxonomy import Taxonomy
from core.domain.label import LANGUAGE
from core.domain.quality import TRUTHS, Basis, Statistic
from core.queries.label_quality import DimensionReport, LabelQuality, StoredMeasure

FEW = 30  # texts; with fewer a figure says little
BASES: Mapping[Basis, str] = {
    Basis.PEOPLE: "People",
    Basis.PLANTED: "Planted truth (sample data)",
    Basis.MODEL: "Another model (no truth)",
}
STANDINGS: Mapping[Standing, str] = {
    Standing.MEETS: "meets its bar",
    Standing.UNPROVEN: "not shown to meet its bar",
    Standing.BELOW: "below its bar: greyed in comparisons",
    Standing.NOT_MEASURED: "not measured",
}
_OF_LANGUAGE = "The language of the text, as the detector finds it."


@dataclass(frozen=True, slots=True)
class Dot:
    """A figure with its interval, of ``n`` texts."""

    estimate: float
    low: float
    high: float
    n: int

    @property
    def said(self) -> str:
        """ "0.82 (0.75–0.88), n = 120"; few texts are called few."""
        few = ", few" if self.n < FEW else ""
        return f"{self.estimate:.2f} ({self.low:.2f}–{self.high:.2f}), n = {self.n:,}{few}"


@dataclass(frozen=True, slots=True)
class Overview:
    """A dimension in the overview. ``dots``: agreement beyond chance (kappa) by what it was measured against."""

    name: str
    title: str
    standing: Standing
    reason: str
    bar: float
    dots: Mapping[Basis, Dot]


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One value: what it means and how good it is. Figures are None where nobody measured them."""

    value: str
    title: str
    definition: str
    examples: tuple[str, ...]
    standing: Standing
    kappa: Dot | None
    precision: Dot | None
    recall: Dot | None


@dataclass(frozen=True, slots=True)
class Curve:
    """Reliability: (stated confidence, how often right) by bin; ``error``: the mean gap."""

    error: float
    n: int
    points: tuple[tuple[float, Dot], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A set that was measured: as a row of a table."""

    against: str
    measured_on: str
    texts: int
    labels_made_by: str
    taxonomy: str
    measured: str
    seen_by: str


@dataclass(frozen=True, slots=True)
class Detail:
    """Everything about one dimension. ``basis`` names what its values' figures were measured against."""

    name: str
    title: str
    definition: str
    standing: Standing
    reason: str
    bar: float
    basis: str
    values: tuple[ValueRow, ...]
    curve: Curve | None
    taken_for: tuple[str, ...]
    findings: tuple[Finding, ...]
    between_people: str
    sources: tuple[Source, ...]

    @property
    def is_measured(self) -> bool:
        """Whether there is a figure at all."""
        return bool(self.sources)

    @property
    def content_ids(self) -> tuple[str, ...]:
        """Of all examples."""
        return tuple(sorted({each.content_id for found in self.findings for each in found.examples}))


def make_overview(quality: LabelQuality) -> list[Overview]:
    """Every dimension, in the order of the taxonomy."""
    return [
        Overview(
            each.dimension, dimension_name(each.dimension), each.standing, each.reason, each.bar, _dots(each.measures)
        )
        for each in quality.dimensions
    ]


def make_detail(quality: LabelQuality, name: str, taxonomy: Taxonomy, *, now: datetime) -> Detail:
    """One dimension of those in ``quality``."""
    report = next(each for each in quality.dimensions if each.dimension == name)
    truth = _truth(report.measures)
    asked = taxonomy.dimensions.get(name)
    return Detail(
        name=name,
        title=dimension_name(name),
        definition=asked.definition if asked else _OF_LANGUAGE,
        standing=report.standing,
        reason=report.reason,
        bar=report.bar,
        basis=BASES[truth.basis] if truth else "",
        values=tuple(_values(report, truth, taxonomy)),
        curve=_curve(report.measures, truth),
        taken_for=tuple(taken_for(name, truth)),
        findings=tuple(findings_of(report, truth)),
        between_people=_between_people(report.measures),
        sources=tuple(_sources(report.measures, now)),
    )


def _dots(measures: Sequence[StoredMeasure]) -> dict[Basis, Dot]:
    found: dict[Basis, Dot] = {}
    for measure in measures:
        dot = _dot(measure)
        if measure.value is None and measure.statistic is Statistic.KAPPA and measure.basis in BASES and dot:
            found.setdefault(measure.basis, dot)
    return found


def _dot(measure: StoredMeasure | None) -> Dot | None:
    if measure is None or measure.estimate is None or measure.low is None or measure.high is None:
        return None
    return Dot(measure.estimate, measure.low, measure.high, measure.n)


def _truth(measures: Sequence[StoredMeasure]) -> StoredMeasure | None:
    """The kappa of the whole dimension that the verdict goes by, else any against a truth."""
    whole = [m for m in measures if m.value is None and m.statistic is Statistic.KAPPA]
    ranked = sorted((m for m in whole if m.basis in TRUTHS), key=lambda m: TRUTHS.index(m.basis))
    return next((m for m in ranked if m.estimate is not None), ranked[0] if ranked else None)


def _values(report: DimensionReport, truth: StoredMeasure | None, taxonomy: Taxonomy) -> Iterator[ValueRow]:
    """Those of the taxonomy, measured or not; of language, those that were measured."""
    figures = {
        (m.value, m.statistic): _dot(m)
        for m in reversed(report.measures)
        if truth and m.value and (m.basis, m.set_name) == (truth.basis, truth.set_name)
    }
    standings = {each.value: each.standing for each in report.values}
    measured = sorted({str(value) for value, _ in figures})
    asked = taxonomy.dimensions.get(report.dimension)
    for value in dict.fromkeys([*(asked.answers if asked else ()), *measured]):
        known = asked.values.get(value) if asked else None
        yield ValueRow(
            value=value,
            title=value_name(report.dimension, value),
            definition=known.definition if known else "" if report.dimension == LANGUAGE else "None of the others.",
            examples=known.shown_examples[:2] if known else (),
            standing=standings.get(value, Standing.NOT_MEASURED),
            kappa=figures.get((value, Statistic.KAPPA)),
            precision=figures.get((value, Statistic.PRECISION)),
            recall=figures.get((value, Statistic.RECALL)),
        )


def _curve(measures: Sequence[StoredMeasure], truth: StoredMeasure | None) -> Curve | None:
    for measure in measures:
        if measure.basis is Basis.CALIBRATION and truth and measure.set_name == truth.set_name:
            points = tuple(
                (each["confidence"], Dot(each["right"], each["low"], each["high"], each["n"]))
                for each in measure.details["bins"]
            )
            return Curve(measure.estimate or 0.0, measure.n, points)
    return None


def _between_people(measures: Sequence[StoredMeasure]) -> str:
    for measure in measures:
        dot = _dot(measure)
        if measure.statistic is Statistic.BETWEEN_PEOPLE and dot:
            return f"{counted(measure.details['annotators'], 'person', 'people')} among themselves: kappa {dot.said}."
    return ""


def _sources(measures: Sequence[StoredMeasure], now: datetime) -> Iterator[Source]:
    """One row a set, in the order in which they count."""
    told: set[tuple[Basis, str, bool]] = set()
    for measure in measures:
        key = (measure.basis, measure.set_name, measure.is_own)
        if measure.value is None and key not in told and measure.basis is not Basis.CALIBRATION:
            told.add(key)
            yield Source(
                against={**BASES, Basis.REPLAY: "A second reading", Basis.RULES: "A simple rule"}[measure.basis],
                measured_on=measure.set_name,
                texts=measure.n,
                labels_made_by=measure.method,
                taxonomy=measure.taxonomy_version,
                measured=ago(measure.measured_at, now),
                seen_by="your organisation" if measure.is_own else "everybody",
            )
