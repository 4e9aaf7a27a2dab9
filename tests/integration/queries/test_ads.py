"""Lists of ads: status, filters with unknown, words, pages, facets, detail."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal
from core.errors import BadInputError, ConflictError, NotFoundError
from core.queries.ad_detail import get_ad
from core.queries.ads import SORTS, count_ads, list_ads
from core.queries.brandspaces import list_brandspaces
from core.queries.facets import facets
from core.queries.filters import UNITS, AdFilters, Unit
from tests.builders import DAY, PROVENANCE_ID, AnAd, store, store_concepts, store_scan

US = Principal("ours")
NONE = AdFilters()
BEFORE, AFTER = DAY - timedelta(days=7), DAY + timedelta(days=7)


def found(database: Database, filters: AdFilters, brandspace: str = "all") -> set[str]:
    cards = list_ads(database, US, brandspace, filters, limit=200).items
    assert count_ads(database, US, brandspace, filters) == len(cards)
    return {card.ad_id for card in cards}


# --- status ------------------------------------------------------------------------------------------

STATUSES: list[tuple[dict[str, Any], str]] = [
    # the newest scan is of DAY
    ({"last_scanned_on": DAY}, "active"),
    ({"last_scanned_on": DAY, "source_says_active": True}, "active"),
    ({"last_scanned_on": DAY, "run_end": DAY}, "active"),  # runs to the end of that day
    ({"last_scanned_on": DAY, "run_end": AFTER}, "active"),
    ({"last_scanned_on": DAY, "source_says_active": False}, "stopped"),
    ({"last_scanned_on": DAY, "run_end": BEFORE}, "stopped"),
    ({"last_scanned_on": BEFORE}, "not_seen"),
    ({"last_scanned_on": BEFORE, "source_says_active": True}, "not_seen"),
    ({"last_scanned_on": BEFORE, "run_end": AFTER}, "not_seen"),
    ({"last_scanned_on": BEFORE, "source_says_active": False}, "stopped"),
    ({"last_scanned_on": BEFORE, "run_end": BEFORE}, "stopped"),
]


@pytest.mark.parametrize(("facts", "status"), STATUSES)
def test_status_is_derived_from_the_newest_scan(database: Database, facts: Mapping[str, Any], status: str) -> None:
    item = AnAd("1", **facts)
    store(database, item)
    store_scan(database, BEFORE)
    store_scan(database, DAY)

    assert list_ads(database, US, "all", NONE).items[0].status == status
    assert get_ad(database, US, item.ad_id).status == status
    for asked in ("active", "stopped", "not_seen"):
        assert found(database, AdFilters(statuses=(asked,))) == ({item.ad_id} if asked == status else set())


@pytest.mark.parametrize("other", [{"brand": "other"}, {"channel": "google"}, {"account": "two"}, {"scope": "ours"}])
def test_a_scan_of_something_else_says_nothing_about_an_ad(database: Database, other: dict[str, str]) -> None:
    store(database, AnAd("1"))
    store_scan(database, DAY)
    store_scan(database, AFTER, **other)  # type: ignore[arg-type]

    assert list_ads(database, US, "all", NONE).items[0].status == "active"


# --- filters -----------------------------------------------------------------------------------------

KNOWN = AnAd(
    "known", brand="acme", channel="meta", platforms=("facebook", "instagram"), countries=("DE", "US"),
    format="video", media_status="removed",
    cta="Shop now", landing_domain="acme.example", copy="Straße und 日本語 café", sha256="c" * 64,
    labels={"hook": ("question",), "language": ("de",), "offer": ("free_trial", "discount")},
)  # fmt: skip
UNKNOWN = AnAd(
    "unknown", brand="zeta", channel="google", format="unknown", copy="?", first_seen=BEFORE, last_seen=AFTER,
    labels={"hook": ("unknown",), "language": ("unknown",), "offer": ("unknown",)},
)  # fmt: skip
UNREAD = AnAd("unread", brand="zeta", channel="google", format="unknown", copy="!", first_seen=BEFORE, last_seen=AFTER)
REFUSED = AnAd(
    "refused", brand="zeta", channel="google", format="unknown", copy="#", first_seen=BEFORE, last_seen=AFTER,
    labels={"hook": ("question",), "language": ("de",), "offer": ("discount",)},
    outcomes={"hook": "refused", "language": "invalid", "offer": "truncated"},
)  # fmt: skip
OTHERS = {UNKNOWN.ad_id, UNREAD.ad_id, REFUSED.ad_id}

FILTERS: list[tuple[AdFilters, set[str]]] = [
    (AdFilters(brands=("acme",)), {KNOWN.ad_id}),
    (AdFilters(brands=("acme", "zeta")), {KNOWN.ad_id} | OTHERS),
    (AdFilters(brands=("nobody",)), set()),
    (AdFilters(channels=("google",)), OTHERS),
    (AdFilters(countries=("US", "FR")), {KNOWN.ad_id}),
    (AdFilters(countries=("unknown",)), OTHERS),
    (AdFilters(countries=("DE", "unknown")), {KNOWN.ad_id} | OTHERS),
    (AdFilters(formats=("video",)), {KNOWN.ad_id}),
    (AdFilters(formats=("unknown",)), OTHERS),
    (AdFilters(media_statuses=("removed",)), {KNOWN.ad_id}),
    (AdFilters(ctas=("Shop now",)), {KNOWN.ad_id}),
    (AdFilters(ctas=("unknown",)), OTHERS),
    (AdFilters(landing_domain="acme.example"), {KNOWN.ad_id}),
    (AdFilters(landing_domain="unknown"), OTHERS),
    (AdFilters(languages=("de",)), {KNOWN.ad_id}),
    (AdFilters(languages=("unknown",)), OTHERS),  # not found, not read, and not read well are all unknown
    (AdFilters(labels=(("hook", "question"),)), {KNOWN.ad_id}),
    (AdFilters(labels=(("hook", "unknown"),)), OTHERS),
    (AdFilters(labels=(("offer", "discount"), ("offer", "bundle"))), {KNOWN.ad_id}),  # alternatives
    (AdFilters(labels=(("offer", "discount"), ("hook", "unknown"))), set()),  # dimensions all hold
    (AdFilters(first_seen_from=DAY), {KNOWN.ad_id}),
    (AdFilters(first_seen_to=BEFORE), OTHERS),
    (AdFilters(last_seen_from=AFTER), OTHERS),
    (AdFilters(last_seen_to=DAY), {KNOWN.ad_id}),
    (AdFilters(words="STRASSE"), set()),  # case is folded letter by letter
    (AdFilters(words="straße 日本"), {KNOWN.ad_id}),
    (AdFilters(words="café missing"), set()),
    (AdFilters(on_screen_words="free"), {KNOWN.ad_id}),  # what stands on its cover
    (AdFilters(on_screen_words="trial FREE"), {KNOWN.ad_id}),
    (AdFilters(on_screen_words="café"), set()),  # in the copy, not on the picture
    (AdFilters(on_screen_words="아이린 7,000원"), {KNOWN.ad_id}),  # whether or not the reader put blanks in it
    (AdFilters(on_screen_words="아이린 trial"), {KNOWN.ad_id}),
    (AdFilters(on_screen_words="아이린 café"), set()),
    (AdFilters(on_screen_words="trialfree"), set()),  # blanks count in other scripts
    (AdFilters(words="free"), set()),
    (AdFilters(labels=(("visual_shape", "square"),)), {KNOWN.ad_id}),  # of the cover
    (AdFilters(labels=(("visual_shape", "unknown"),)), OTHERS),
]
COVER = "c" * 64


@pytest.fixture(scope="module")
def filter_cases() -> list[AnAd]:
    return [KNOWN, UNKNOWN, UNREAD, REFUSED]


def store_cover(database: Database, sha256: str, on_screen: str) -> None:
    """What was read on a picture, and its shape."""
    row = {"scope": "shared", "content_id": sha256, "kind": "picture", "text_hash": sha256, "text": on_screen}
    of_cover = {"scope": "shared", "content_id": sha256, "dimension": "visual_shape", "value": "square"}
    with database.worker("shared") as connection:
        connection.execute(insert(schema.content).values(row | {"cta": ""}))
        connection.execute(
            insert(schema.label).values(
                of_cover | {"confidence": 1.0, "outcome": "ok", "modality": "image", "provenance_id": PROVENANCE_ID}
            )
        )


def test_each_filter_keeps_exactly_its_ads(database: Database, filter_cases: list[AnAd]) -> None:
    store(database, *filter_cases)
    store_cover(database, COVER, "Free trial\n아 이린 에게 7,000 원")

    for filters, wanted in FILTERS:
        assert found(database, filters) == wanted, filters


def day(number: int) -> date:
    return DAY + timedelta(days=number)


# Days of the runs, relative to DAY; what is seen is told apart from what is shown.
ENDED = AnAd(
    "ended", copy="1", run_start=day(0), run_end=day(9), first_seen=day(5), last_seen=day(6), platforms=("facebook",),
    attributes={"spend": {"low": 100, "high": 199, "currency": "EUR"}, "impressions": {"low": 1000, "high": 4999}},
)  # fmt: skip
RUNNING = AnAd(
    "running", copy="2", run_start=day(5), first_seen=day(6), last_seen=day(14), platforms=("facebook", "instagram"),
    attributes={"spend": {"low": 100, "currency": "USD"}, "impressions": {"low": 1000000}},  # open above
)  # fmt: skip
SEEN_BEFORE_ITS_START = AnAd("early", copy="3", run_start=day(20), first_seen=day(1), last_seen=day(2))
UNDATED = AnAd("undated", copy="4", run_end=day(3), first_seen=day(0), last_seen=day(29))  # an end alone is no run
ODD = AnAd("odd", copy="5", attributes={"spend": "a lot", "impressions": {"low": "many", "high": None}})
RUNS = [ENDED, RUNNING, SEEN_BEFORE_ITS_START, UNDATED, ODD]

RUN_FILTERS: list[tuple[dict[str, Any], list[AnAd]]] = [
    ({"platforms": ["instagram"]}, [RUNNING]),
    ({"platforms": ["instagram", "unknown"]}, [RUNNING, SEEN_BEFORE_ITS_START, UNDATED, ODD]),
    ({"run_dates": "known"}, [ENDED, RUNNING, SEEN_BEFORE_ITS_START]),
    ({"run_dates": "unknown"}, [UNDATED, ODD]),
    ({"run_from": day(9)}, [ENDED, RUNNING, SEEN_BEFORE_ITS_START]),  # the last day counts
    ({"run_from": day(10)}, [RUNNING, SEEN_BEFORE_ITS_START]),
    ({"run_from": day(14)}, [RUNNING, SEEN_BEFORE_ITS_START]),  # without an end: until it was last seen
    ({"run_from": day(15)}, [SEEN_BEFORE_ITS_START]),
    ({"run_to": day(4)}, [ENDED]),
    ({"run_to": day(5)}, [ENDED, RUNNING]),
    ({"run_from": day(7), "run_to": day(8)}, [ENDED, RUNNING]),  # overlaps, needn't lie within
    ({"days_seen_min": 2, "days_seen_max": 2}, [ENDED, SEEN_BEFORE_ITS_START]),
    ({"days_seen_min": 9, "days_seen_max": 29}, [RUNNING]),
    ({"days_shown_min": 10}, [ENDED, RUNNING]),
    ({"days_shown_max": 9}, [SEEN_BEFORE_ITS_START]),  # its first day, so far
    ({"days_shown_min": 0, "days_shown_max": 10**15}, [ENDED, RUNNING, SEEN_BEFORE_ITS_START]),
    ({"spend_currencies": ["EUR", "USD"]}, [ENDED, RUNNING]),
    ({"spend_currencies": "unknown"}, [SEEN_BEFORE_ITS_START, UNDATED, ODD]),
    ({"spend_currencies": "EUR", "spend_min": 199}, [ENDED]),
    ({"spend_currencies": "EUR", "spend_min": 200}, []),
    ({"spend_currencies": "EUR", "spend_min": 150, "spend_max": 160}, [ENDED]),  # ranges stay ranges
    ({"spend_currencies": "EUR", "spend_max": 99}, []),
    ({"spend_currencies": "USD", "spend_min": 10**9}, [RUNNING]),
    ({"impressions": "known", "impressions_max": 5000}, [ENDED]),
    ({"impressions_min": 4999}, [ENDED, RUNNING]),
    ({"impressions_min": 5000}, [RUNNING]),
    ({"impressions_min": 0}, [ENDED, RUNNING]),  # what nobody counted is in no range
]


def test_runs_and_amounts_are_filtered_by_what_the_source_says(database: Database) -> None:
    store(database, *RUNS)

    for asked, wanted in RUN_FILTERS:
        texts = {
            name: [str(one) for one in value] if isinstance(value, list) else str(value)
            for name, value in asked.items()
        }
        assert found(database, AdFilters.from_params(texts)) == {item.ad_id for item in wanted}, asked


def test_what_a_source_may_say_is_counted_with_what_it_leaves_out(database: Database) -> None:
    store(database, *RUNS)

    counted = facets(database, US, "all", AdFilters(run_from=day(10)))

    assert counted["run_dates"].values == (("known", 3),)  # without the filter on when
    assert (counted["run_dates"].unknown, counted["run_dates"].total) == (2, 5)
    assert (counted["platforms"].values, counted["platforms"].unknown) == ((("facebook", 1), ("instagram", 1)), 1)
    assert (counted["spend_currencies"].values, counted["impressions"].total) == ((("USD", 1),), 2)
    assert facets(database, US, "all", NONE)["impressions"].unknown == 3  # words are no number
    spent = facets(database, US, "all", AdFilters(spend_currencies=("EUR",), spend_min=1))
    assert spent["spend_currencies"].values == (("EUR", 1), ("USD", 1))


HOSTILE = ["%", "_", "\\", "'", '"', "';--", "%%", "{}", "$1", ":x", "%(x)s", "\\%", "50%_\\'\""]


@pytest.mark.parametrize("words", HOSTILE)
def test_words_mean_themselves(database: Database, words: str) -> None:
    holder = AnAd("holder", copy=f"before {words} after")
    store(database, holder, AnAd("plain", copy="nothing special 50 x"))

    assert found(database, AdFilters(words=words)) == {holder.ad_id}


# --- pages -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", SORTS)
def test_cursors_walk_every_ad_once_also_through_ties(database: Database, sort: str) -> None:
    items = [
        AnAd(str(n), first_seen=DAY + timedelta(days=n % 3), last_seen=AFTER + timedelta(days=n % 2)) for n in range(23)
    ]
    store(database, *items)

    walked, cursor = [], None
    while not walked or cursor:
        page = list_ads(database, US, "all", NONE, sort=sort, limit=5, cursor=cursor)
        walked += [card.ad_id for card in page.items]
        cursor = page.next_cursor

    whole = [card.ad_id for card in list_ads(database, US, "all", NONE, sort=sort).items]
    assert walked == whole
    assert sorted(walked) == sorted(item.ad_id for item in items)


def test_sorts_put_first_what_they_say(database: Database) -> None:
    old = AnAd("old", first_seen=BEFORE, last_seen=AFTER)
    new = AnAd("new", first_seen=DAY, last_seen=DAY)
    store(database, old, new)

    first = {sort: list_ads(database, US, "all", NONE, sort=sort).items[0].ad_id for sort in SORTS}

    assert first == {"newest": new.ad_id, "oldest": old.ad_id, "last_seen": old.ad_id, "longest_seen": old.ad_id}


def test_a_cursor_is_refused_when_changed_or_taken_elsewhere(database: Database) -> None:
    store(database, *(AnAd(str(n)) for n in range(3)))
    cursor = list_ads(database, US, "all", NONE, limit=1).next_cursor
    assert cursor is not None

    changed = [
        cursor[:-1],
        cursor + "A",
        "x",
        "ä",
        "!" + cursor,
        cursor[:5] + ("A" if cursor[5] != "A" else "B") + cursor[6:],
    ]
    for bad in changed:
        with pytest.raises(BadInputError, match="cursor"):
            list_ads(database, US, "all", NONE, cursor=bad)
    for elsewhere in ({"sort": "oldest"}, {"filters": AdFilters(channels=("meta",))}):
        with pytest.raises(BadInputError, match="cursor"):
            list_ads(database, US, "all", **{"filters": NONE, "cursor": cursor} | elsewhere)  # type: ignore[arg-type]


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_holds_1_to_200_ads(database: Database, limit: int) -> None:
    with pytest.raises(BadInputError, match="200"):
        list_ads(database, US, "all", NONE, limit=limit)


# --- facets ------------------------------------------------------------------------------------------


def test_facets_with_their_unknown_sum_to_the_ads(database: Database, filter_cases: list[AnAd]) -> None:
    store(database, *filter_cases)

    found_facets = facets(database, US, "all", NONE)

    assert {"brands", "statuses", "countries", "languages", "ctas", "labels.hook"} <= found_facets.keys()
    for facet in found_facets.values():
        summed = sum(count for _, count in facet.values) + facet.others + facet.unknown
        assert facet.total == 4
        assert summed > 4 if facet.several else summed == 4, facet
    assert {name for name, facet in found_facets.items() if facet.several} == {"countries", "platforms", "labels.offer"}


@pytest.mark.parametrize("unit", UNITS)
def test_every_facet_value_leaves_as_many_as_it_says(database: Database, filter_cases: list[AnAd], unit: Unit) -> None:
    half_known = AnAd("alike", brand=KNOWN.brand, copy="Nobody has read it")
    store(database, *filter_cases, half_known)
    store_cover(database, COVER, "Free trial")
    store_concepts(database, (KNOWN, half_known), (UNKNOWN, UNREAD))
    chosen = {"brands": ["zeta"], "languages": ["unknown"], "unit": [unit]}

    for asked in ({"unit": [unit]}, chosen):
        for name, facet in facets(database, US, "all", AdFilters.from_params(asked)).items():
            for value, count in [*facet.values, ("unknown", facet.unknown)]:
                field, _, dimension = name.partition(".")
                narrowed = asked | {field: [f"{dimension}:{value}" if dimension else value]}
                if not (value == "unknown" and field in {"brands", "channels", "statuses", "media_statuses"}):
                    left = count_ads(database, US, "all", AdFilters.from_params(narrowed))
                    assert left == count, (name, value, asked)


def test_a_corrected_label_of_a_cover_counts_as_it_was_corrected(database: Database, filter_cases: list[AnAd]) -> None:
    store(database, *filter_cases)
    store_cover(database, COVER, "Free trial")
    row = {"organisation_id": "ours", "scope": "shared", "content_id": COVER, "dimension": "visual_shape"}
    with database.writer(US) as connection:
        connection.execute(insert(schema.label_overlay).values(row | {"values": ["story"], "corrected_by": "us"}))

    for value, wanted in (("story", {KNOWN.ad_id}), ("square", set()), ("unknown", OTHERS)):
        assert found(database, AdFilters(labels=(("visual_shape", value),))) == wanted
    assert facets(database, US, "all", NONE)["labels.visual_shape"].values == (("story", 1),)


def test_a_facet_is_counted_without_its_own_filter(database: Database, filter_cases: list[AnAd]) -> None:
    store(database, *filter_cases)

    chosen = facets(database, US, "all", AdFilters(brands=("acme",), labels=(("hook", "question"),)))

    assert chosen["brands"].values == (("acme", 1),)  # of the ads with that hook
    assert facets(database, US, "all", AdFilters(brands=("acme",)))["brands"].values == (("zeta", 3), ("acme", 1))
    assert (chosen["labels.hook"].values, chosen["labels.hook"].total) == ((("question", 1),), 1)  # of acme's ads
    assert chosen["channels"].total == 1  # of both


# --- brandspaces -------------------------------------------------------------------------------------


def test_an_empty_brandspace_has_no_ads(database: Database) -> None:
    store(database, AnAd("1"))
    space = create_brandspace(database, US, name="Empty", competitors=[])

    assert found(database, NONE, space.brandspace_id) == set()
    assert facets(database, US, space.brandspace_id, NONE)["brands"].total == 0


def test_a_brandspace_holds_the_ads_of_its_brands(database: Database) -> None:
    store(database, KNOWN, UNKNOWN)
    space = create_brandspace(database, US, name=" My  space ", competitors=["acme", "new"], primary="acme")

    assert found(database, NONE, space.brandspace_id) == {KNOWN.ad_id}
    assert [item.name for item in list_brandspaces(database, US)] == ["All brands", "My space"]
    with pytest.raises(ConflictError, match="My space"):
        create_brandspace(database, US, name="My space", competitors=[])


def test_an_unknown_brandspace_is_not_found(database: Database) -> None:
    with pytest.raises(NotFoundError):
        list_ads(database, US, "nobody's", NONE)


# --- detail ------------------------------------------------------------------------------------------


def test_the_detail_shows_labels_with_evidence_and_how_they_were_made(database: Database) -> None:
    store(database, KNOWN)

    (version,) = get_ad(database, US, KNOWN.ad_id).versions

    hook = next(label for label in version.labels if label.dimension == "hook")
    quote = hook.evidence[0]
    assert (hook.value, hook.confidence, hook.provenance["model"]) == ("question", 0.9, "local-heuristics")
    assert version.text[quote["start"] : quote["end"]] == quote["quote"]
    assert version.is_current


def test_the_detail_tells_which_scans_showed_the_ad(database: Database) -> None:
    item = AnAd("1")
    store(database, item)
    store_scan(database, DAY, shows=[item])
    store_scan(database, AFTER)
    store_scan(database, AFTER, brand="other")

    sightings = get_ad(database, US, item.ad_id).sightings

    assert [(scan.scanned_on, scan.version_ids) for scan in sightings] == [(AFTER, ()), (DAY, (item.version_id,))]


def test_a_medium_that_is_missing_says_why(database: Database) -> None:
    item = AnAd("1", sha256="a" * 64, media_status="expired_url")
    store(database, item)

    (medium,) = get_ad(database, US, item.ad_id).media

    assert (medium.status, medium.role, medium.content_type) == ("expired_url", "image", "image/png")


def test_a_card_tells_unknown_from_unread(database: Database) -> None:
    store(database, UNKNOWN, UNREAD)

    labels = {card.ad_id: card.labels for card in list_ads(database, US, "all", NONE).items}

    assert labels[UNKNOWN.ad_id]["hook"] == ("unknown",)
    assert labels[UNREAD.ad_id] == {}
