"""A concept for people: its variants, and in our own words why each is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.formatting import MEDIA_STATUSES, counted, day, shorten
from core.ai.concepts import MEASURED
from core.queries.concept_detail import ConceptDetail, Variant

_COPY = 90  # characters
_WHY: Mapping[str, str] = {
    "itself": "The first of its kind",
    "same picture": "The same picture",
    "same words": "The same words",
    "perceptual hash": "Nearly the same picture",
    "text simhash": "Nearly the same words",
    "embedding": "Alike in look or meaning",
}
_DEGREES = ("the same", "nearly the same", "alike")
# What is measured, its figure, and the greatest distance (bits, or 1 - cosine) of each degree: those that concepts use.
_MEASURES: Mapping[str, tuple[str, str, tuple[float, float, float]]] = {
    "picture_bits": (
        "Outlines of the pictures", "{:.0f} of 64 bits differ",
        (0, MEASURED.near_picture_bits, MEASURED.likely_picture_bits),
    ),
    "picture_cosine": (
        "Look of the pictures", "cosine {:.2f}", (0.005, 0.05, 1 - MEASURED.likely_picture_cosine)
    ),
    "words_bits": ("Wording", "{:.0f} of 64 bits differ", (0, MEASURED.near_words_bits, 2 * MEASURED.near_words_bits)),
    "words_cosine": (
        "Meaning of the words", "cosine {:.3f}",
        (0.0005, 1 - MEASURED.near_words_cosine, 1 - MEASURED.like_words_cosine),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class VariantCard:
    """``why`` and ``distances`` are our own words and numbers; ``copy`` is data. ``ad_id`` leads to its page."""

    variant_id: str
    ad_id: str
    is_shown: bool  # the ad whose page this is has it
    picture: str | None
    problem: tuple[str, str] | None
    copy: str
    ads: str
    dates: str
    why: str
    distances: tuple[str, ...]
    nearest: str  # the copy of the one it is near to; "" where that is gone or nothing
    is_put_here: bool


@dataclass(frozen=True, slots=True)
class ConceptView:
    """``merged``: ids of concepts that the organisation made part of this one, and what that brought."""

    concept_id: str
    brand: str
    scope: str
    summary: str
    variants: tuple[VariantCard, ...]
    variants_left_out: int
    merged: tuple[tuple[str, str], ...]
    can_split: bool


def make_concept(found: ConceptDetail) -> ConceptView:
    """The variant of the ad whose page it is comes first."""
    copies = {variant.variant_id: _copy(variant) for variant in found.variants}
    ordered = sorted(found.variants, key=lambda variant: variant.variant_id != found.variant_of_ad)
    cards = tuple(_card(variant, copies, found.variant_of_ad) for variant in ordered)
    seen = f"seen {day(found.first_seen)} to {day(found.last_seen)}"
    total = len(cards) + found.variants_left_out
    return ConceptView(
        concept_id=found.concept_id,
        brand=found.brand,
        scope=found.scope,
        summary=f"{counted(found.ads, 'ad')} in {counted(total, 'variant')}, {seen}",
        variants=cards,
        variants_left_out=found.variants_left_out,
        merged=tuple((merge.concept_id, _brought(found, merge.concept_id)) for merge in found.merged),
        can_split=total > 1,
    )


def _brought(found: ConceptDetail, concept_id: str) -> str:
    return counted(sum(variant.machine_concept_id == concept_id for variant in found.variants), "variant")


def _card(variant: Variant, copies: Mapping[str, str], shown: str | None) -> VariantCard:
    card = variant.example
    problem = None if card.cover_sha256 else (MEDIA_STATUSES[card.media_status], card.media_reason or "")
    return VariantCard(
        variant_id=variant.variant_id,
        ad_id=card.ad_id,
        is_shown=variant.variant_id == shown,
        picture=card.cover_sha256,
        problem=problem,
        copy=copies[variant.variant_id],
        ads=counted(variant.ads, "ad"),
        dates=f"{day(variant.first_seen)} to {day(variant.last_seen)}",
        why="Put here by your organisation" if variant.put_here_by else _WHY.get(variant.joined_by, variant.joined_by),
        distances=tuple(said_of(name, variant.distances[name]) for name in _MEASURES if name in variant.distances),
        nearest=copies.get(variant.joined_to or "", ""),
        is_put_here=variant.put_here_by is not None,
    )


def said_of(name: str, value: float) -> str:
    """ "Wording: nearly the same (4 of 64 bits differ)"."""
    measured, figure, limits = _MEASURES[name]
    distance = value if name.endswith("_bits") else 1 - value
    degree = next((said for said, most in zip(_DEGREES, limits, strict=True) if distance <= most), "different")
    return f"{measured}: {degree} ({figure.format(value)})"


def _copy(variant: Variant) -> str:
    return shorten(variant.example.copy or variant.example.title, _COPY)
