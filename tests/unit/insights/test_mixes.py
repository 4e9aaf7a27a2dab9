"""Shares of brands beside each other: of what was read, with n, nothing lost on the way."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.insights.differences import Verdict
from core.insights.mixes import MAX_BRANDS, MAX_VALUES, BrandMix, compare, mix_of_brands

VALUES = st.dictionaries(st.sampled_from(["story", "question", "claim"]), st.integers(0, 30))


@st.composite
def brands(draw: st.DrawFn, brand: str) -> BrandMix:
    counts, unknown = draw(VALUES), draw(st.integers(0, 9))
    read = draw(st.integers(max([*counts.values(), 0]), sum(counts.values()))) + unknown
    pending, silent = draw(st.integers(0, 9)), draw(st.integers(0, 9))
    return BrandMix(brand, read + pending + silent, read, pending, unknown, counts, silent)


@given(brands("acme"), brands("zeta"))
def test_every_share_is_of_the_ads_its_brand_has_read(acme: BrandMix, zeta: BrandMix) -> None:
    mix = mix_of_brands("hook", [acme, zeta])
    comparison = compare(mix)
    mixes = {brand.brand: brand for brand in mix.brands}

    assert {brand.brand for brand in comparison.brands} == {name for name, brand in mixes.items() if brand.read}
    assert comparison.brands_unread == sum(not brand.read for brand in mixes.values())
    for brand in comparison.brands:
        counts = {**mixes[brand.brand].counts, "unknown": mixes[brand.brand].unknown}
        assert {share.n for share in brand.shares.values()} == {brand.n} == {mixes[brand.brand].read}
        assert {value: share.count for value, share in brand.shares.items() if share.count} == {
            value: count for value, count in counts.items() if count
        }
        assert brand.several == (sum(share.count for share in brand.shares.values()) > brand.n)


def test_brands_with_most_ads_and_values_with_most_ads_come_first_and_unknown_last() -> None:
    few, many = BrandMix("few", 3, 3, 0, 1, {"claim": 2}), BrandMix("many", 9, 9, 0, 0, {"story": 8, "claim": 1})

    comparison = compare(mix_of_brands("hook", [few, many]))

    assert [brand.brand for brand in comparison.brands] == ["many", "few"]
    assert comparison.values == ("story", "claim", "unknown")
    assert comparison.brands[1].shares["story"].count == 0


def test_what_has_no_place_is_counted_as_left_out() -> None:
    counts = {f"value{number}": 1 for number in range(MAX_VALUES + 4)}
    brands = [BrandMix(f"brand{number}", 200, 200, 0, 0, counts) for number in range(MAX_BRANDS + 3)]

    comparison = compare(mix_of_brands("theme", brands))

    assert (len(comparison.brands), comparison.brands_left_out) == (MAX_BRANDS, 3)
    assert (len(comparison.values), comparison.values_left_out) == (MAX_VALUES + 1, 4)


def a_market() -> list[BrandMix]:
    return [
        BrandMix("ours", 100, 100, 0, 5, {"story": 60, "claim": 35}),
        BrandMix("theirs", 100, 100, 0, 50, {"story": 10, "claim": 38, "deal": 2}),
        BrandMix("small", 10, 10, 0, 0, {"claim": 10}),
    ]


def test_each_brand_is_held_against_the_focal_one_and_the_unknown_never() -> None:
    comparison = compare(mix_of_brands("hook", a_market()), focal="ours")

    ours, theirs, small = comparison.brands
    assert (comparison.focal, comparison.cells_tested, dict(ours.differences)) == ("ours", 3, {})
    assert {value: cell.verdict for value, cell in theirs.differences.items()} == {
        "claim": Verdict.NOT_SHOWN, "story": Verdict.LOWER, "deal": Verdict.NOT_SHOWN,
    }  # fmt: skip
    assert {cell.verdict for cell in small.differences.values()} == {Verdict.TOO_FEW}


@pytest.mark.parametrize("focal", [None, "nobody", "silent"])
def test_without_a_focal_brand_that_was_read_nothing_is_judged(focal: str | None) -> None:
    silent = BrandMix("silent", 5, 0, 0, 0, {}, without_text=5)

    comparison = compare(mix_of_brands("hook", [*a_market(), silent]), focal=focal)

    assert (comparison.focal, comparison.cells_tested) == (None, 0)
    assert not any(brand.differences for brand in comparison.brands)


def test_values_that_nobody_or_hardly_anybody_uses_are_rows_too() -> None:
    brands = [BrandMix(f"brand{n}", 50, 50, 0, 0, {"story": 40, "claim": 10}) for n in range(4)]
    brands.append(BrandMix("lone", 50, 50, 0, 0, {"story": 49, "riddle": 1}))

    comparison = compare(mix_of_brands("hook", brands, allowed=("claim", "dare", "riddle", "unknown")))

    assert comparison.values == ("story", "claim", "riddle", "dare", "unknown")
    assert comparison.whitespace == ("riddle", "dare")
    assert comparison.used_by == {"story": 5, "claim": 4, "riddle": 1, "dare": 0}
    assert comparison.brands[0].shares["dare"].high == pytest.approx(0.0714, abs=1e-4)  # 0 of 50 isn't never
