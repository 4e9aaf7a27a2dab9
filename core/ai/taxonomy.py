"""The closed, versioned taxonomy of labels, read from files that people edit and checked when it is loaded.

A folder: ``taxonomy.yaml`` says the version and the order of the dimensions, ``<dimension>.yaml`` holds each of them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, model_validator

from core.ai.checked_yaml import line_of, read_checked
from core.domain.label import LANGUAGE, OTHERWISE, UNKNOWN, is_visual
from core.errors import BadInputError, NotFoundError

TAXONOMY = Path(__file__).parent / "taxonomies" / "v2"
ANY_LANGUAGE = "any"

_INDEX = "taxonomy.yaml"
_SHOWN_PROTOTYPES = 2
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_UNBOUNDED = re.compile(r"[*+]|\{\d{0,4},\}")
_PEOPLE_FRIENDLY = {" ": r"(?:\s{1,3})", "'": "['’]"}


def _compile_rules(rules: object) -> re.Pattern[str]:
    """One alternation of all rules of a value and language. Raises ValueError naming the bad rule."""
    if not isinstance(rules, list) or not rules:
        raise ValueError("give a list of regular expressions")
    return re.compile("|".join(f"(?:{_checked_rule(rule)})" for rule in rules), re.IGNORECASE)


def _checked_rule(rule: object) -> str:
    if not isinstance(rule, str) or not rule:
        raise ValueError(f"the rule {rule!r} is not a text: put it in quotes")
    tokens = _TOKEN.findall(rule)
    if _UNBOUNDED.search("".join(token for token in tokens if len(token) == 1)):
        raise ValueError(f"the rule {rule!r} repeats without bound: use {{0,20}} instead of * or +")
    pattern = "".join(_PEOPLE_FRIENDLY.get(token, token) for token in tokens)
    try:
        found_nothing = re.compile(pattern, re.IGNORECASE).search("") is None
    except re.error as error:
        raise ValueError(f"the rule {rule!r} is no regular expression: {error}") from error
    if not found_nothing:
        raise ValueError(f"the rule {rule!r} matches an empty text: make something in it obligatory")
    return pattern


_LanguageCode = Annotated[str, StringConstraints(pattern=r"^([a-z]{2}|any)$")]
_Rules = Annotated[re.Pattern[str], BeforeValidator(_compile_rules)]
_Filled = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
_ValueId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,30}$")]


class _Closed(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Value(_Closed):
    """One value of a dimension: what it means, examples for people and models, and what recognises it locally."""

    definition: _Filled
    examples: tuple[_Filled, ...] = ()
    not_this: tuple[_Filled, ...] = ()
    declared: tuple[str, ...] = ()
    rules: dict[_LanguageCode, _Rules] = {}
    prototypes: dict[_LanguageCode, tuple[_Filled, ...]] = {}

    @property
    def shown_examples(self) -> tuple[str, ...]:
        """What stands for the value beside its definition: its examples, else English prototypes."""
        return self.examples or self.prototypes.get("en", ())[:_SHOWN_PROTOTYPES]


class Dimension(_Closed):
    """One question asked of an ad's words or picture, and its closed list of answers; beside them ``unknown``."""

    definition: _Filled
    cardinality: Literal["single", "multi"]
    reads: Literal["text", "opening", "picture"] = "text"
    measured: bool = False
    otherwise: _ValueId | None = None
    values: dict[_ValueId, Value]

    @model_validator(mode="after")
    def _check(self) -> Dimension:
        if UNKNOWN in self.values:
            raise ValueError("every dimension allows 'unknown' already: take it from the values")
        if self.otherwise and self.otherwise not in OTHERWISE:
            raise ValueError(f"otherwise: use {' or '.join(OTHERWISE)}; counting knows these by name")
        if self.measured and self.reads != "picture":
            raise ValueError("only pictures are measured")
        if self.reads == "picture" and any(each.rules or each.prototypes for each in self.values.values()):
            raise ValueError("rules and prototypes read words: take them from a dimension that reads pictures")
        return self

    @cached_property
    def languages(self) -> frozenset[str]:
        """The languages the rules cover: only in these does finding nothing mean something."""
        return frozenset(code for value in self.values.values() for code in value.rules) - {ANY_LANGUAGE}

    @cached_property
    def has_prototypes(self) -> bool:
        """Whether a text that no rule decides can be compared with example sentences."""
        return any(value.prototypes for value in self.values.values())

    @cached_property
    def declared(self) -> Mapping[str, str]:
        """What a source may write on the button, in lower case, to the value it means."""
        return {word.casefold(): name for name, value in self.values.items() for word in value.declared}

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """Every value but ``unknown``, used or not: in the order of the file, ``otherwise`` last."""
        return tuple(dict.fromkeys([*self.values, *([self.otherwise] if self.otherwise else [])]))

    @cached_property
    def allowed(self) -> frozenset[str]:
        """Every value a label of this dimension may carry."""
        return frozenset(self.answers) | {UNKNOWN}


