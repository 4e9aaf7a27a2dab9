"""Days seen, voices and two dates, as they are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.formatting import counted, number, percent, points, value_name
from app.view_models.comparisons import MAX_BRANDS
from app.view_models.sayings import MARKS, NOUNS
from core.insights.deltas import ValueTurnover
from core.insights.proportions import Share
from core.insights.survival import Survival
from core.queries.deltas import TurnoverBetween
from core.queries.longevity import Survivals

_CONFIDENT = 0.05
_SMALLEST = 0.001  # p-values below are not told apart


@dataclass(frozen=True, slots=True)
class Curve:
    """One brand's curve. ``median`` in words, with its interval."""

    slug: str
    name: str
    survival: Survival
    median: str
    is_seen_once: bool


@dataclass(frozen=True, slots=True)
class Curves:
    """``test`` says whether the curves differ; ``rows`` are the table below the chart, of all brands.

    ``drawn`` are the curves that can fall: a brand that was scanned once would stay at 100 % and seem the best.
    """

    drawn: tuple[Curve, ...]
    noun: str
    test: str
    rows: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Turnovers:
    """Units by brand, and values whose share differs between what came and what went; ``headline`` says how many.

    ``warning``: why no difference is told.
    """

    rows: tuple[Mapping[str, Any], ...]
    shown: tuple[Mapping[str, Any], ...]
    others: tuple[Mapping[str, Any], ...]
    warning: str
    headline: str
    notes: tuple[str, ...]


def make_curves(found: Survivals, names: Mapping[str, str]) -> Curves:
    """The ten brands with most units."""
    noun = NOUNS[found.unit]
    curves = tuple(
        Curve(item.brand, names.get(item.brand, item.brand), item.survival, _median(item.survival), item.scan_days <= 1)
        for item in found.brands[:MAX_BRANDS]
    )
    rows = tuple(
        {
            "Brand": curve.name,
            f"{noun.title()}s": curve.survival.n,
            "No longer seen": curve.survival.ended,
            "Still seen": curve.survival.still_seen,
            "Median days seen (interval)": "–: scanned once" if curve.is_seen_once else curve.median,
        }
        for curve in curves
    )
    notes = [
        "Days from first to last seen: a proxy for how long an ad ran, and a poor one for how well it worked.",
        "Not seen isn't stopped: whatever the newest scan of its source doesn't show counts as ended here.",
        "A tick marks where something is still seen: from there on nobody knows. Intervals: Greenwood, log-log.",
    ]
    if once := sum(curve.is_seen_once for curve in curves):
        brands = counted(once, "brand was", "brands were")
        notes.append(f"{brands} scanned on one day only: nothing of it can have ended, so it isn't drawn.")
    drawn = tuple(curve for curve in curves if not curve.is_seen_once)
    has_ends = any(curve.survival.ended for curve in drawn)
    return Curves(drawn if has_ends else (), noun, _test(found), rows, tuple(notes))


def make_turnovers(found: TurnoverBetween, names: Mapping[str, str], *, withheld: str = "") -> Turnovers:
    """Every brand and value; those with a difference that is shown first: none while it is ``withheld``, and why."""
    turnover, noun = found.turnover, NOUNS[found.turnover.unit]
    rows = tuple(
        {
            "Brand": names.get(brand.brand, brand.brand),
            "New": brand.new,
            "Continuing": brand.continuing,
            "No longer seen": brand.gone,
        }
        for brand in turnover.brands
    )
    shown: list[Mapping[str, Any]] = []
    others: list[Mapping[str, Any]] = []
    for brand in turnover.brands:
        for value in brand.values:
            is_shown = value.difference.verdict in MARKS and not withheld
            row = _turnover(names.get(brand.brand, brand.brand), turnover.dimension, value)
            row |= {"Said": "too much waits to be read"} if withheld else {}
            (shown if is_shown else others).append(row)
    if not turnover.cells_tested:
        headline = (
            f"Too few {noun}s came and went to say anything of differences: it takes {turnover.minimum_n} of each."
        )
    elif withheld:
        headline = "Whether what came differs from what went isn't told yet."
    else:
        headline = f"{counted(len(shown), 'difference')} shown among {number(turnover.cells_tested)} cells."
    notes = [
        "Each date stands for the newest scan up to it. What goes on is in both: what came is held against what went."
    ]
    if found.sources_left_out:
        notes.append(f"{counted(found.sources_left_out, 'source')} not scanned up to the earlier date: left out.")
    return Turnovers(rows, tuple(shown), tuple(others), withheld, headline, tuple(notes))


def _median(survival: Survival) -> str:
    if survival.median_days is None:
        return "not reached: more than half are still seen" if survival.n else "–"
    low = number(survival.median_low_days) if survival.median_low_days is not None else "?"
    high = number(survival.median_high_days) if survival.median_high_days is not None else "not reached"
    return f"{number(survival.median_days)} ({low} to {high})"


def _test(found: Survivals) -> str:
    if found.log_rank is None:
        return "Curves of one brand alone can't be compared."
    p_value = found.log_rank.p_value
    told = "p < 0.001" if p_value < _SMALLEST else f"p = {p_value:.3f}"
    said = "The curves differ" if p_value <= _CONFIDENT else "No difference between the curves shown"
    return f"{said} (log-rank over all brands, {told})."


def _turnover(brand: str, dimension: str, row: ValueTurnover) -> dict[str, Any]:
    apart = row.difference
    span = "–"
    if apart.difference is not None and apart.low is not None and apart.high is not None:
        span = f"{points(apart.difference)} ({points(apart.low)} to {points(apart.high)})"
    return {
        "Brand": brand,
        "Value": value_name(dimension, row.value),
        "Before": _share(row.before),
        "Now": _share(row.now),
        "New": _share(row.new),
        "No longer seen": _share(row.gone),
        "New − no longer seen, points": span,
        "Said": apart.verdict.value,
    }


def _share(share: Share) -> str:
    return f"{percent(share.share)} ({share.count:,} of {share.n:,})" if share.share is not None else "–"
