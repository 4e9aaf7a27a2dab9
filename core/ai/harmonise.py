"""What sources and customers call things, mapped to values of the taxonomy: by a versioned file, the raw word kept.

A word is never guessed: it is mapped, or left on purpose (it says nothing that the taxonomy asks), or unmapped, which
is counted so that people can decide.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from core.ai.checked_yaml import line_of, read_checked
from core.ai.taxonomy import Taxonomy
from core.domain.label import UNKNOWN
from core.errors import BadInputError, NotFoundError

HARMONISING = Path(__file__).parent / "harmonising" / "v1.yaml"

_SEPARATOR = re.compile(r"\s*[;,]\s*")


class Made(StrEnum):
    """Who made a source's labels, as far as it is known."""

    PEOPLE = "people"
    MODEL = "model"
    PROGRAM = "program"  # from facts or by rules


class State(StrEnum):
    """What becomes of a raw word."""

    MAPPED = "mapped"
    LEFT = "left"  # known, and it says nothing that the taxonomy asks
    UNMAPPED = "unmapped"


@dataclass(frozen=True, slots=True)
class Harmonised:
    """A raw word and the (dimension, value) pairs it stands for: none unless it is mapped."""

    raw: str
    state: State
    labels: tuple[tuple[str, str], ...] = ()


class Field(BaseModel):
    """One attribute of a source. ``values``: raw word → dimension → value; ``left``: raw words that are left."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    definition: str
    made_by: Made
    how_known: str
    values: dict[str, dict[str, str]] = {}
    left: tuple[str, ...] = ()

    @cached_property
    def known(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Raw word, in lower case, to what it stands for."""
        mapped = {_key(raw): tuple(labels.items()) for raw, labels in self.values.items()}
        return {**{_key(raw): () for raw in self.left}, **mapped}


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    fields: dict[str, Field]


@dataclass(frozen=True, slots=True)
class Harmonising:
    """The map of all fields. ``version`` changes with every change of the file ("h1-09b6e2aa")."""

    version: str
    fields: Mapping[str, Field]

    def harmonise(self, field: str, raw: str) -> list[Harmonised]:
        """What a cell says. A cell that isn't known as a whole is a list, by comma or semicolon."""
        known = self._field(field).known
        words = [raw] if _key(raw) in known else _SEPARATOR.split(raw)
        return [_harmonised(known, word.strip()) for word in words if word.strip()]

    def report(self, field: str, cells: Iterable[str]) -> Mapping[State, Counter[str]]:
        """How often each raw word occurs, by what becomes of it."""
        found: dict[State, Counter[str]] = {state: Counter() for state in State}
        for cell in cells:
            for each in self.harmonise(field, cell):
                found[each.state][_key(each.raw)] += 1
        return found

    def _field(self, name: str) -> Field:
        if name not in self.fields:
            raise NotFoundError(f"there is no field {name[:40]!r}: use {', '.join(self.fields)}")
        return self.fields[name]


def load_harmonising(taxonomy: Taxonomy, path: Path = HARMONISING) -> Harmonising:
    """Read the map and check it against the taxonomy. Raises BadInputError naming the file, line and value."""
    content, tree, file = read_checked(path, _File)
    for name, field in file.fields.items():
        for raw, labels in field.values.items():
            for dimension, value in labels.items():
                _check(taxonomy, f"{path}: line {_line(tree, name, raw)}: {raw}", dimension, value)
        for raw in sorted({_key(raw) for raw in field.values} & {_key(raw) for raw in field.left}):
            raise BadInputError(f"{path}: line {line_of(tree, ['fields', name])}: {raw!r} is mapped and left")
    return Harmonising(f"h{file.version}-{hashlib.sha256(content).hexdigest()[:8]}", file.fields)


def _check(taxonomy: Taxonomy, where: str, dimension: str, value: str) -> None:
    asked = taxonomy.dimensions.get(dimension)
    if asked is None:
        raise BadInputError(f"{where}: the taxonomy has no dimension {dimension!r}")
    if value == UNKNOWN or value not in asked.allowed:
        raise BadInputError(f"{where}: {value!r} is none of {', '.join(asked.answers)}")


def _line(tree: Any, field: str, raw: str) -> int:
    return line_of(tree, ["fields", field, "values", raw])


def _harmonised(known: Mapping[str, tuple[tuple[str, str], ...]], raw: str) -> Harmonised:
    labels = known.get(_key(raw))
    if labels is None:
        return Harmonised(raw, State.UNMAPPED)
    return Harmonised(raw, State.MAPPED if labels else State.LEFT, labels)


def _key(raw: str) -> str:
    return " ".join(raw.split()).casefold()