class _Index(_Closed):
    version: int
    dimensions: tuple[_ValueId, ...]


@dataclass(frozen=True)
class Taxonomy:
    """All dimensions, in the order they are shown. ``version`` changes with every change of a file ("v2-3fa94c01")."""

    version: str
    dimensions: Mapping[str, Dimension]

    @cached_property
    def of_words(self) -> Mapping[str, Dimension]:
        """The dimensions read in what an ad says: local heuristics answer all of these."""
        return {name: each for name, each in self.dimensions.items() if not is_visual(name)}

    @cached_property
    def of_pictures(self) -> Mapping[str, Dimension]:
        """The dimensions read in an ad's cover: by a model, or measured in its pixels."""
        return {name: each for name, each in self.dimensions.items() if is_visual(name)}

    def dimension(self, name: str) -> Dimension:
        """Raises NotFoundError naming those there are."""
        if name not in self.dimensions:
            raise NotFoundError(f"there is no dimension {name[:40]!r}: use {', '.join(self.dimensions)}")
        return self.dimensions[name]

    def values(self, dimension: str) -> tuple[str, ...]:
        """Every value of a dimension but ``unknown``, used by an ad or not. Raises NotFoundError."""
        return self.dimension(dimension).answers

    def definition(self, dimension: str, value: str | None = None) -> str:
        """What a dimension or one of its values means, for tooltips; "" for a value without words of its own."""
        asked = self.dimension(dimension)
        if value is None:
            return asked.definition
        return asked.values[value].definition if value in asked.values else ""


def load_taxonomy(folder: Path = TAXONOMY) -> Taxonomy:
    """Read and check a taxonomy. Raises BadInputError naming the file, line and value to correct."""
    content, tree, index = read_checked(folder / _INDEX, _Index)
    digest = hashlib.sha256(content)
    _check_names(folder, tree, index)
    dimensions: dict[str, Dimension] = {}
    for name in index.dimensions:
        path = folder / f"{name}.yaml"
        content, tree, dimensions[name] = read_checked(path, Dimension)
        digest.update(content)
        if is_visual(name) != (dimensions[name].reads == "picture"):
            line = line_of(tree, ["reads"])
            raise BadInputError(f"{path}: line {line}: reads: dimensions named visual_… read a picture, no others do")
    return Taxonomy(f"v{index.version}-{digest.hexdigest()[:8]}", dimensions)


def _check_names(folder: Path, tree: Any, index: _Index) -> None:
    line, listed = line_of(tree, ["dimensions"]), set(index.dimensions)
    where = f"{folder / _INDEX}: line {line}: dimensions:"
    if LANGUAGE in listed:
        raise BadInputError(f"{where} {LANGUAGE!r} is told by the detector: take it from the list")
    if len(listed) < len(index.dimensions):
        raise BadInputError(f"{where} a dimension is listed twice")
    files = {path.stem for path in folder.glob("*.yaml") if path.name != _INDEX}
    if forgotten := sorted(files - listed):
        raise BadInputError(f"{where} {forgotten[0]!r} has a file and isn't listed")
