"""Whose voice is heard how much, by what is said: neither money nor impressions are in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """What is stored of one brand: concepts, different texts, the ads that carry them or have no text."""

    brand: str
    concepts: int
    texts: int
    ads: int
    ads_without_text: int


@dataclass(frozen=True, slots=True)
class BrandVoice(Voice):
    """Shares (0 to 1) of all brands asked for; None where there is nothing to share."""

    share_of_concepts: float | None
    share_of_texts: float | None
    share_of_ads: float | None


@dataclass(frozen=True, slots=True)
class ShareOfVoice:
    """Most concepts first. Totals and shares are over all brands, those beyond the 200 listed, too.

    Share ``of`` what is said: concepts go first, for an idea that is stored a hundred times over is one. Each share
    names what it is of; none is of money or of impressions.
    """

    total_concepts: int
    total_texts: int
    total_ads: int
    ads_without_text: int
    brands: tuple[BrandVoice, ...]
    brands_left_out: int
    of: str = "concepts"


def share_of_voice(voices: Iterable[Voice], *, most: int = 200) -> ShareOfVoice:
    """The shares of all that is said. They are of what is stored, not of a sample: no interval belongs to them."""
    ranked = sorted(voices, key=lambda voice: (-voice.concepts, -voice.ads, voice.brand))
    concepts, texts, ads, silent = (
        sum(getattr(voice, name) for voice in ranked) for name in ("concepts", "texts", "ads", "ads_without_text")
    )
    brands = tuple(
        BrandVoice(
            voice.brand,
            voice.concepts,
            voice.texts,
            voice.ads,
            voice.ads_without_text,
            _part(voice.concepts, concepts),
            _part(voice.texts, texts),
            _part(voice.ads, ads),
        )
        for voice in ranked[:most]
    )
    return ShareOfVoice(concepts, texts, ads, silent, brands, len(ranked) - len(brands))


def _part(count: int, total: int) -> float | None:
    return count / total if total else None
