"""What was read in an ad, a row a dimension, as the organisation sees it: corrections stand in the machine's place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from app.formatting import dimension_name, value_name
from core.ai.taxonomy import Taxonomy
from core.domain.label import LANGUAGE, UNKNOWN
from core.queries.labels_of_ad import Correction, LabelDetail

_OUTCOMES = {
    "refused": "Refused by the model",
    "truncated": "Answer cut off",
    "invalid": "Answer not valid",
    "failed": "No answer",
}
_LANGUAGE_OF = "The language of the text, as the detector finds it."


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line; ``marked`` where a label quotes it."""

    text: str
    marked: bool


Lines = tuple[tuple[Segment, ...], ...]


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One value as people read it. ``quotes`` are data; ``lines`` is the whole text with the quotes marked.

    ``confidence`` is the method's; a person's correction has none.
    """

    title: str
    value: str
    is_known: bool
    confidence: float | None
    quotes: tuple[str, ...]
    lines: Lines
    made_by: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DimensionRow:
    """A dimension with its values, the surest first; ``values`` as the taxonomy writes them.

    ``definition`` is "" for one that the present taxonomy doesn't know: labels made by an older one stay.
    """

    name: str
    title: str
    definition: str
    labels: tuple[LabelRow, ...]
    values: tuple[str, ...]
    is_known: bool
    is_corrected: bool


def dimension_rows(
    labels: Sequence[LabelDetail], corrections: Sequence[Correction], text: str, taxonomy: Taxonomy
) -> tuple[DimensionRow, ...]:
    """In the taxonomy's order, its own dimensions first."""
    corrected = {correction.dimension: correction for correction in corrections}
    machine: dict[str, list[LabelDetail]] = {}
    for label in labels:
        machine.setdefault(label.dimension, []).append(label)
    found = machine.keys() | corrected.keys()
    order = [name for name in (*taxonomy.dimensions, LANGUAGE) if name in found]
    return tuple(
        _row(name, machine.get(name, []), corrected.get(name), text, taxonomy)
        for name in [*order, *sorted(found - set(order))]
    )


def settled(before: Sequence[str], chosen: Sequence[str], alone: Collection[str]) -> list[str]:
    """What somebody means who adds to several values: one of ``alone`` drops the others, and another drops it."""
    added = [value for value in chosen if value not in before]
    if wins := [value for value in added if value in alone]:
        return wins[-1:]
    return [value for value in chosen if value not in alone] if added else list(chosen)


def mark(text: str, evidence: Iterable[Mapping[str, Any]]) -> Lines:
    """The text by lines, each cut into marked and other segments. A quote that isn't there marks nothing."""
    marked = [False] * len(text)
    for quote in evidence:
        start, end = int(quote.get("start") or 0), int(quote.get("end") or 0)
        if 0 <= start < end <= len(text) and text[start:end] == quote.get("quote"):
            marked[start:end] = [True] * (end - start)
    lines, begin = [], 0
    for line in text.split("\n"):
        pieces = groupby(zip(line, marked[begin : begin + len(line)], strict=True), key=itemgetter(1))
        lines.append(tuple(Segment("".join(letter for letter, _ in piece), flag) for flag, piece in pieces))
        begin += len(line) + 1
    return tuple(lines)


def _row(
    name: str, machine: Sequence[LabelDetail], correction: Correction | None, text: str, taxonomy: Taxonomy
) -> DimensionRow:
    if correction is None:
        rows = tuple(_made(label, text) for label in machine)
        values = tuple(label.value for label in machine)
    else:
        rows, values = tuple(_corrected(correction, machine, text)), correction.values
    return DimensionRow(
        name, dimension_name(name), _definition(name, taxonomy), rows, values, any(row.is_known for row in rows),
        correction is not None,
    )  # fmt: skip


def _definition(name: str, taxonomy: Taxonomy) -> str:
    if name == LANGUAGE:
        return _LANGUAGE_OF
    return taxonomy.definition(name) if name in taxonomy.dimensions else ""


def _made(label: LabelDetail, text: str) -> LabelRow:
    return LabelRow(
        title=dimension_name(label.dimension),
        value=_OUTCOMES.get(label.outcome) or value_name(label.dimension, label.value),
        is_known=label.outcome == "ok" and label.value != UNKNOWN,
        confidence=label.confidence,
        quotes=tuple(str(piece["quote"]) for piece in label.evidence if piece.get("quote")),
        lines=mark(text, label.evidence),
        made_by=tuple(_made_by(label)),
    )


def _corrected(correction: Correction, machine: Sequence[LabelDetail], text: str) -> Iterable[LabelRow]:
    said = ", ".join(value_name(label.dimension, label.value) for label in machine) or "Not read yet"
    made_by = (
        ("Corrected by", correction.corrected_by_email or correction.corrected_by),
        ("Corrected", f"{correction.corrected_at:%Y-%m-%d %H:%M} UTC"),
        ("The machine says", said),
    )
    for value in correction.values:
        name = value_name(correction.dimension, value)
        is_known = value != UNKNOWN
        yield LabelRow(dimension_name(correction.dimension), name, is_known, None, (), mark(text, ()), made_by)


def _made_by(label: LabelDetail) -> Iterable[tuple[str, str]]:
    made = label.provenance
    yield "Read from", label.modality
    yield "Outcome", label.outcome
    yield "Method", f"{made.get('method', '')} {made.get('method_version', '')}".strip()
    yield "Model", str(made.get("model", ""))
    yield "Taxonomy", str(made.get("taxonomy_version", ""))
    yield "Cost", f"${label.cost_usd:.4f}" if label.cost_usd else "none (local)"
    yield "Made", f"{label.created_at:%Y-%m-%d %H:%M} UTC"
