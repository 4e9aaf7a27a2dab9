"""What every method takes and gives. A method of a model is pure: it makes the request and reads the answer.

``core.ai.methods.running.run`` asks in between, and once more where the answer was no valid one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from core.domain.label import Evidence, Outcome, Provenance, Region
from core.ports import ModelAnswer, ModelImage, ModelRequest, ModelUsage

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Block:
    """What is read about one ad; all of it came from outside. A method reads the parts it names, no others.

    ``facts`` are what the source says: "brand", "channel", "language" … Pictures are small enough for every provider.
    """

    text: str = ""
    cta_declared: str = ""
    picture_text: str = ""  # what stands on the picture
    facts: Mapping[str, str] = field(default_factory=dict)
    pictures: tuple[ModelImage, ...] = ()

    @property
    def input_hash(self) -> str:
        """Of everything that is read: the same block, the same hash (64 bits, hex)."""
        said = [self.text, self.cta_declared, self.picture_text, sorted(self.facts.items())]
        digest = hashlib.sha256(json.dumps(said).encode())
        for picture in self.pictures:
            digest.update(hashlib.sha256(picture.content).digest())
        return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was sent and what came back: what was paid for. ``cost_usd`` is None where no price is known."""

    provider: str
    model: str  # the one configured; the answer names the one that spoke
    request: ModelRequest
    wire_request: Mapping[str, object]
    answer: ModelAnswer
    seconds: float
    cost_usd: float | None


class Asker(Protocol):
    """Puts one request to the models there are. Budgets, ledgers and prices wrap it."""

    async def ask(self, request: ModelRequest) -> Exchange:
        """Raises as ``LanguageModel.answer`` does; QuotaSpentError, too, where a budget is spent."""
        ...


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """An answer read. ``problems`` are worth asking again for; ``remarks`` tell what was dropped.

    ``value`` is None where nothing could be read; a method of labels always gives its dimensions, with their outcomes.
    """

    outcome: Outcome
    value: T | None
    confidence: float | None = None
    evidence: tuple[Evidence | Region, ...] = ()
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodResult(Generic[T_co]):
    """A value and how it came about. ``reason`` says why it isn't ok, or what was dropped of it; "" for nothing.

    ``confidence`` is None where the method states none, ``cost_usd`` where the model has no price in the price file.
    ``exchanges`` is empty for local methods.
    """

    outcome: Outcome
    value: T_co | None
    confidence: float | None
    evidence: tuple[Evidence | Region, ...]
    reason: str
    provenance: Provenance
    usage: ModelUsage = field(default_factory=ModelUsage)
    cost_usd: float | None = 0.0
    exchanges: tuple[Exchange, ...] = ()


class Method(Protocol[T]):
    """A method that a model carries out. ``prompt_hash`` is of all that is ours in a request: words and schema."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str: ...

    @property
    def prompt_hash(self) -> str: ...

    @property
    def taxonomy_version(self) -> str:
        """ "" for a method without a taxonomy."""
        ...

    def reads(self, block: Block) -> Block:
        """The parts of the block this method reads, as it reads them: what its result depends on."""
        ...

    def request(self, block: Block) -> ModelRequest:
        """Raises BadInputError for a block with nothing to read."""
        ...

    def read(self, answer: ModelAnswer, block: Block, provenance: Provenance, *, cost_usd: float) -> Reading[T]:
        """Check every word of the answer. Never raises: what a model says is data. Labels share ``cost_usd``."""
        ...
