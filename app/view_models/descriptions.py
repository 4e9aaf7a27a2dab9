"""What a model wrote of an ad, for people, who must know that nobody has checked it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.formatting import day, words
from core.domain.label import Modality, Outcome
from core.queries.description import AdDescription

_READ_IN: Mapping[Modality, str] = {Modality.TEXT: "text", Modality.IMAGE: "picture"}
_NONE_BECAUSE: Mapping[Outcome, str] = {
    Outcome.REFUSED: "The model refused to describe this ad",
    Outcome.TRUNCATED: "The model's answer was cut off, and half a description isn't kept",
    Outcome.INVALID: "The model's answer wasn't valid and isn't kept",
    Outcome.FAILED: "No description came",
}


@dataclass(frozen=True, slots=True)
class DescriptionView:
    """All of it holds data. ``text`` is "" where there is none: then ``note`` says why.

    ``attributes`` are (name, value, what it was read in).
    """

    text: str
    attributes: tuple[tuple[str, str, str], ...]
    note: str


def make_description(found: AdDescription) -> DescriptionView:
    """From a query's answer."""
    attributes = tuple((words(each.name), each.value, _READ_IN[each.read_in]) for each in found.attributes)
    return DescriptionView(found.text or "", attributes, " ".join(f"{said.rstrip('.')}." for said in _notes(found)))


def _notes(found: AdDescription) -> Iterator[str]:
    """Sentences: how it stands, of which picture it is, who wrote it when, and what is wrong with it."""
    if found.outcome is Outcome.OK:
        yield "Written by a model; not checked"
    else:
        yield ": ".join(filter(None, (_NONE_BECAUSE[found.outcome], found.reason)))
    if found.outcome is Outcome.OK and found.is_of_another_picture:
        yield "Written about another picture with the same words"
    if made_by := _made_by(found):
        yield f"By {made_by}"
    if found.outcome is Outcome.OK and found.reason:
        yield found.reason


def _made_by(found: AdDescription) -> str:
    """ "openai/gpt-4.1, 21 Nov 2026, description 1"; "" where no model answered."""
    made = found.provenance
    if not made:
        return ""
    version = f"{made.get('method', '')} {made.get('method_version', '')}".strip()
    on = day(found.described_at.date()) if found.described_at else ""
    return ", ".join(filter(None, (str(made.get("model", "")), on, version)))
