"""Labels by a model: every dimension of the words, or of the picture, in one call, each value with its evidence.

What an answer may do is little. A value outside the list is no label. A quote must stand in the text (or on the
declared button) and a region in the picture: else the value stays without evidence, and no surer than 0.4. Fields that
weren't asked for are passed over. Confidence is 0.9, 0.7 or 0.4 for sure, likely and unsure: an order, no probability
before the calibration on the Label quality page.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from core.ai.methods.answers import parsed, share, words
from core.ai.methods.base import Block, Reading
from core.ai.methods.framing import framed, hash_of, plain, prompt, visible, why_not
from core.ai.methods.questions import answer_schema, harmonised, question, strict_object
from core.ai.methods.quoting import find_quote
from core.ai.sentences import MAX_CHARACTERS
from core.ai.taxonomy import Dimension, Taxonomy
from core.domain.label import UNKNOWN, Evidence, Label, Modality, Outcome, Provenance, Region
from core.errors import BadInputError
from core.ports import ModelAnswer, ModelRequest

CONFIDENCES = {"sure": 0.9, "likely": 0.7, "unsure": 0.4}
MOST_CONFIDENT_WITHOUT_EVIDENCE = 0.4

_LONGEST_BUTTON = 200
_MAX_OUTPUT_TOKENS = 6_000  # models that think before they answer pay for it from these, too
_LONGEST_RAW = 80
_LEAST_SIDE = 0.01  # of a region
_CORNERS = ("left", "top", "right", "bottom")

Labels = tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    """One value of an answer, checked. ``is_shown``: with evidence, or without need of any."""

    value: str
    confidence: float
    raw_value: str | None
    evidence: tuple[Evidence, ...] = ()
    regions: tuple[Region, ...] = ()
    is_shown: bool = True


@dataclass(frozen=True, slots=True)
class _Found:
    """The answer to one question: its values, ``unknown`` if there are none, or what is wrong with it."""

    claims: Sequence[_Claim] = ()
    problem: str = ""


class _Labels(ABC):
    """What the two methods share: a question a dimension, an answer a question."""

    name: ClassVar[str]
    version: ClassVar[str] = "1"
    _modality: ClassVar[Modality]

    def __init__(self, taxonomy: Taxonomy, dimensions: Mapping[str, Dimension]) -> None:
        self.taxonomy_version = taxonomy.version
        self.dimensions = dimensions
        questions = "\n\n".join(question(name, dimension) for name, dimension in dimensions.items())
        self._instructions = prompt(self.name).replace("{dimensions}", questions)
        shown = {**self._evidence_schema(), "confidence": {"type": "string", "enum": list(CONFIDENCES)}}
        self._schema = strict_object({name: answer_schema(each, shown) for name, each in dimensions.items()})
        self.prompt_hash = hash_of(self._instructions, self._schema)

    def request(self, block: Block) -> ModelRequest:
        """One question a dimension. Raises BadInputError for a block with nothing to read."""
        return ModelRequest(
            instructions=self._instructions,
            text=framed(self._parts(block), block.input_hash) or "The ad has no words.",
            schema_name=self.name,
            schema=self._schema,
            images=block.pictures,
            max_output_tokens=_MAX_OUTPUT_TOKENS,
        )

    def read(self, answer: ModelAnswer, block: Block, provenance: Provenance, *, cost_usd: float) -> Reading[Labels]:
        """At least one label of every dimension, with its own outcome; they share the cost."""
        if answer.outcome is not Outcome.OK:
            return self._nothing(answer.outcome, provenance, cost_usd, remarks=(why_not(answer),))
        said, wrong = parsed(answer.text)
        if wrong:
            return self._nothing(Outcome.INVALID, provenance, cost_usd, problems=(f"the answer is wrong: {wrong}",))
        return self._of(said, block, provenance, cost_usd)

    def _of(self, said: Mapping[str, Any], block: Block, provenance: Provenance, cost_usd: float) -> Reading[Labels]:
        found = {name: self._found(said.get(name), each, block) for name, each in self.dimensions.items()}
        labels = _sharing(
            [label for name, each in found.items() for label in self._labelled(name, each.claims, provenance)], cost_usd
        )
        return Reading(
            outcome=Outcome.OK if any(label.outcome is Outcome.OK for label in labels) else Outcome.INVALID,
            value=labels,
            confidence=_mean([label.confidence for label in labels if label.value != UNKNOWN]),
            evidence=tuple(_evidence(labels)),
            problems=tuple(f"{name} {each.problem}" for name, each in found.items() if each.problem),
            remarks=tuple(self._remarks(found, unasked=len(said.keys() - self.dimensions))),
        )

    def _found(self, said: object, dimension: Dimension, block: Block) -> _Found:
        given = said if isinstance(said, list) else [said]
        objects = [claim for claim in given if isinstance(claim, dict)]
        if len(objects) < len(given):
            return _Found(problem="is missing or has another shape than the schema's")
        claims: dict[str, _Claim] = {}
        for each in objects:
            value = harmonised(dimension, each.get("value"))
            if value is None or words(each.get("confidence")) not in CONFIDENCES:
                return _Found(problem="holds something that is not of its list")
            claims.setdefault(value, self._claim(value, each, dimension, block))
        return _Found(_consistent(list(claims.values()), dimension))

    def _remarks(self, found: Mapping[str, _Found], *, unasked: int) -> Iterator[str]:
        if unasked:
            yield f"{unasked} fields that weren't asked for were passed over"
        for name, each in found.items():
            if any(not claim.is_shown for claim in each.claims):
                yield f"{name}: its evidence was not found in the ad"

    def _claim(self, value: str, said: Mapping[str, Any], dimension: Dimension, block: Block) -> _Claim:
        raw_value = None if said["value"] == value else plain(said["value"], longest=_LONGEST_RAW)
        if value == UNKNOWN:
            return _Claim(value, 0.0, raw_value)
        claim = self._with_evidence(_Claim(value, CONFIDENCES[said["confidence"]], raw_value), said, block)
        if claim.is_shown or value == dimension.otherwise:
            return replace(claim, is_shown=True)
        return replace(claim, confidence=min(claim.confidence, MOST_CONFIDENT_WITHOUT_EVIDENCE))

    def _labelled(self, name: str, claims: Sequence[_Claim], provenance: Provenance) -> Iterator[Label]:
        if not claims:
            yield Label(name, UNKNOWN, 0.0, provenance, outcome=Outcome.INVALID, modality=self._modality)
        for claim in claims:
            yield Label(
                dimension=name,
                value=claim.value,
                confidence=claim.confidence,
                provenance=provenance,
                evidence=claim.evidence,
                modality=self._modality,
                regions=claim.regions,
                raw_value=claim.raw_value,
            )

    def _nothing(
        self,
        outcome: Outcome,
        provenance: Provenance,
        cost_usd: float,
        *,
        problems: tuple[str, ...] = (),
        remarks: tuple[str, ...] = (),
    ) -> Reading[Labels]:
        labels = [
            Label(name, UNKNOWN, 0.0, provenance, outcome=outcome, modality=self._modality) for name in self.dimensions
        ]
        return Reading(outcome, _sharing(labels, cost_usd), problems=problems, remarks=remarks)

    @abstractmethod
    def _parts(self, block: Block) -> Mapping[str, str]: ...

    @abstractmethod
    def _evidence_schema(self) -> Mapping[str, Any]: ...

    @abstractmethod
    def _with_evidence(self, claim: _Claim, said: Mapping[str, Any], block: Block) -> _Claim: ...


class TextLabels(_Labels):
    """The dimensions read in the words: the copy and the declared button, nothing else. ``only`` some, or all."""

    name = "labels"
    _modality = Modality.TEXT

    def __init__(self, taxonomy: Taxonomy, only: Collection[str] = ()) -> None:
        super().__init__(taxonomy, _asked(taxonomy.of_words, only))

    def reads(self, block: Block) -> Block:
        """The copy's first 5,000 characters and the button: what labels of words depend on, whoever runs the ad."""
        return Block(text=block.text[:MAX_CHARACTERS], cta_declared=block.cta_declared[:_LONGEST_BUTTON])

    def request(self, block: Block) -> ModelRequest:
        """Raises BadInputError for an ad without words."""
        if not any(map(visible, self._parts(block).values())):
            raise BadInputError("there are no words to label: give a text, or use visual_labels for a picture")
        return super().request(block)

    def _parts(self, block: Block) -> Mapping[str, str]:
        return {"copy": block.text, "button": block.cta_declared}

    def _evidence_schema(self) -> Mapping[str, Any]:
        return {"quote": {"type": "string"}}

    def _with_evidence(self, claim: _Claim, said: Mapping[str, Any], block: Block) -> _Claim:
        """A button is the best of evidence, though no part of the text."""
        quote = words(said.get("quote"))
        found = find_quote(block.text, quote)
        is_shown = found is not None or find_quote(block.cta_declared, quote) is not None
        return replace(claim, evidence=(found,) if found else (), is_shown=is_shown)


