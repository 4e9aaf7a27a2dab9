"""Questions and answers have a largest size; what is cut says so, and nothing is lost by it."""

from __future__ import annotations

from sqlalchemy import text

from core.queries.pages import MAX_PAGE
from tests.builders import AnAd, store
from tests.daemon.support import LocalDaemon

ADS = "/api/v1/brandspaces/all/ads"
MEGABYTE = 1_000_000
OLDER_VERSIONS = """
    INSERT INTO ad_version SELECT (jsonb_populate_record(v, jsonb_build_object(
        'version_id', v.version_id || day, 'first_seen', v.first_seen - day, 'last_seen', v.last_seen - day))).*
    FROM ad_version v, generate_series(1, 149) day"""
FOUR_BYTES = "\N{GRINNING FACE}"


def test_a_list_that_would_be_too_large_is_cut_says_so_and_leads_on(daemon: LocalDaemon) -> None:
    ads = [AnAd(str(number), copy=f"{number:03}" + FOUR_BYTES * 997, title=FOUR_BYTES * 400) for number in range(210)]
    store(daemon.services.database, *ads)
    seen, cuts, cursor = [], [], ""
    while cursor is not None:
        answer = daemon.get(f"{ADS}?limit={MAX_PAGE}&brands=acme" + (f"&cursor={cursor}" if cursor else ""))
        assert (answer.status, len(answer.body) <= MEGABYTE) == (200, True)
        seen += [ad["ad_id"] for ad in answer.json["items"]]
        cuts.append(answer.json["truncated"])
        cursor = answer.json["next_cursor"]
    assert sorted(seen) == sorted(ad.ad_id for ad in ads)
    assert cuts == [True, False]


def test_a_list_that_fits_is_whole(daemon: LocalDaemon) -> None:
    store(daemon.services.database, *(AnAd(str(number), copy=FOUR_BYTES * 1_000) for number in range(100)))
    page = daemon.get(f"{ADS}?limit=100").json
    assert (len(page["items"]), page["next_cursor"], page["truncated"]) == (100, None, False)


def test_an_ad_with_too_many_versions_shows_the_newest_and_says_so(daemon: LocalDaemon) -> None:
    ad = AnAd("1", copy=FOUR_BYTES * 2_500)
    store(daemon.services.database, ad)
    whole = daemon.get(f"/api/v1/ads/{ad.ad_id}").json
    assert (len(whole["versions"]), whole["truncated"]) == (1, False)
    with daemon.services.database.worker("shared") as connection:
        connection.execute(text(OLDER_VERSIONS))
    answer = daemon.get(f"/api/v1/ads/{ad.ad_id}")
    assert (answer.status, len(answer.body) <= MEGABYTE, answer.json["truncated"]) == (200, True, True)
    shown = [version["last_seen"] for version in answer.json["versions"]]
    assert (len(shown), shown) == (37, sorted(shown, reverse=True))
    assert answer.json["versions"][0] == whole["versions"][0]


def test_a_question_too_long_is_414_in_the_one_shape(daemon: LocalDaemon) -> None:
    hundred_bytes = "brands=" + "x" * 92 + "&"
    assert daemon.get(f"{ADS}?{hundred_bytes * 40}").status == 200
    refused = daemon.get(f"{ADS}?{hundred_bytes * 42}")
    assert (refused.status, refused.error["code"]) == (414, "request_uri_too_long")
