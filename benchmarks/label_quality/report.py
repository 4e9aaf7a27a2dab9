"""The measures as tables for people, as RESULT lines for scripts, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.harness import result_line
from core.ai.quality_rules import CheckResult
from core.domain.quality import Basis, Measure, Statistic

OUT = Path(__file__).parents[1] / "out" / "label_quality.json"
_SHOWN = (Statistic.KAPPA, Statistic.PRECISION, Statistic.RECALL)


def print_dimension(dimension: str, measures: Sequence[Measure], texts: int, silent: int) -> None:
    """A line a value: kappa, precision and recall, each with its interval and n; last the dimension."""
    own = [each for each in measures if each.dimension == dimension and each.basis is not Basis.CALIBRATION]
    values = sorted({each.value for each in own if each.value})
    print(f"\n{dimension}: {texts} texts, {silent} unknown ({silent / texts:.0%})")
    print(f"  {'value':<18}" + "".join(f"{name.value:>24}" for name in _SHOWN))
    for value in (*values, None):
        figures = (
            next((each for each in own if (each.value, each.statistic) == (value, name)), None) for name in _SHOWN
        )
        print(f"  {value or 'all':<18}" + "".join(f"{_told(each):>24}" for each in figures))


def result_lines(measures: Iterable[Measure]) -> list[str]:
    """One line a set and dimension."""
    return [
        result_line(
            "LABELS",
            {
                "set": each.set_name.replace(" ", "_"),
                "against": each.basis.value.replace(" ", "_"),
                "dimension": each.dimension,
                "n": each.n,
                "kappa": _figure(each.estimate),
                "low": _figure(each.low),
                "high": _figure(each.high),
            },
        )
        for each in measures
        if each.value is None and each.statistic is Statistic.KAPPA
    ]


def print_checks(name: str, checks: Sequence[CheckResult]) -> None:
    """Where a simple rule had something to say, and how often the label agreed."""
    print(f"\nsimple rules on {name}: the share of texts on which rule and label agree")
    for check in checks:
        if check.n:
            found = check.agreement
            told = f"{_figure(found.value)} [{_figure(found.low)}–{_figure(found.high)}]"
            print(f"  {check.check.name:<42} {told} n={check.n}")


def write(version: str, measures: Sequence[Measure]) -> Path:
    """Every figure, for comparing versions."""
    OUT.parent.mkdir(exist_ok=True)
    rows = [asdict(each) for each in measures]
    OUT.write_text(json.dumps({"taxonomy": version, "measures": rows}, indent=1, ensure_ascii=False), encoding="utf-8")
    return OUT


def _told(measure: Measure | None) -> str:
    if measure is None or measure.estimate is None:
        return "–"
    return f"{_figure(measure.estimate)} [{_figure(measure.low)}–{_figure(measure.high)}] {measure.n:>5}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
