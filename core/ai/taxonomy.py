"""The closed, versioned taxonomy of text labels, read from a file that people edit and checked when it is loaded."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError, model_validator

from core.domain.label import UNKNOWN
from core.errors import BadInputError

TAXONOMY_V1 = Path(__file__).parent / "taxonomies" / "v1.yaml"
ANY_LANGUAGE = "any"

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
    """One value of a dimension: what it means, and the rules and example sentences that recognise it."""

    definition: _Filled
    declared: tuple[str, ...] = ()
    rules: dict[_LanguageCode, _Rules] = {}
    prototypes: dict[_LanguageCode, tuple[_Filled, ...]] = {}


class Dimension(_Closed):
    """One question asked of a text, and its closed list of answers; ``unknown`` is always allowed beside them."""

    definition: _Filled
    cardinality: Literal["single", "multi"]
    reads: Literal["text", "opening"] = "text"
    otherwise: _ValueId | None = None
    values: dict[_ValueId, Value]

    @model_validator(mode="after")
    def _check(self) -> Dimension:
        if UNKNOWN in self.values:
            raise ValueError("every dimension allows 'unknown' already: take it from the values")
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
    def allowed(self) -> frozenset[str]:
        """Every value a label of this dimension may carry."""
        return frozenset(self.values) | {UNKNOWN} | ({self.otherwise} if self.otherwise else set())


class _File(_Closed):
    version: int
    dimensions: dict[_ValueId, Dimension]


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """All dimensions. ``version`` changes with every change of the file ("v1-3fa94c01")."""

    version: str
    dimensions: Mapping[str, Dimension]


def load_taxonomy(path: Path = TAXONOMY_V1) -> Taxonomy:
    """Read and check a taxonomy. Raises BadInputError naming the file, line and value to correct."""
    try:
        content = path.read_bytes()
        tree = yaml.compose(content, Loader=yaml.SafeLoader)
        file = _File.model_validate(yaml.safe_load(content))
    except OSError as error:
        raise BadInputError(f"{path}: can't be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise BadInputError(f"{path}: not YAML: {error}") from error
    except ValidationError as error:
        problems = "; ".join(_problem(tree, details) for details in error.errors()[:5])
        raise BadInputError(f"{path}: {problems}") from error
    for repeated in _repeated_keys(tree):
        raise BadInputError(f"{path}: line {repeated.start_mark.line + 1}: {repeated.value!r} is given twice")
    return Taxonomy(f"v{file.version}-{hashlib.sha256(content).hexdigest()[:8]}", file.dimensions)


def _problem(tree: Any, details: Any) -> str:
    """One validation error as a sentence with its line and place."""
    place = [part for part in details["loc"] if part != "[key]"]
    return f"line {_line_of(tree, place)}: {'.'.join(map(str, place))}: {details['msg']}"


def _line_of(tree: Any, place: list[Hashable]) -> int:
    """The line (from 1) of the deepest key of a path that exists."""
    line = 0
    for part in place:
        pairs = tree.value if isinstance(tree, yaml.MappingNode) else []
        found = next(((key, node) for key, node in pairs if key.value == str(part)), None)
        if found is None:
            break
        line, tree = found[0].start_mark.line, found[1]
    return line + 1


def _repeated_keys(node: Any) -> Iterator[Any]:
    """Keys given twice in one mapping: YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            if key.value in seen:
                yield key
            seen.add(key.value)
            yield from _repeated_keys(child)