class VisualLabels(_Labels):
    """The dimensions read in the cover picture, but for those that are measured in its pixels."""

    name = "visual_labels"
    _modality = Modality.IMAGE

    def __init__(self, taxonomy: Taxonomy, only: Collection[str] = ()) -> None:
        left = {name: each for name, each in taxonomy.of_pictures.items() if not each.measured}
        super().__init__(taxonomy, _asked(left, only))

    def reads(self, block: Block) -> Block:
        """The cover and the words on it."""
        return Block(picture_text=block.picture_text[:MAX_CHARACTERS], pictures=block.pictures[:1])

    def request(self, block: Block) -> ModelRequest:
        """Raises BadInputError without a picture."""
        if not block.pictures:
            raise BadInputError("there is no picture to label: give one, or use labels for words")
        return super().request(block)

    def _parts(self, block: Block) -> Mapping[str, str]:
        return {"words_on_picture": block.picture_text}

    def _evidence_schema(self) -> Mapping[str, Any]:
        return {"region": strict_object({corner: {"type": "number"} for corner in _CORNERS})}

    def _with_evidence(self, claim: _Claim, said: Mapping[str, Any], block: Block) -> _Claim:
        region = _region(said.get("region"))
        return replace(claim, regions=(region,) if region else (), is_shown=region is not None)


