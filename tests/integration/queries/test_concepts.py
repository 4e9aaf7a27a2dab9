"""Ads of one idea are one concept of their brand; whose voice is how loud; how long ads were seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.adapters.postgres.engine import Database
from core.curation.concepts import merge_concepts, split_concept
from core.domain.principal import Principal
from core.errors import BadInputError, NotFoundError
from core.queries.ads import count_ads
from core.queries.concept_detail import concept_of_ad, get_concept
from core.queries.concepts import GROUPING, list_concepts, voices
from core.queries.filters import AdFilters
from core.queries.groups import GROUP_SORTS, GroupPage
from core.queries.longevity import longevities
from tests.builders import DAY, AnAd, store, store_concepts, store_scan

US = Principal("ours")
NONE = AdFilters()
LATER = DAY + timedelta(days=9)


def test_a_concept_is_its_ads_by_any_words_and_covers(database: Database) -> None:
    first, edited = AnAd("1", copy="Same", sha256="a" * 64), AnAd("2", copy="Edited", last_seen=LATER)
    silent, alone = AnAd("3", copy=""), AnAd("4", "zeta", copy="Same")
    store(database, first, edited, silent, alone)
    store_scan(database, LATER, shows=[edited])
    store_concepts(database, (first, edited), (silent,))  # of the fourth nobody knows yet

    found = list_concepts(database, US, "all", NONE)

    assert (found.grouping, found.total_concepts, found.total_ads, found.ads_without_text) == (GROUPING, 3, 4, 1)
    concept = found.items[0]
    assert (concept.concept_id, concept.brand, concept.ads, concept.variants) == (first.ad_id, "acme", 2, 2)
    assert (concept.first_seen, concept.last_seen, concept.status) == (DAY, LATER, "not_seen")
    assert (concept.example.ad_id, concept.content_id) == (edited.ad_id, edited.content_id)
    assert sum(concept.ads for concept in found.items) == found.total_ads


def test_private_and_shared_ads_that_say_the_same_are_two_concepts_and_one_text(database: Database) -> None:
    store(database, AnAd("1"), AnAd("1", scope="ours"), AnAd("1", scope="theirs"))

    assert len(list_concepts(database, US, "all", NONE).items) == 2
    assert len(list_concepts(database, Principal("nobody"), "all", NONE).items) == 1
    assert [(brand.concepts, brand.texts) for brand in voices(database, US, "all", NONE).brands] == [(2, 1)]


def test_the_example_passes_the_filters(database: Database) -> None:
    video, later = AnAd("1", copy="Same", format="video"), AnAd("2", copy="Other", last_seen=LATER)
    store(database, video, later)
    store_concepts(database, (video, later))

    (found,) = list_concepts(database, US, "all", AdFilters(formats=("video",))).items

    assert (found.ads, found.variants, found.example.format) == (1, 1, "video")


def test_one_concept_tells_of_each_variant_why_it_is_in_it(database: Database) -> None:
    founder, joined, apart = (AnAd(name, copy=name, first_seen=DAY + timedelta(n)) for n, name in enumerate("abc"))
    store(database, founder, joined, apart)
    store_concepts(database, (founder, joined), (apart,))
    merge_concepts(database, US, apart.ad_id, into=founder.ad_id)

    found = get_concept(database, US, founder.ad_id)

    assert [variant.example.ad_id for variant in found.variants] == [founder.ad_id, joined.ad_id, apart.ad_id]
    assert [(variant.joined_by, variant.joined_to, variant.distances) for variant in found.variants] == [
        ("itself", None, {}), ("text simhash", founder.ad_id, {"words_bits": 4}), ("itself", None, {}),
    ]  # fmt: skip
    assert [(one.concept_id, one.merged_by) for one in found.merged] == [(apart.ad_id, US.actor)]
    assert (found.ads, found.first_seen, found.last_seen) == (3, DAY, DAY + timedelta(0))
    assert concept_of_ad(database, US, apart.ad_id) == replace(found, variant_of_ad=apart.ad_id)
    with pytest.raises(NotFoundError, match=f"merged into {founder.ad_id}"):
        get_concept(database, US, apart.ad_id)
    theirs = concept_of_ad(database, Principal("others"), apart.ad_id)
    assert theirs is not None
    assert (theirs.concept_id, theirs.merged) == (apart.ad_id, ())


def test_who_put_a_variant_into_a_concept_is_told(database: Database) -> None:
    one, two = AnAd("1", copy="One"), AnAd("2", copy="Two")
    store(database, one, two)
    store_concepts(database, (one, two))

    made = split_concept(database, US, one.ad_id, variant_ids=[two.ad_id])

    (variant,) = get_concept(database, US, made.concept_id).variants
    assert (variant.put_here_by, variant.machine_concept_id) == (US.actor, one.ad_id)


def test_an_ad_that_is_not_grouped_yet_is_in_no_concept_and_counts_as_one(database: Database) -> None:
    item = AnAd("1")
    store(database, item)

    assert concept_of_ad(database, US, item.ad_id) is None
    assert count_ads(database, US, "all", AdFilters(unit="concepts")) == 1
    with pytest.raises(NotFoundError, match="not grouped yet"):
        get_concept(database, US, item.ad_id)
    with pytest.raises(NotFoundError, match="no such ad"):
        concept_of_ad(database, US, "nobody's")


@pytest.mark.parametrize("sort", GROUP_SORTS)
def test_every_concept_comes_once_through_the_cursors_in_order(database: Database, sort: str) -> None:
    ideas = [
        tuple(AnAd(f"{number}.{n}", copy=f"{number}", first_seen=DAY + timedelta(n)) for n in range(number % 3 + 1))
        for number in range(7)
    ]
    ads = [item for idea in ideas for item in idea]
    store(database, *ads)
    store_concepts(database, *ideas)
    seen, cursor = [], None
    while True:
        page = list_concepts(database, US, "all", NONE, GroupPage(cursor, 2, sort))
        seen += page.items
        assert (page.total_concepts, page.total_ads) == (7, len(ads))
        if (cursor := page.next_cursor) is None:
            break

    keys = [{"most_ads": item.ads, "newest": item.first_seen, "last_seen": item.last_seen}[sort] for item in seen]
    assert len({item.concept_id for item in seen}) == len(seen) == 7
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


def test_share_of_voice_counts_concepts_before_texts_and_ads(database: Database) -> None:
    loud = [AnAd(str(number), "loud", copy=f"Again {number}") for number in range(8)]
    store(database, *loud)
    store(database, AnAd("a", "rich", copy="One"), AnAd("b", "rich", copy="Two"), AnAd("c", "rich", copy=""))
    store_concepts(database, tuple(loud))

    found = voices(database, US, "all", NONE)

    assert (found.of, found.total_concepts, found.total_texts) == ("concepts", 4, 10)
    assert (found.total_ads, found.ads_without_text) == (11, 1)
    rich, others = found.brands
    assert (rich.brand, rich.concepts, rich.texts, rich.ads, rich.share_of_concepts) == ("rich", 3, 2, 3, 3 / 4)
    assert (others.share_of_concepts, others.share_of_texts, others.share_of_ads) == (1 / 4, 8 / 10, 8 / 11)


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
