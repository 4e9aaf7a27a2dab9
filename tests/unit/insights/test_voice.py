"""Shares of all that is said: they add up, whoever is listed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.insights.voice import Voice, share_of_voice

COUNTS = st.tuples(*[st.integers(0, 50)] * 4)


@given(st.lists(COUNTS, max_size=12))
def test_shares_of_all_brands_add_up_to_one(counts: list[tuple[int, int, int, int]]) -> None:
    voices = [Voice(f"brand{number}", *count) for number, count in enumerate(counts)]

    found = share_of_voice(voices)

    for total, shares in (
        (found.total_concepts, [brand.share_of_concepts for brand in found.brands]),
        (found.total_texts, [brand.share_of_texts for brand in found.brands]),
        (found.total_ads, [brand.share_of_ads for brand in found.brands]),
    ):
        assert (sum(share or 0 for share in shares) == pytest.approx(1)) if total else set(shares) <= {None}
    assert found.ads_without_text == sum(voice.ads_without_text for voice in voices)


def test_an_ad_that_is_stored_a_hundred_times_over_says_one_thing() -> None:
    loud, rich = Voice("loud", 1, 2, 100, 0), Voice("rich", 3, 3, 3, 0)

    first, second = share_of_voice([loud, rich]).brands

    assert (first.brand, first.share_of_concepts, first.share_of_texts) == ("rich", 0.75, 0.6)
    assert (second.share_of_concepts, second.share_of_texts, second.share_of_ads) == (0.25, 0.4, 100 / 103)


def test_brands_that_are_not_listed_count_in_every_total() -> None:
    found = share_of_voice([Voice(f"brand{number}", 1, 1, 1, 0) for number in range(4)], most=3)

    assert (found.total_concepts, found.brands_left_out) == (4, 1)
    assert [brand.share_of_concepts for brand in found.brands] == [0.25] * 3
