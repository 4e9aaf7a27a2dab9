"""Brands beside each other: every ad counted once, unknown and unread shown, n on everything."""

from __future__ import annotations

from datetime import date

import pytest

from core.adapters.postgres.engine import Database
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal
from core.errors import BadInputError
from core.insights.launches import Period
from core.insights.mixes import MAX_BRANDS
from core.queries.comparison import label_mix, launches
from core.queries.coverage import labelling_coverage
from core.queries.filters import AdFilters
from core.queries.overview import brand_overviews, whats_new
from tests.builders import DAY, AnAd, store, store_brand, store_scan

US = Principal("ours")
NONE = AdFilters()
EARLIER = date(2026, 2, 20)


def an_ad(number: int, brand: str, **dimensions: tuple[str, ...]) -> AnAd:
    return AnAd(f"{brand}{number}", brand, copy=f"{brand} {number}", labels=dimensions or None)


def test_the_mix_counts_each_ad_of_each_brand_once(database: Database) -> None:
    twice = {"copy": "said twice", "labels": {"hook": ("question",)}}
    store(database, AnAd("1", "acme", **twice), AnAd("2", "acme", **twice))  # type: ignore[arg-type]
    store(database, an_ad(3, "acme", hook=("claim",)), an_ad(4, "acme", hook=("unknown",)), an_ad(5, "acme"))
    store(database, an_ad(1, "zeta", hook=("claim",)), an_ad(2, "zeta", tone=("warm",)))

    mix = label_mix(database, US, "all", "hook", NONE)

    acme, zeta = mix.brands
    assert mix.values == ("claim", "question")
    assert (acme.brand, acme.ads, acme.read, acme.unknown, acme.pending) == ("acme", 5, 4, 1, 1)
    assert acme.counts == {"question": 2, "claim": 1}
    assert (zeta.brand, zeta.ads, zeta.read, zeta.not_asked, zeta.counts) == ("zeta", 2, 1, 1, {"claim": 1})


def test_an_ad_with_two_values_counts_for_both_and_is_one_ad(database: Database) -> None:
    store(database, an_ad(1, "acme", offer=("discount", "free_trial")), an_ad(2, "acme", offer=("discount",)))

    (acme,) = label_mix(database, US, "all", "offer", NONE).brands

    assert (acme.read, acme.unknown, acme.counts) == (2, 0, {"discount": 2, "free_trial": 1})


def test_the_mix_obeys_the_filters(database: Database) -> None:
    store(database, an_ad(1, "acme", hook=("claim",), tone=("warm",)), an_ad(2, "acme", hook=("question",)))

    (acme,) = label_mix(database, US, "all", "hook", AdFilters(labels=(("tone", "warm"),))).brands

    assert acme.counts == {"claim": 1}


def test_the_format_is_what_the_source_declares_and_waits_for_nothing(database: Database) -> None:
    store(database, *(AnAd(name, format=name, copy=name) for name in ("video", "image", "unknown")))
    store(database, AnAd("image2", copy=""), AnAd("1", "zeta", format="text"))

    acme, zeta = label_mix(database, US, "all", "format", NONE).brands
    (filtered,) = label_mix(database, US, "all", "format", AdFilters(formats=("video",))).brands

    assert (acme.ads, acme.read, acme.pending, acme.unknown) == (4, 4, 0, 1)
    assert (acme.counts, zeta.counts) == ({"image": 2, "video": 1}, {"text": 1})
    assert filtered.counts == {"video": 1}


def test_brands_beyond_twenty_are_counted_as_left_out(database: Database) -> None:
    store(database, *(an_ad(1, f"brand{n:02}", hook=("claim",)) for n in range(MAX_BRANDS + 3)), an_ad(2, "brand22"))

    mix = label_mix(database, US, "all", "hook", NONE)
    started = launches(database, US, "all", Period.MONTH, NONE)

    assert (len(mix.brands), mix.brands_left_out) == (len(started.brands), started.brands_left_out) == (20, 3)
    assert mix.brands[0].brand == started.brands[0].brand == "brand22"


def test_launches_go_by_run_start_else_by_first_seen_and_say_which(database: Database) -> None:
    store(
        database,
        AnAd("1", "acme", first_seen=DAY, run_start=date(2026, 1, 15)),
        AnAd("2", "acme", first_seen=DAY),
        AnAd("3", "zeta", first_seen=date(2026, 2, 28)),
    )

    acme, zeta = launches(database, US, "all", Period.MONTH, NONE).brands

    january, february, march = (date(2026, month, 1) for month in (1, 2, 3))
    assert acme.points == ((january, 1), (february, 0), (march, 1))
    assert zeta.points == ((january, 0), (february, 1), (march, 0))
    assert (acme.ads, acme.dated_by_source, acme.dated_by_first_seen) == (2, 1, 1)


def test_weeks_start_on_monday(database: Database) -> None:
    store(database, AnAd("1", run_start=date(2026, 3, 1)), AnAd("2", run_start=date(2026, 3, 2)))

    (acme,) = launches(database, US, "all", Period.WEEK, NONE).brands

    assert acme.points == ((date(2026, 2, 23), 1), (date(2026, 3, 2), 1))


