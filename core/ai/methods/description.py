"""A description and open attributes of one ad, by a model, in one call: what search and people read beside the labels.

Words of a model go no further than these two fields. No link leaves it, and no attribute speaks of who published the
ad, of scopes or of accounts: that is known from the source, whatever an ad may say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from core.ai.methods.answers import parsed, words
from core.ai.methods.base import Block, Reading
from core.ai.methods.framing import framed, hash_of, plain, prompt, visible, why_not
from core.ai.methods.questions import strict_object
from core.ai.sentences import MAX_CHARACTERS
from core.domain.label import Modality, Outcome, Provenance
from core.errors import BadInputError
from core.ports import ModelAnswer, ModelRequest

MOST_WORDS: Final = 500
MOST_ATTRIBUTES: Final = 70

_LONGEST_DESCRIPTION = 4_000  # characters: languages without blanks have no words to count
_LONGEST_NAME, _LONGEST_VALUE = 60, 160
_MOST_FACTS, _LONGEST_FACT = 12, 200
_MOST_PICTURES = 4
_MAX_OUTPUT_TOKENS = 6_000
_MODALITIES = {"text": Modality.TEXT, "picture": Modality.IMAGE}
_LINK = re.compile(r"\w{2,20}://|\bwww\.|\]\s?\(|<\s?[a-z/!]|javascript:|data:\w{1,20}/", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+){0,5}")
# Who runs an ad and who may see it is decided by its source and never by what an ad says.
_OF_THE_SOURCE = frozenset({"brand", "advertiser", "publisher", "scope", "organisation", "organization", "tenant"})


@dataclass(frozen=True, slots=True)
class Attribute:
    """One observation. ``name`` is lower case with underscores; ``read_in`` is what it was read in."""

    name: str
    value: str
    read_in: Modality


@dataclass(frozen=True, slots=True)
class Description:
    """At most 500 words, and about 50 observations; names come once."""

    text: str
    attributes: tuple[Attribute, ...]


class Describe:
    """The method ``description``."""

    name = "description"
    version = "1"
    taxonomy_version = ""

    def __init__(self) -> None:
        self._instructions = prompt(self.name)
        pair = {name: {"type": "string"} for name in ("name", "value")}
        attribute = strict_object({**pair, "read_in": {"type": "string", "enum": list(_MODALITIES)}})
        self._schema = strict_object(
            {"description": {"type": "string"}, "attributes": {"type": "array", "items": attribute}}
        )
        self.prompt_hash = hash_of(self._instructions, self._schema)

    def reads(self, block: Block) -> Block:
        """All there is of the ad, each part up to a length that no ad reaches."""
        facts = [(plain(name, longest=40), fact[:_LONGEST_FACT]) for name, fact in sorted(block.facts.items())]
        return replace(
            block,
            text=block.text[:MAX_CHARACTERS],
            cta_declared=block.cta_declared[:_LONGEST_FACT],
            picture_text=block.picture_text[:MAX_CHARACTERS],
            facts=dict(facts[:_MOST_FACTS]),
            pictures=block.pictures[:_MOST_PICTURES],
        )

    def request(self, block: Block) -> ModelRequest:
        """Raises BadInputError for an ad that says and shows nothing."""
        if not (visible(block.text) or visible(block.picture_text) or block.pictures):
            raise BadInputError("there is nothing to describe: give a text or a picture")
        facts = "\n".join(f"{name}: {fact}" for name, fact in block.facts.items())
        parts = {"source": facts, "copy": block.text, "button": block.cta_declared}
        return ModelRequest(
            instructions=self._instructions,
            text=framed({**parts, "words_on_picture": block.picture_text}, block.input_hash) or "The ad has no words.",
            schema_name=self.name,
            schema=self._schema,
            images=block.pictures,
            max_output_tokens=_MAX_OUTPUT_TOKENS,
        )

    def read(
        self, answer: ModelAnswer, block: Block, provenance: Provenance, *, cost_usd: float
    ) -> Reading[Description]:
        """The whole, or nothing: half a description isn't kept. Attributes that break a rule are left out."""
        if answer.outcome is not Outcome.OK:
            return Reading(answer.outcome, None, remarks=(why_not(answer),))
        said, wrong = parsed(answer.text)
        given = said.get("attributes")
        text = plain(words(said.get("description")), longest=_LONGEST_DESCRIPTION + 1)
        wrong = wrong or _wrong_with(text) or ("" if isinstance(given, list) else "it has no list of attributes")
        if wrong:
            return Reading(Outcome.INVALID, None, problems=(f"the answer is wrong: {wrong}",))
        attributes = _attributes(given or [], has_picture=bool(block.pictures))
        left_out = len(given or []) - len(attributes)
        remarks = (f"{left_out} attributes were left out",) if left_out else ()
        return Reading(Outcome.OK, Description(text, attributes), remarks=remarks)


def _wrong_with(text: str) -> str:
    """What keeps a description from being kept; "" for nothing."""
    if not text.strip():
        return "the description is empty"
    if len(text.split()) > MOST_WORDS or len(text) > _LONGEST_DESCRIPTION:
        return f"the description has more than {MOST_WORDS} words or {_LONGEST_DESCRIPTION:,} characters"
    return "the description holds a link or markup" if _LINK.search(text) else ""


def _attributes(given: Sequence[Any], *, has_picture: bool) -> tuple[Attribute, ...]:
    """Those that keep the rules, the first of each name."""
    kept: dict[str, Attribute] = {}
    for pair in given:
        if isinstance(pair, Mapping) and (found := _attribute(pair, has_picture=has_picture)):
            kept.setdefault(found.name, found)
    return tuple(kept.values())[:MOST_ATTRIBUTES]


def _attribute(pair: Mapping[str, Any], *, has_picture: bool) -> Attribute | None:
    name, value, read_in = (pair.get(field) for field in ("name", "value", "read_in"))
    if not isinstance(name, str) or not isinstance(value, str) or not isinstance(read_in, str):
        return None
    tidy = "_".join(plain(name, longest=_LONGEST_NAME + 1).casefold().replace("-", " ").replace("_", " ").split())
    is_named = len(tidy) <= _LONGEST_NAME and _NAME.fullmatch(tidy) and _OF_THE_SOURCE.isdisjoint(tidy.split("_"))
    shown = plain(value, longest=_LONGEST_VALUE)
    if not is_named or not shown or len(value) > _LONGEST_VALUE or _LINK.search(value):
        return None
    modality = _MODALITIES.get(read_in)
    if modality is None or (modality is Modality.IMAGE and not has_picture):
        return None
    return Attribute(tidy, shown, modality)
