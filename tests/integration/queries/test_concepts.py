"""Ads that say the same are one concept of their brand; whose voice is how loud; how long ads were seen."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from core.adapters.postgres.engine import Database
from core.domain.principal import Principal
from core.errors import BadInputError, NotFoundError
from core.queries.concepts import SAME_TEXT, list_concepts, voices
from core.queries.filters import AdFilters
from core.queries.groups import GROUP_SORTS, GroupPage
from core.queries.longevity import longevities
from tests.builders import DAY, AnAd, store, store_scan

US = Principal("ours")
NONE = AdFilters()
LATER = DAY + timedelta(days=9)


def test_ads_of_one_brand_that_say_the_same_are_one_concept(database: Database) -> None:
    store(database, AnAd("1", copy="Same"), AnAd("2", copy="Same", last_seen=LATER), AnAd("3", copy="Other"))
    store(database, AnAd("4", "zeta", copy="Same"), AnAd("5", copy="Same", cta="Shop now"), AnAd("6", copy=""))

    found = list_concepts(database, US, "all", NONE)

    assert (found.grouping, found.total_concepts, found.total_ads, found.ads_without_text) == (SAME_TEXT, 4, 6, 1)
    first = found.items[0]
    assert (first.brand, first.ads, first.first_seen, first.last_seen) == ("acme", 2, DAY, LATER)
    assert first.example.ad_id == AnAd("2", copy="Same").ad_id
    assert sum(concept.ads for concept in found.items) == found.total_ads - found.ads_without_text


def test_a_private_and_a_shared_ad_that_say_the_same_are_one_concept_for_its_owner(database: Database) -> None:
    store(database, AnAd("1"), AnAd("1", scope="ours"), AnAd("1", scope="theirs"))

    (ours,) = list_concepts(database, US, "all", NONE).items
    (others,) = list_concepts(database, Principal("nobody"), "all", NONE).items

    assert (ours.ads, others.ads) == (2, 1)
    assert [brand.texts for brand in voices(database, US, "all", NONE).brands] == [1]


def test_the_example_passes_the_filters(database: Database) -> None:
    store(database, AnAd("1", copy="Same", format="video"), AnAd("2", copy="Same", last_seen=LATER))

    (found,) = list_concepts(database, US, "all", AdFilters(formats=("video",))).items

    assert (found.ads, found.example.format) == (1, "video")


@pytest.mark.parametrize("sort", GROUP_SORTS)
def test_every_concept_comes_once_through_the_cursors_in_order(database: Database, sort: str) -> None:
    texts = [(f"Text {number}", number % 3 + 1) for number in range(7)]
    ads = [AnAd(f"{copy}{n}", copy=copy, first_seen=DAY + timedelta(n)) for copy, many in texts for n in range(many)]
    store(database, *ads)
    seen, cursor = [], None
    while True:
        page = list_concepts(database, US, "all", NONE, GroupPage(cursor, 2, sort))
        seen += page.items
        assert (page.total_concepts, page.total_ads) == (7, len(ads))
        if (cursor := page.next_cursor) is None:
            break

    keys = [{"most_ads": item.ads, "newest": item.first_seen, "last_seen": item.last_seen}[sort] for item in seen]
    assert len({item.content_id for item in seen}) == len(seen) == 7
    assert keys == sorted(keys, reverse=True)  # type: ignore[type-var]  # all of one kind


def test_a_cursor_of_another_question_or_order_is_refused(database: Database) -> None:
    store(database, *(AnAd(str(number), copy=str(number)) for number in range(3)))
    cursor = list_concepts(database, US, "all", NONE, GroupPage(limit=1)).next_cursor

    for filters, sort in ((AdFilters(words="x"), "most_ads"), (NONE, "newest")):
        with pytest.raises(BadInputError, match="cursor"):
            list_concepts(database, US, "all", filters, GroupPage(cursor, 1, sort))
    with pytest.raises(BadInputError, match="sort"):
        GroupPage(sort="loudest")


def test_nothing_stored_has_totals_of_zero(database: Database) -> None:
    found = list_concepts(database, US, "all", NONE)

    assert (found.items, found.total_concepts, found.total_ads, found.next_cursor) == ((), 0, 0, None)
    assert voices(database, US, "all", NONE).brands == ()
    assert longevities(database, US, "all", NONE).brands == ()
    with pytest.raises(NotFoundError):
        list_concepts(database, US, "nobody's", NONE)


def test_share_of_voice_counts_texts_before_ads(database: Database) -> None:
    store(database, *(AnAd(str(number), "loud", copy="Again") for number in range(8)))
    store(database, AnAd("a", "rich", copy="One"), AnAd("b", "rich", copy="Two"), AnAd("c", "rich", copy=""))

    found = voices(database, US, "all", NONE)

    assert (found.total_texts, found.total_ads, found.ads_without_text) == (3, 11, 1)
    rich, loud = found.brands
    assert (rich.brand, rich.texts, rich.ads, rich.share_of_texts) == ("rich", 2, 3, 2 / 3)
    assert (loud.brand, loud.share_of_texts, loud.share_of_ads) == ("loud", 1 / 3, 8 / 11)


def test_longevity_counts_both_days_and_who_is_still_seen(database: Database) -> None:
    gone = date(2026, 2, 1)
    store(database, AnAd("1", first_seen=gone, last_seen=gone, last_scanned_on=gone))
    store(database, AnAd("2", first_seen=DAY - timedelta(9), last_seen=DAY), AnAd("3", "zeta"))
    store_scan(database, DAY)
    store_scan(database, DAY, brand="zeta")

    acme, zeta = longevities(database, US, "all", NONE).brands

    assert (acme.brand, acme.longevity.n, acme.longevity.still_seen, acme.longevity.seen_on_one_day) == (
        "acme",
        2,
        1,
        1,
    )
    assert (acme.longevity.days_seen_median, acme.longevity.days_seen_longest) == (5.5, 10)
    assert (zeta.longevity.n, zeta.longevity.still_seen) == (1, 1)