def test_a_date_that_is_wrong_by_centuries_stretches_no_axis(database: Database) -> None:
    store(database, AnAd("1", run_start=date(1, 1, 1)), AnAd("2", run_start=date(9999, 12, 31)))

    (acme,) = launches(database, US, "all", Period.WEEK, NONE).brands

    assert (len(acme.points), acme.points[-1], acme.earlier) == (520, (date(9999, 12, 27), 1), 1)


def test_what_is_stored_is_labelled_without_text_or_pending(database: Database) -> None:
    store(database, an_ad(1, "acme", hook=("unknown",)), an_ad(2, "acme"), an_ad(3, "acme"))
    store(database, AnAd("4", copy=""), AnAd("5", copy=""), AnAd("6", copy=""))

    coverage = labelling_coverage(database, US, "all", NONE)

    found = (coverage.stored, coverage.labelled, coverage.without_text, coverage.pending)
    assert found == (6, 1, 3, 2)


def test_an_ad_without_text_is_counted_apart_from_those_that_wait(database: Database) -> None:
    store(database, an_ad(1, "acme", hook=("claim",)), an_ad(2, "acme"), AnAd("3", copy=""), AnAd("4", copy=""))

    (acme,) = label_mix(database, US, "all", "hook", NONE).brands

    assert (acme.ads, acme.read, acme.pending, acme.without_text) == (4, 1, 1, 2)


def test_what_is_new_is_told_by_the_newest_scan_of_each_source(database: Database) -> None:
    store_scan(database, EARLIER, new=9)
    store_scan(database, DAY, new=2, changed=1, seen_again=6, not_seen=1)
    store_scan(database, EARLIER, channel="google", new=4)

    meta, google = whats_new(database, US, "all").items

    assert (meta.channel, meta.scanned_on, meta.previous_scanned_on) == ("meta", DAY, EARLIER)
    assert (meta.new, meta.changed, meta.seen_again, meta.not_seen) == (2, 1, 6, 1)
    assert (google.channel, google.previous_scanned_on, google.new) == ("google", None, 4)


def test_news_continues_with_the_next_source(database: Database) -> None:
    for brand in ("acme", "zeta"):
        store_scan(database, DAY, brand=brand)
        store_scan(database, EARLIER, brand=brand, channel="google")

    first = whats_new(database, US, "all", limit=3)
    rest = whats_new(database, US, "all", limit=3, cursor=first.next_cursor)

    assert [(news.scanned_on, news.brand) for news in (*first.items, *rest.items)] == [
        (DAY, "acme"), (DAY, "zeta"), (EARLIER, "acme"), (EARLIER, "zeta"),
    ]  # fmt: skip
    assert rest.next_cursor is None


def test_the_overview_sums_a_brands_sources_and_counts_its_ads_by_status(database: Database) -> None:
    store(
        database,
        AnAd("active"),
        AnAd("stopped", source_says_active=False),
        AnAd("gone", last_scanned_on=EARLIER),
        AnAd("elsewhere", channel="google"),
    )
    store_scan(database, DAY, new=2, changed=1)
    store_scan(database, EARLIER, channel="google", new=4)

    (acme,) = brand_overviews(database, US, "all").items

    assert (acme.ads, acme.active, acme.stopped, acme.not_seen) == (4, 2, 1, 1)
    assert (acme.new, acme.changed, acme.last_scan_on) == (6, 1, DAY)


def test_the_overview_shows_brands_nobody_has_collected_yet(database: Database) -> None:
    store_brand(database, "acme")
    space = create_brandspace(database, US, name="Ours", competitors=["acme", "zeta"])

    page = brand_overviews(database, US, space.brandspace_id)

    assert [(brand.slug, brand.ads, brand.last_scan_on) for brand in page.items] == [
        ("acme", 0, None),
        ("zeta", 0, None),
    ]


def test_overviews_continue_with_the_next_brand(database: Database) -> None:
    space = create_brandspace(database, US, name="Ours", competitors=["a", "b", "c"])
    store_brand(database, "b")

    first = brand_overviews(database, US, space.brandspace_id, limit=2)
    rest = brand_overviews(database, US, space.brandspace_id, limit=2, cursor=first.next_cursor)

    assert [brand.slug for brand in (*first.items, *rest.items)] == ["a", "b", "c"]
    assert rest.next_cursor is None
    with pytest.raises(BadInputError, match="cursor"):
        brand_overviews(database, US, "all", cursor=first.next_cursor)


def test_an_empty_brandspace_compares_nothing(database: Database) -> None:
    space = create_brandspace(database, US, name="Empty", competitors=[]).brandspace_id

    assert label_mix(database, US, space, "hook", NONE).brands == ()
    assert launches(database, US, space, Period.WEEK, NONE).brands == ()
    assert labelling_coverage(database, US, space, NONE).stored == 0
    assert whats_new(database, US, space).items == ()
    assert brand_overviews(database, US, space).items == ()
