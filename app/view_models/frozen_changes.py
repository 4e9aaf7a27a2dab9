"""What has changed since a comparison was frozen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.formatting import counted, number, value_name
from core.insights.mixes import Comparison

_LISTED = 5


def changes_since(before: Comparison, now: Comparison, names: Mapping[str, str]) -> list[str]:
    """Sentences with data in them: n of each brand, and verdicts that are others now."""
    told = [*_sizes(before, now, names)]
    moved = [*_verdicts(before, now, names)]
    told += moved[:_LISTED]
    if left := len(moved) - _LISTED:
        told += [f"and {counted(left, 'more verdict')} changed"] if left > 0 else []
    return told or ["nothing: asked again now, the answer is the same"]


def _sizes(before: Comparison, now: Comparison, names: Mapping[str, str]) -> Iterator[str]:
    then, today = ({brand.brand: brand.n for brand in one.brands} for one in (before, now))
    for slug in then.keys() | today.keys():
        if then.get(slug) != today.get(slug):
            yield f"{names.get(slug, slug)}: n = {number(then.get(slug, 0))} → {number(today.get(slug, 0))}"


def _verdicts(before: Comparison, now: Comparison, names: Mapping[str, str]) -> Iterator[str]:
    today = {brand.brand: brand.differences for brand in now.brands}
    for brand in before.brands:
        for value, cell in brand.differences.items():
            other = today.get(brand.brand, {}).get(value)
            verdict = other.verdict if other else "not compared"
            if verdict != cell.verdict:
                name = value_name(before.dimension, value)
                yield f"{names.get(brand.brand, brand.brand)}, {name}: {cell.verdict} → {verdict}"
