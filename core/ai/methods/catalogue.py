"""Every method by its name: what it reads and gives, and how it is carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.ai.methods.base import Method
from core.ai.methods.description import Describe
from core.ai.methods.labels import TextLabels, VisualLabels
from core.ai.taxonomy import Taxonomy
from core.errors import BadInputError, NotFoundError

Make = Callable[[Taxonomy], Method[Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """``by_model`` makes the method that asks a model; None where only this machine does it."""

    reads: str
    gives: str
    is_local: bool
    by_model: Make | None = None

    @property
    def by(self) -> str:
        """Who carries it out."""
        return " or ".join(["this machine"] * self.is_local + ["a model"] * (self.by_model is not None))


METHODS: Final[Mapping[str, Entry]] = {
    "labels": Entry(
        "the copy and the declared button",
        "a value of each dimension of words, with quotes",
        is_local=True,
        by_model=TextLabels,
    ),
    "visual_labels": Entry(
        "the cover picture and the words on it",
        "a value of each dimension of pictures that isn't measured, with regions",
        is_local=False,
        by_model=VisualLabels,
    ),
    "description": Entry(
        "words, pictures and what the source says",
        "at most 500 words, and about 50 open attributes",
        is_local=False,
        by_model=lambda _: Describe(),
    ),
    "language": Entry("the copy", "its language, or unknown", is_local=True),
    "embedding": Entry("the copy", "a vector that likeness is measured by", is_local=True),
    "picture_text": Entry("a picture", "the words on it, and which were withheld", is_local=True),
}


def entry(name: str) -> Entry:
    """Raises NotFoundError naming those there are."""
    if name not in METHODS:
        raise NotFoundError(f"there is no method {name[:40]!r}: use {', '.join(METHODS)}")
    return METHODS[name]


def model_method(name: str, taxonomy: Taxonomy) -> Method[Any]:
    """The method as it asks a model. Raises NotFoundError, and BadInputError for one that no model carries out."""
    make = entry(name).by_model
    if make is None:
        raise BadInputError(f"{name} is done by this machine alone: leave --provider away, or give local")
    return make(taxonomy)
