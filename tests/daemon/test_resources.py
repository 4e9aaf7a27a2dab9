"""What clients ask for: ads, brands, brandspaces, requests, and new work."""

from __future__ import annotations

import dataclasses
import io
import json
import typing
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from core.messages import GATHER_QUEUE
from core.queries.filters import AdFilters
from daemon.api.ads import FilterParams
from tests.builders import AnAd, store, store_request
from tests.daemon.support import LocalDaemon

ADS = "/api/v1/brandspaces/all/ads"
UNKNOWN_IDS = ["/api/v1/ads/none", "/api/v1/brands/none", "/api/v1/brandspaces/none", "/api/v1/brandspaces/none/ads"]


def _stored_picture(daemon: LocalDaemon) -> str:
    return daemon.services.objects.put(io.BytesIO(b"picture"), max_bytes=100).sha256


def test_every_ad_comes_once_through_the_cursors(daemon: LocalDaemon) -> None:
    store(daemon.services.database, *(AnAd(str(number), copy=f"Text {number}") for number in range(5)))
    seen, cursor = [], ""
    while cursor is not None:
        page = daemon.get(f"{ADS}?limit=2&cursor={cursor}" if cursor else f"{ADS}?limit=2").json
        seen += [ad["ad_id"] for ad in page["items"]]
        cursor = page["next_cursor"]
    assert sorted(seen) == sorted(AnAd(str(number)).ad_id for number in range(5))


def test_filters_narrow_the_list_and_its_counts(daemon: LocalDaemon) -> None:
    early, late = AnAd("1", copy="One", first_seen=date(2026, 1, 1)), AnAd("2", copy="Two", cta="Shop now")
    store(daemon.services.database, early, late)
    assert [ad["ad_id"] for ad in daemon.get(f"{ADS}?first_seen_to=2026-02-01").json["items"]] == [early.ad_id]
    assert [ad["ad_id"] for ad in daemon.get(f"{ADS}?ctas=Shop%20now&ctas=Install").json["items"]] == [late.ad_id]
    assert daemon.get("/api/v1/brandspaces/all/facets?ctas=Shop%20now").json["brands"]["total"] == 1


def test_the_cover_and_media_links_of_an_ad_give_the_stored_file(daemon: LocalDaemon) -> None:
    ad = AnAd("1", sha256=_stored_picture(daemon))
    store(daemon.services.database, ad)
    card, detail = daemon.get(ADS).json["items"][0], daemon.get(f"/api/v1/ads/{ad.ad_id}").json
    for link in (card["cover_url"], detail["media"][0]["media_url"]):
        assert daemon.get(link.removeprefix(daemon.url)).body == b"picture"


def test_an_ad_whose_file_is_granted_to_others_only_has_no_link(daemon: LocalDaemon) -> None:
    sha256 = _stored_picture(daemon)
    database = daemon.services.database
    store(database, AnAd("theirs", scope="someone-else", sha256=sha256), AnAd("ours", copy="Ours"))
    with database.worker("shared") as connection:
        connection.execute(text("UPDATE ad SET cover_sha256 = :sha"), {"sha": sha256})
    (card,) = daemon.get(ADS).json["items"]
    assert (card["cover_sha256"], card["cover_url"]) == (sha256, None)


def test_ads_of_another_organisation_are_not_there(daemon: LocalDaemon) -> None:
    theirs = AnAd("1", scope="someone-else", brand="hidden")
    store(daemon.services.database, theirs)
    assert daemon.get(ADS).json["items"] == []
    assert daemon.get(f"/api/v1/ads/{theirs.ad_id}").status == 404
    assert daemon.get("/api/v1/brands/hidden").status == 404


@pytest.mark.parametrize("path", [*UNKNOWN_IDS, "/api/v1/requests/none", "/api/v1/requests/none/rejected"])
def test_unknown_ids_are_404_in_the_one_shape(daemon: LocalDaemon, path: str) -> None:
    answer = daemon.get(path)
    assert (answer.status, answer.error["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",  # no such filter: silence would look like "no ads"
        "sort=price",
        "cursor=AAAA",
        "first_seen_from=yesterday",
        "formats=hologram",
    ],
)
def test_a_wrong_question_is_400_and_says_what_to_use(daemon: LocalDaemon, query: str) -> None:
    answer = daemon.get(f"{ADS}?{query}")
    assert (answer.status, answer.error["code"]) == (400, "bad_input")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=many", "cursor=%20"])
