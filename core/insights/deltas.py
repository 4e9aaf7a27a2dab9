"""What came and what went between two dates, and whether what came says something else than what went."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.insights.differences import FALSE_DISCOVERY_RATE, MINIMUM_N, Difference, differences
from core.insights.mixes import MAX_VALUES, BrandMix, LabelMix
from core.insights.proportions import Share, share_of


@dataclass(frozen=True, slots=True)
class ValueTurnover:
    """Shares of one value: of all shown before and now, of what is new, and of what is no longer seen.

    ``difference`` is new minus no longer seen: these share no unit, so they can be held against each other; before and
    now share what continues.
    """

    value: str
    before: Share
    now: Share
    new: Share
    gone: Share
    difference: Difference


@dataclass(frozen=True, slots=True)
class BrandTurnover:
    """Units of one brand: before = continuing + gone, now = continuing + new."""

    brand: str
    new: int
    continuing: int
    gone: int
    values: tuple[ValueTurnover, ...]


@dataclass(frozen=True, slots=True)
class Turnover:
    """Brands with most units first. All differences were judged together, ``cells_tested`` of them."""

    dimension: str
    unit: str
    values: tuple[str, ...]
    brands: tuple[BrandTurnover, ...]
    confidence: float
    cells_tested: int
    false_discovery_rate: float = FALSE_DISCOVERY_RATE
    minimum_n: int = MINIMUM_N


def turnover(new: LabelMix, continuing: LabelMix, gone: LabelMix, *, confidence: float = 0.95) -> Turnover:
    """From the mixes of the three groups that the units of two dates fall into."""
    values = tuple(dict.fromkeys((*new.values, *continuing.values, *gone.values)))[:MAX_VALUES]
    groups = [{mix.brand: mix for mix in group.brands} for group in (new, continuing, gone)]
    brands = sorted({slug for group in groups for slug in group}, key=lambda slug: (-_units(groups, slug), slug))
    rows = {slug: [_shares(groups, slug, value, confidence) for value in values] for slug in brands}
    pairs = [(came, went) for slug in brands for _, _, _, came, went in rows[slug]]
    judged = iter(differences(pairs, confidence=confidence))
    found = []
    for slug in brands:
        came, went_on, went = (group[slug].ads if slug in group else 0 for group in groups)
        shares = tuple(ValueTurnover(*row, next(judged)) for row in rows[slug])
        found.append(BrandTurnover(slug, came, went_on, went, shares))
    tested = sum(one.difference.p_value is not None for brand in found for one in brand.values)
    return Turnover(new.dimension, new.unit, values, tuple(found), confidence, tested)


def _units(groups: Iterable[Mapping[str, BrandMix]], slug: str) -> int:
    return sum(group[slug].ads for group in groups if slug in group)


def _shares(
    groups: list[dict[str, BrandMix]], slug: str, value: str, confidence: float
) -> tuple[str, Share, Share, Share, Share]:
    """The value; its shares before, now, of the new and of the gone."""
    (new, new_n), (both, both_n), (gone, gone_n) = (_count(group.get(slug), value) for group in groups)
    before, now = share_of(both + gone, both_n + gone_n, confidence), share_of(both + new, both_n + new_n, confidence)
    return value, before, now, share_of(new, new_n, confidence), share_of(gone, gone_n, confidence)


def _count(mix: BrandMix | None, value: str) -> tuple[int, int]:
    if mix is None:
        return 0, 0
    return mix.counts.get(value, 0), mix.read
