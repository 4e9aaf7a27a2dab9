"""The methods that need no model of a vendor, with results of the same kind: local heuristics, called so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from core.ai.labelling import LOCAL_HEURISTICS, METHOD_VERSION, LabelInput, TextLabeller
from core.ai.language import LanguageGuess, detect_language
from core.ai.methods.base import Block, MethodResult
from core.ai.methods.labels import Labels
from core.ai.on_screen_text import OnScreenText, ReadingStatus
from core.domain.label import UNKNOWN, Outcome, Provenance, Region
from core.errors import BadInputError
from core.ports import ModelImage, TextEmbedder, Vector

T_co = TypeVar("T_co", covariant=True)


class LocalMethod(Protocol[T_co]):
    """A method that runs on this machine, at once."""

    @property
    def name(self) -> str: ...

    def run(self, block: Block) -> MethodResult[T_co]:
        """Raises BadInputError for a block with nothing to read."""
        ...


class LocalLabels:
    """Rules, then likeness to examples: the labels every ad has, asked for or not."""

    name = "labels"

    def __init__(self, labeller: TextLabeller) -> None:
        self._labeller = labeller

    def run(self, block: Block) -> MethodResult[Labels]:
        """One label of every dimension of words, and the language."""
        [labels] = self._labeller.label([LabelInput(_words(block), block.cta_declared)])
        known = [label.confidence for label in labels if label.value != UNKNOWN]
        return MethodResult(
            outcome=Outcome.OK,
            value=tuple(labels),
            confidence=round(sum(known) / len(known), 3) if known else None,
            evidence=tuple(piece for label in labels for piece in label.evidence),
            reason="",
            provenance=_provenance(self.name, block, taxonomy_version=self._labeller.taxonomy.version),
        )


class LocalLanguage:
    """By script and n-grams."""

    name = "language"

    def run(self, block: Block) -> MethodResult[LanguageGuess]:
        """ISO 639-1, or unknown."""
        guess = detect_language(_words(block))
        return MethodResult(Outcome.OK, guess, guess.confidence, (), "", _provenance(self.name, block))


class LocalEmbedding:
    """The text as a vector, as similar ads are found by."""

    name = "embedding"

    def __init__(self, embedder: TextEmbedder) -> None:
        self._embedder = embedder

    def run(self, block: Block) -> MethodResult[Vector]:
        """Of unit length, shape (model dimension,)."""
        vector: Vector = self._embedder.embed([_words(block)])[0]
        provenance = _provenance(self.name, block, model=self._embedder.model)
        return MethodResult(Outcome.OK, vector, None, (), "", provenance)


class LocalPictureText:
    """What stands on the picture, and what is withheld because it can't be read surely."""

    name = "picture_text"

    def __init__(self, reader: str, read: Callable[[ModelImage], OnScreenText]) -> None:
        """``reader`` names the engines."""
        self._reader, self._read = reader, read

    def run(self, block: Block) -> MethodResult[OnScreenText]:
        """A picture that can't be read is an answer, too: its status and reason say so."""
        if not block.pictures:
            raise BadInputError("there is no picture to read: give one")
        found = self._read(block.pictures[0])
        regions = tuple(Region(line.box) for line in found.lines)
        is_read = found.status in {ReadingStatus.OK, ReadingStatus.NO_TEXT}
        return MethodResult(
            outcome=Outcome.OK if is_read else Outcome.FAILED,
            value=found,
            confidence=found.confidence,
            evidence=regions,
            reason=found.reason or "",
            provenance=_provenance(self.name, block, model=self._reader),
        )


def _words(block: Block) -> str:
    if not block.text.strip():
        raise BadInputError("there is no text to read: give one")
    return block.text


def _provenance(method: str, block: Block, *, model: str = LOCAL_HEURISTICS, taxonomy_version: str = "") -> Provenance:
    parameters = {"input_hash": block.input_hash}
    return Provenance(method, METHOD_VERSION, model, taxonomy_version, parameters=parameters)
