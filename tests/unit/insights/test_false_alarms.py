"""What a comparison calls a difference: hardly ever something where nothing differs, nearly always what was planted.

Markets are drawn many times over. Under no difference at all the false discovery rate is the chance of one false alarm
in the whole matrix, so that chance is what is measured, with the tolerance that so many draws have.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import pytest

from core.insights.differences import FALSE_DISCOVERY_RATE, MINIMUM_N, Verdict
from core.insights.mixes import BrandMix, Comparison, compare, mix_of_brands

DRAWS = 500
# Three standard deviations above the stated rate: a comparison that keeps it fails here once in a thousand times.
MOST_ALARMS = FALSE_DISCOVERY_RATE + 3 * sqrt(FALSE_DISCOVERY_RATE * (1 - FALSE_DISCOVERY_RATE) / DRAWS)
EVEN, STEEP = (0.2,) * 5, (0.5, 0.25, 0.12, 0.06, 0.04, 0.02, 0.01)


def a_market(rng: np.random.Generator, sizes: Sequence[int], chances: np.ndarray, *, several: bool) -> Comparison:
    """Brands with ``chances[brand]`` of each value; with ``several`` each value is drawn for itself."""
    brands = []
    for number, (size, own) in enumerate(zip(sizes, chances, strict=True)):
        drawn = rng.binomial(size, own) if several else rng.multinomial(size, [*own, max(0.0, 1 - own.sum())])
        counts = {f"value{index}": int(count) for index, count in enumerate(drawn[: len(own)]) if count}
        unknown = 0 if several else int(drawn[-1])
        brands.append(BrandMix(f"brand{number}", size, size, 0, unknown, counts))
    values = [f"value{index}" for index in range(chances.shape[1])]
    return compare(mix_of_brands("hook", brands, allowed=values), focal="brand0")


def called(comparison: Comparison) -> list[tuple[str, str]]:
    """The cells that are said to differ."""
    said = (Verdict.HIGHER, Verdict.LOWER)
    return [
        (brand.brand, value)
        for brand in comparison.brands
        for value, cell in brand.differences.items()
        if cell.verdict in said
    ]


@pytest.mark.parametrize(
    ("sizes", "chances", "several"),
    [
        ((200,) * 5, EVEN, False),  # as many as one could wish for
        ((MINIMUM_N,) * 6, EVEN, False),  # as few as anything is said of
        ((400, 25, 60, 150, 30), STEEP, False),  # rare values, brands of all sizes
        ((30, 400, 400, 400), STEEP, False),  # the focal brand is the small one: its luck is in every cell
        ((80,) * 5, (0.6, 0.4, 0.3, 0.3, 0.1, 0.05), True),  # several values an ad
        ((60,) * 10, (0.1,) * 10, True),  # the widest that fits a screen
    ],
)
def test_where_nothing_differs_a_comparison_raises_no_more_false_alarms_than_stated(
    sizes: tuple[int, ...], chances: tuple[float, ...], several: bool
) -> None:
    rng = np.random.default_rng(20)
    same = np.tile(chances, (len(sizes), 1))

    alarms = sum(bool(called(a_market(rng, sizes, same, several=several))) for _ in range(DRAWS))

    assert alarms / DRAWS <= MOST_ALARMS


def test_where_some_cells_differ_the_others_are_rarely_called() -> None:
    """The false discovery rate itself: of the cells called different, the part that aren't, on average."""
    rng, wrong = np.random.default_rng(21), []
    chances = np.tile((0.4, 0.3, 0.2, 0.1, 0.1, 0.05), (5, 1))
    chances[1, 0], chances[2, 1], chances[3, 2] = 0.75, 0.65, 0.55
    planted = {("brand1", "value0"), ("brand2", "value1"), ("brand3", "value2")}
    for _ in range(DRAWS):
        found = called(a_market(rng, (150,) * 5, chances, several=True))
        wrong.append(len(set(found) - planted) / max(1, len(found)))

    assert np.mean(wrong) <= FALSE_DISCOVERY_RATE + 3 * np.std(wrong) / sqrt(DRAWS)


@pytest.mark.parametrize(
    ("size", "before", "after", "power"),
    [
        (200, 0.20, 0.45, 0.95),  # 25 points with 200 concepts a brand
        (100, 0.20, 0.55, 0.95),  # 35 points with 100
        (40, 0.10, 0.60, 0.90),  # 50 points with 40
        (400, 0.02, 0.12, 0.90),  # a rare value: 2 % against 12 %
    ],
)
def test_a_planted_difference_is_found(size: int, before: float, after: float, power: float) -> None:
    rng = np.random.default_rng(22)
    chances = np.tile((before, 0.3, 0.2, 0.1, 0.05, 0.05), (5, 1))
    chances[2, 0] = after

    found = [called(a_market(rng, (size,) * 5, chances, several=True)) for _ in range(200)]

    assert np.mean([("brand2", "value0") in cells for cells in found]) >= power


def test_the_intervals_of_differences_hold_the_planted_ones() -> None:
    rng, held = np.random.default_rng(23), []
    chances = np.random.default_rng(24).uniform(0.05, 0.9, (5, 6))
    for _ in range(200):
        for brand in a_market(rng, (60,) * 5, chances, several=True).brands:
            planted = chances[int(brand.brand.removeprefix("brand"))] - chances[0]
            for value, cell in brand.differences.items():
                assert cell.low is not None
                assert cell.high is not None
                held.append(cell.low <= planted[int(value.removeprefix("value"))] <= cell.high)

    assert 0.94 <= np.mean(held) <= 0.97