def test_a_malformed_page_is_422_naming_the_field(daemon: LocalDaemon, query: str) -> None:
    answer = daemon.get(f"{ADS}?{query}")
    assert (answer.status, answer.error["details"][0]["field"]) == (422, query.partition("=")[0])


def test_brands_are_listed_and_found_by_slug(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AnAd("1", brand="acme"), AnAd("2", brand="zeta", copy="Z"))
    assert [brand["slug"] for brand in daemon.get("/api/v1/brands").json["items"]] == ["acme", "zeta"]
    assert daemon.get("/api/v1/brands/zeta").json["ads"] == 1


def test_a_new_brandspace_holds_the_ads_of_its_brands(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AnAd("1", brand="acme"), AnAd("2", brand="zeta", copy="Z"))
    made = daemon.post("/api/v1/brandspaces", {"name": "Mine", "competitors": ["zeta"]})
    assert made.status == 201
    assert made.json in daemon.get("/api/v1/brandspaces").json
    path = f"/api/v1/brandspaces/{made.json['brandspace_id']}"
    assert daemon.get(path).json == made.json
    assert [ad["brand"] for ad in daemon.get(f"{path}/ads").json["items"]] == ["zeta"]
    assert daemon.post("/api/v1/brandspaces", {"name": "Mine"}).status == 409


def test_ingest_queues_the_request_and_its_message_together(daemon: LocalDaemon) -> None:
    answer = daemon.post("/api/v1/ingest", {"brand": "northtrail"})
    request_id = answer.json["request_id"]
    queued = {"request_id": request_id, "status": "processing", "message": "Your task has been queued."}
    assert (answer.status, answer.json) == (202, queued)
    assert daemon.get(f"/api/v1/requests/{request_id}").json["status"] == "queued"
    with daemon.services.database.machinery() as connection:
        ((queue, body),) = connection.execute(text("SELECT queue, body FROM outbox")).all()
    assert (queue, json.loads(body)["request_id"]) == (GATHER_QUEUE, request_id)


def test_ingest_of_a_brand_no_source_knows_is_404_and_queues_nothing(daemon: LocalDaemon) -> None:
    assert daemon.post("/api/v1/ingest", {"brand": "nobody"}).status == 404
    assert daemon.get("/api/v1/requests").json["items"] == []


@pytest.mark.parametrize(
    "body", [{}, {"brand": ""}, {"brand": "a\0b"}, {"brand": "\ud800"}, {"brand": "x", "sauce": "y"}, [], b"{", b"\xff"]
)
def test_a_body_of_another_shape_is_422(daemon: LocalDaemon, body: Any) -> None:
    answer = daemon.post("/api/v1/ingest", body)
    assert (answer.status, answer.error["code"]) == (422, "bad_input")


def test_refused_rows_come_with_file_line_and_reason(daemon: LocalDaemon) -> None:
    store_request(daemon.services.database, "r1", organisation_id="local", rejected=3)
    page = daemon.get("/api/v1/requests/r1/rejected?limit=2").json
    assert [row["line"] for row in page["items"]] == [2, 3]
    rest = daemon.get(f"/api/v1/requests/r1/rejected?limit=2&cursor={page['next_cursor']}").json
    assert ([row["line"] for row in rest["items"]], rest["next_cursor"]) == ([4], None)


def test_the_description_names_every_filter() -> None:
    assert set(FilterParams.model_fields) == {field.name for field in dataclasses.fields(AdFilters)}


def test_the_description_is_openapi_3_1_1_and_covers_the_resources(daemon: LocalDaemon) -> None:
    document = daemon.get("/api/v1/openapi.json").json
    assert document["openapi"] == "3.1.1"
    assert {"/api/v1/ingest", "/api/v1/ads/{ad_id}", "/api/v1/brandspaces/{brandspace_id}/ads"} <= set(
        document["paths"]
    )
    card = document["components"]["schemas"]["LinkedCard"]["properties"]
    assert {"ad_id", "copy", "labels", "cover_url"} <= set(card)


def test_the_schema_of_a_query_string_is_made_once(daemon: LocalDaemon) -> None:
    """It is asked for at each call, and costs more than most answers."""
    asked = [typing.get_type_hints(view).get("query") for view in daemon.app.view_functions.values()]
    models = {model for model in asked if model is not None}
    assert FilterParams in models
    assert [model for model in models if model.model_json_schema() is not model.model_json_schema()] == []
