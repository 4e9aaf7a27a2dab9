"""A concept for people: its variants, and in our own words why each is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.formatting import MEDIA_STATUSES, counted, day, shorten
from core.queries.concept_detail import ConceptDetail, Variant

_COPY = 90  # characters
_WHY: Mapping[str, str] = {
    "itself": "The first of its kind",
    "same picture": "The same picture",
    "same words": "The same words",
    "perceptual hash": "Nearly the same picture",
    "text simhash": "Nearly the same words",
    "embedding": "Alike by its vectors",
}
_MEASURES: Mapping[str, str] = {
    "picture_bits": "Picture: {:.0f} of 64 bits differ",
    "picture_cosine": "Picture: cosine {:.2f}",
    "words_bits": "Words: {:.0f} of 64 bits differ",
    "words_cosine": "Words: cosine {:.3f}",
}


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
        distances=tuple(
            said.format(variant.distances[name]) for name, said in _MEASURES.items() if name in variant.distances
        ),
        nearest=copies.get(variant.joined_to or "", ""),
        is_put_here=variant.put_here_by is not None,
    )


def _copy(variant: Variant) -> str:
    return shorten(variant.example.copy or variant.example.title, _COPY)
