"""How often each brand carries each value of a dimension, how sure that is, and whether it differs from one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.domain.label import UNKNOWN
from core.insights.differences import FALSE_DISCOVERY_RATE, MINIMUM_N, Difference, differences
from core.insights.proportions import Share, share_of

MAX_BRANDS = 20  # side by side; the brands with most ads are kept
MAX_VALUES = 100  # of one dimension in a comparison
FEW_BRANDS = 5  # whitespace: at most one brand in so many uses the value


@dataclass(frozen=True, slots=True)
class BrandMix:
    """One brand's units by the values of one dimension; what a unit is (ads or concepts) ``LabelMix.unit`` says.

    ``ads`` units = ``read`` + ``without_text`` (nothing to read) + ``refused`` + ``failed`` (asked, and no usable
    answer came) + ``not_asked`` (read by a taxonomy that lacked the dimension) + ``pending`` (not read yet); of the
    read ones ``unknown`` show no value.
    ``counts`` may sum to more than ``read`` − ``unknown`` where a unit has several values.
    """

    brand: str
    ads: int
    read: int
    pending: int
    unknown: int
    counts: Mapping[str, int]
    without_text: int = 0
    refused: int = 0
    failed: int = 0
    not_asked: int = 0


@dataclass(frozen=True, slots=True)
class LabelMix:
    """Brands with most units first; ``brands_left_out`` had fewer than the 20 shown."""

    dimension: str
    values: tuple[str, ...]  # of all brands, most first
    brands: tuple[BrandMix, ...]
    brands_left_out: int
    unit: str = "ads"


@dataclass(frozen=True, slots=True)
class BrandShares:
    """One brand's shares of the ``n`` units of its own that were read; all others are in none.

    With ``several`` a unit may have more than one value, so the shares may add up to more than 1.
    ``differences`` from the focal brand are by value; empty for the focal brand, and without one.
    """

    brand: str
    n: int
    pending: int
    without_text: int
    several: bool
    shares: Mapping[str, Share]
    refused: int = 0
    failed: int = 0
    not_asked: int = 0
    differences: Mapping[str, Difference] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Brand × value; every brand has a share of every value. ``values``: most units first, "unknown" last.

    ``brands_unread`` have units and none that was read; ``brands_left_out`` had fewer than those compared.
    ``pending`` and ``without_text`` count the units of all brands but those left out.
    Differences from the ``focal`` brand were judged together, ``cells_tested`` of them: of those called one at most
    ``false_discovery_rate`` are wrong on average. Nothing is said where a brand has under ``minimum_n``. "unknown" is
    never judged: it tells of the reading, not of the brand.
    ``used_by`` counts the compared brands that carry a value at all; ``whitespace`` are values that none or few do.
    """

    dimension: str
    confidence: float
    values: tuple[str, ...]
    brands: tuple[BrandShares, ...]
    values_left_out: int
    brands_unread: int
    brands_left_out: int
    unit: str = "ads"
    focal: str | None = None
    cells_tested: int = 0
    false_discovery_rate: float = FALSE_DISCOVERY_RATE
    minimum_n: int = MINIMUM_N
    used_by: Mapping[str, int] = field(default_factory=dict)
    whitespace: tuple[str, ...] = ()
    pending: int = 0
    without_text: int = 0


def mix_of_brands(
    dimension: str, brands: Iterable[BrandMix], *, allowed: Collection[str] = (), unit: str = "ads"
) -> LabelMix:
    """The 20 brands with most units, and the values: those that they show, then those of ``allowed`` that none does."""
    ranked = sorted(brands, key=lambda mix: (-mix.ads, mix.brand))
    shown = tuple(ranked[:MAX_BRANDS])
    total: Counter[str] = sum((Counter(mix.counts) for mix in shown), Counter())
    values = [value for value, _ in sorted(total.items(), key=lambda pair: (-pair[1], pair[0]))]
    values += [value for value in allowed if value not in total and value != UNKNOWN]
    return LabelMix(dimension, tuple(values), shown, len(ranked) - len(shown), unit)


def compare(mix: LabelMix, *, confidence: float = 0.95, focal: str | None = None) -> Comparison:
    """The shares of each brand's own read units with Wilson intervals, and how they differ from the focal brand's.

    A ``focal`` brand that isn't among those read is none.
    """
    values = mix.values[:MAX_VALUES]
    read = [brand for brand in mix.brands if brand.read]
    shares = {brand.brand: _shares(brand, values, confidence) for brand in read}
    against = focal if focal in shares else None
    apart = _differences(shares, values, against, confidence) if against else {}
    used_by = {value: sum(own[value].count > 0 for own in shares.values()) for value in values}
    return Comparison(
        dimension=mix.dimension,
        confidence=confidence,
        values=(*values, UNKNOWN),
        brands=tuple(_brand_shares(brand, shares[brand.brand], apart.get(brand.brand, {})) for brand in read),
        values_left_out=len(mix.values) - len(values),
        brands_unread=len(mix.brands) - len(read),
        brands_left_out=mix.brands_left_out,
        unit=mix.unit,
        focal=against,
        cells_tested=sum(cell.p_value is not None for cells in apart.values() for cell in cells.values()),
        used_by=used_by,
        pending=sum(brand.pending for brand in mix.brands),
        without_text=sum(brand.without_text for brand in mix.brands),
        whitespace=tuple(value for value, brands in used_by.items() if _is_whitespace(brands, len(read))),
    )


def _shares(brand: BrandMix, values: Sequence[str], confidence: float) -> dict[str, Share]:
    counts = {**{value: brand.counts.get(value, 0) for value in values}, UNKNOWN: brand.unknown}
    return {value: share_of(count, brand.read, confidence) for value, count in counts.items()}


def _differences(
    shares: Mapping[str, Mapping[str, Share]], values: Sequence[str], focal: str, confidence: float
) -> dict[str, dict[str, Difference]]:
    """Every other brand and value, as one family of questions."""
    cells = [(brand, value) for brand in shares if brand != focal for value in values]
    pairs = [(shares[brand][value], shares[focal][value]) for brand, value in cells]
    apart: dict[str, dict[str, Difference]] = {brand: {} for brand, _ in cells}
    for (brand, value), difference in zip(cells, differences(pairs, confidence=confidence), strict=True):
        apart[brand][value] = difference
    return apart


def _is_whitespace(used_by: int, brands: int) -> bool:
    return brands > 0 and used_by <= brands // FEW_BRANDS


def _brand_shares(brand: BrandMix, shares: Mapping[str, Share], apart: Mapping[str, Difference]) -> BrandShares:
    return BrandShares(
        brand=brand.brand,
        n=brand.read,
        pending=brand.pending,
        without_text=brand.without_text,
        several=sum(brand.counts.values()) + brand.unknown > brand.read,
        shares=shares,
        refused=brand.refused,
        failed=brand.failed,
        not_asked=brand.not_asked,
        differences=apart,
    )
