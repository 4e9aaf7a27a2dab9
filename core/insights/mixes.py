"""How often each brand's ads carry each value of a dimension: counts, and shares with their intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.domain.label import UNKNOWN
from core.insights.proportions import Share, share_of

MAX_BRANDS = 20  # side by side; the brands with most ads are kept
MAX_VALUES = 100  # of one dimension in a comparison


@dataclass(frozen=True, slots=True)
class BrandMix:
    """One brand's ads by the values of one dimension, unit: ads (their current version).

    ``ads`` = ``read`` + ``without_text`` (nothing to read) + ``pending`` (not read yet); of the read ones
    ``unknown`` show no value.
    ``counts`` may sum to more than ``read`` − ``unknown`` where an ad has several values.
    """

    brand: str
    ads: int
    read: int
    pending: int
    unknown: int
    counts: Mapping[str, int]
    without_text: int = 0


@dataclass(frozen=True, slots=True)
class LabelMix:
    """Brands with most ads first; ``brands_left_out`` had fewer ads than the 20 shown."""

    dimension: str
    values: tuple[str, ...]  # of all brands, most first
    brands: tuple[BrandMix, ...]
    brands_left_out: int


@dataclass(frozen=True, slots=True)
class BrandShares:
    """One brand's shares of the ``n`` ads of its own that were read; ``pending`` and ``without_text`` are in none.

    With ``several`` an ad may have more than one value, so the shares may add up to more than 1.
    """

    brand: str
    n: int
    pending: int
    without_text: int
    several: bool
    shares: Mapping[str, Share]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Brand × value; every brand has a share of every value. ``values``: most ads first, "unknown" last.

    ``brands_unread`` have ads and none that was read; ``brands_left_out`` had fewer ads than those compared.
    """

    dimension: str
    confidence: float
    values: tuple[str, ...]
    brands: tuple[BrandShares, ...]
    values_left_out: int
    brands_unread: int
    brands_left_out: int


def mix_of_brands(dimension: str, brands: Iterable[BrandMix]) -> LabelMix:
    """The 20 brands with most ads, and the values that they show."""
    ranked = sorted(brands, key=lambda mix: (-mix.ads, mix.brand))
    shown = tuple(ranked[:MAX_BRANDS])
    total: Counter[str] = sum((Counter(mix.counts) for mix in shown), Counter())
    values = tuple(value for value, _ in sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))
    return LabelMix(dimension, values, shown, len(ranked) - len(shown))


def compare(mix: LabelMix, *, confidence: float = 0.95) -> Comparison:
    """The shares of each brand's own read ads with Wilson intervals (``proportions.wilson_interval``)."""
    values = mix.values[:MAX_VALUES]
    read = [brand for brand in mix.brands if brand.read]
    return Comparison(
        dimension=mix.dimension,
        confidence=confidence,
        values=(*values, UNKNOWN),
        brands=tuple(_brand_shares(brand, values, confidence) for brand in read),
        values_left_out=len(mix.values) - len(values),
        brands_unread=len(mix.brands) - len(read),
        brands_left_out=mix.brands_left_out,
    )


def _brand_shares(brand: BrandMix, values: Sequence[str], confidence: float) -> BrandShares:
    counts = {**{value: brand.counts.get(value, 0) for value in values}, UNKNOWN: brand.unknown}
    return BrandShares(
        brand=brand.brand,
        n=brand.read,
        pending=brand.pending,
        without_text=brand.without_text,
        several=sum(brand.counts.values()) + brand.unknown > brand.read,
        shares={value: share_of(count, brand.read, confidence) for value, count in counts.items()},
    )