def _asked(dimensions: Mapping[str, Dimension], only: Collection[str]) -> Mapping[str, Dimension]:
    """All of them, or those of a re-run on purpose. Raises BadInputError where none is left."""
    asked = {name: each for name, each in dimensions.items() if not only or name in only}
    if not asked:
        raise BadInputError(
            f"none of {', '.join(sorted(only)) or 'no dimensions'} is read here: {', '.join(dimensions)} are"
        )
    return asked


def _consistent(claims: list[_Claim], dimension: Dimension) -> list[_Claim]:
    """A value that says that nothing was found can't stand beside one that was."""
    found = [claim for claim in claims if claim.value not in {UNKNOWN, dimension.otherwise}]
    kept = found or claims[:1] or [_Claim(UNKNOWN, 0.0, None)]
    return kept[:1] if dimension.cardinality == "single" else kept


def _region(said: object) -> Region | None:
    if not isinstance(said, Mapping):
        return None
    left, top, right, bottom = (share(said.get(corner)) for corner in _CORNERS)
    if left is None or top is None or right is None or bottom is None:
        return None
    is_seen = right - left >= _LEAST_SIDE and bottom - top >= _LEAST_SIDE
    return Region((left, top, right, bottom)) if is_seen else None


def _evidence(labels: Sequence[Label]) -> Iterator[Evidence | Region]:
    for label in labels:
        yield from label.evidence
        yield from label.regions


def _sharing(labels: Sequence[Label], cost_usd: float) -> Labels:
    """Each with its part of what the call cost, so that the sum over labels is right."""
    return tuple(replace(label, cost_usd=cost_usd / len(labels)) for label in labels)


def _mean(numbers: Sequence[float]) -> float | None:
    return round(sum(numbers) / len(numbers), 3) if numbers else None
