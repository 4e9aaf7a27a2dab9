"""What came and what went: every unit in one group, and only what shares no unit held against each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.insights.deltas import turnover
from core.insights.differences import Verdict
from core.insights.mixes import BrandMix, mix_of_brands

COUNTS = st.tuples(*[st.integers(0, 40)] * 3)


@given(st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=4))
def test_before_and_now_are_made_of_the_three_groups(brands: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> None:
    groups = [
        mix_of_brands(
            "hook",
            (
                BrandMix(f"brand{n}", sizes[group] + own[group], sizes[group] + own[group], 0, 0, {"story": own[group]})
                for n, (sizes, own) in enumerate(brands)
            ),
        )
        for group in range(3)
    ]

    found = turnover(*groups)

    for brand in found.brands:
        sizes, own = brands[int(brand.brand.removeprefix("brand"))]
        assert (brand.new, brand.continuing, brand.gone) == tuple(map(sum, zip(sizes, own, strict=True)))
        for row in brand.values:
            assert (row.before.count, row.before.n) == (own[1] + own[2], brand.continuing + brand.gone)
            assert (row.now.count, row.now.n) == (own[1] + own[0], brand.continuing + brand.new)
            assert (row.new.count, row.gone.count) == (own[0], own[2])


def test_what_came_is_held_against_what_went_and_not_against_what_went_on() -> None:
    def group(n: int, story: int) -> BrandMix:
        return BrandMix("acme", n, n, 0, 0, {"story": story})

    found = turnover(
        mix_of_brands("hook", [group(50, 40)]),
        mix_of_brands("hook", [group(500, 400)]),
        mix_of_brands("hook", [group(50, 5)]),
    )

    (row,) = found.brands[0].values
    assert row.difference.difference == pytest.approx(0.7)
    assert (row.difference.verdict, found.cells_tested) == (Verdict.HIGHER, 1)


def test_a_brand_of_one_group_alone_is_there() -> None:
    nobody = mix_of_brands("hook", [])

    (brand,) = turnover(mix_of_brands("hook", [BrandMix("acme", 3, 2, 1, 0, {"story": 2})]), nobody, nobody).brands

    assert (brand.new, brand.continuing, brand.gone) == (3, 0, 0)
    assert (brand.values[0].before.n, brand.values[0].difference.verdict) == (0, Verdict.TOO_FEW)
