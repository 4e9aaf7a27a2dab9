"""What a brandspace can be asked: every answer is dated, filtered, counted, and says what it covers."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine

from core.domain.principal import Principal
from tests.builders import DAY, AnAd, store, store_concepts, store_scan, store_text_vectors
from tests.daemon.support import LocalDaemon, a_key

SPACE = "/api/v1/brandspaces/all"
NUMBERS = ["label-mix?dimension=hook", "comparison?dimension=format", "share-of-voice", "timeline", "longevity"]
FILTERED = [*NUMBERS, "coverage", "creatives", "concepts"]
PAGED = ["creatives", "concepts", "deltas", "overview"]
QUESTIONS = [*FILTERED, "deltas", "overview"]


def path(question: str, more: str = "", space: str = SPACE) -> str:
    return f"{space}/{question}" + (("&" if "?" in question else "?") + more if more else "")


def market(daemon: LocalDaemon) -> None:
    claim: dict[str, Any] = {"labels": {"hook": ("claim",)}}
    store(daemon.services.database, AnAd("1", copy="Same", **claim), AnAd("2", copy="Same", **claim))
    store(daemon.services.database, AnAd("3", "zeta", copy="Other"), AnAd("4", "zeta", copy="", format="video"))
    for brand in ("acme", "zeta"):
        store_scan(daemon.services.database, DAY, brand=brand, new=2)


def test_every_answer_says_when_it_was_asked(daemon: LocalDaemon) -> None:
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        asked = {question: daemon.get(path(question)).json["as_of"] for question in QUESTIONS}
    assert asked == dict.fromkeys(QUESTIONS, moment.isoformat().replace("+00:00", "Z"))


def test_a_brandspace_of_nobodys_is_404_and_a_filter_that_isnt_there_400(daemon: LocalDaemon) -> None:
    nobodys = {question: daemon.get(path(question, space="/api/v1/brandspaces/nobodys")) for question in QUESTIONS}
    colour = {question: daemon.get(path(question, "colour=red")) for question in FILTERED}
    assert {name: (answer.status, answer.error["code"]) for name, answer in nobodys.items()} == dict.fromkeys(
        QUESTIONS, (404, "not_found")
    )
    assert {name: (answer.status, answer.error["code"]) for name, answer in colour.items()} == dict.fromkeys(
        FILTERED, (400, "bad_input")
    )


def test_every_answer_obeys_the_filters(daemon: LocalDaemon) -> None:
    market(daemon)
    for question in FILTERED:
        zeta, both = daemon.get(path(question, "brands=zeta")).body, daemon.get(path(question)).body
        if question not in ("coverage", "creatives"):
            assert (b'"acme"' in zeta, b'"acme"' in both) == (False, True), question
        assert zeta.partition(b",")[2] != both.partition(b",")[2], question  # after as_of


def test_pages_continue_until_everything_came(daemon: LocalDaemon) -> None:
    market(daemon)
    for name in ("red", "blue"):
        sha256 = daemon.services.objects.put(io.BytesIO(name.encode()), max_bytes=9).sha256
        store(daemon.services.database, AnAd(name, copy=name, sha256=sha256))
    for question in PAGED:
        whole = daemon.get(path(question)).json["items"]
        items, cursor = [], ""
        while cursor is not None:
            page = daemon.get(path(question, f"limit=1&cursor={cursor}" if cursor else "limit=1")).json
            items += page["items"]
            cursor = page["next_cursor"]
        assert [_unsigned(item) for item in items] == [_unsigned(item) for item in whole], question
        assert len(items) >= 2, question


def _unsigned(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("media_url", "example")}


def test_a_dimension_nobody_reads_is_refused_not_pending(daemon: LocalDaemon) -> None:
    for question in ("label-mix", "comparison"):
        answer = daemon.get(path(f"{question}?dimension=colour"))
        assert answer.status == 400
        assert "hook" in answer.error["message"]
        assert daemon.get(path(question)).status == 422


def test_a_share_comes_with_n_interval_and_what_it_leaves_out(daemon: LocalDaemon) -> None:
    market(daemon)
    answer = daemon.get(path("comparison?dimension=hook")).json
    (acme,) = answer["brands"]
    assert (acme["brand"], acme["n"], acme["shares"]["claim"]["share"], answer["confidence"]) == ("acme", 2, 1.0, 0.95)
    assert acme["shares"]["claim"]["low"] == pytest.approx(0.3424, abs=1e-4)  # 2 of 2, Wilson 95 %
    assert answer["brands_unread"] == 1
    pending = {
        brand["brand"]: brand["pending"] for brand in daemon.get(path("label-mix?dimension=hook")).json["brands"]
    }
    assert pending == {"acme": 0, "zeta": 1}


def test_concepts_say_what_they_group_by(daemon: LocalDaemon) -> None:
    market(daemon)
    store_concepts(daemon.services.database, (AnAd("1", copy="Same"), AnAd("2", copy="Same")))
    answer = daemon.get(path("concepts")).json
    assert (answer["grouping"], answer["total_concepts"], answer["total_ads"]) == ("pictures and words", 3, 4)
    first = answer["items"][0]
    assert (first["brand"], first["ads"], first["example"]["copy"]) == ("acme", 2, "Same")
    for unit, number in (("ads", 4), ("concepts", 3)):
        assert daemon.get(path(f"ads/count?unit={unit}")).json == {"unit": unit, "count": number}


def test_a_concept_is_split_merged_and_put_back(daemon: LocalDaemon) -> None:
    one, two, three = (AnAd(name, copy=name) for name in ("1", "2", "3"))
    store(daemon.services.database, one, two, three)
    store_concepts(daemon.services.database, (one, two), (three,))

    def at(concept: str, *what: str) -> str:
        return "/".join(["/api/v1/concepts", concept, *what])

    made = daemon.post(at(one.ad_id, "split"), {"variants": [two.ad_id]}).json
    assert made["variant_ids"] == [two.ad_id]
    merged = daemon.post(at(made["concept_id"], "merge"), {"into": three.ad_id}).json
    assert sorted(merged["variant_ids"]) == sorted([two.ad_id, three.ad_id])
    seen = daemon.get(at(three.ad_id)).json
    assert daemon.get(f"/api/v1/ads/{two.ad_id}/concept").json == seen | {"variant_of_ad": two.ad_id}
    joined = next(variant for variant in seen["variants"] if variant["variant_id"] == two.ad_id)
    assert (joined["joined_by"], joined["distances"]) == ("text simhash", {"words_bits": 4})
    assert joined["put_here_by"].startswith("key:")
    assert [merge["concept_id"] for merge in seen["merged"]] == [made["concept_id"]]

    assert daemon.post(at(made["concept_id"], "undo"), {}).json["variant_ids"] == [two.ad_id]
    assert daemon.post(at(made["concept_id"], "undo"), {"variants": [two.ad_id]}).json["variant_ids"] == [two.ad_id]
    assert daemon.get(at(made["concept_id"])).status == 404
    assert daemon.get(at(one.ad_id)).json["ads"] == 2


def test_longevity_calls_itself_a_proxy(daemon: LocalDaemon) -> None:
    market(daemon)
    answer = daemon.get(path("longevity")).json
    assert "proxy" in answer["measure"]
    assert [brand["longevity"]["still_seen"] for brand in answer["brands"]] == [2, 2]


def test_a_timeline_is_of_months_or_weeks(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AnAd("1", first_seen=date(2026, 3, 4)))
    for period, day in (("month", "2026-03-01"), ("week", "2026-03-02")):
        (acme,) = daemon.get(path(f"timeline?period={period}")).json["brands"]
        assert acme["points"] == [[day, 1]]
    assert daemon.get(path("timeline?period=hour")).status == 422


def test_a_creative_comes_with_a_link_to_its_file(daemon: LocalDaemon) -> None:
    sha256 = daemon.services.objects.put(io.BytesIO(b"picture"), max_bytes=9).sha256
    store(daemon.services.database, AnAd("1", sha256=sha256), AnAd("2", "zeta", sha256=sha256))
    (found,) = daemon.get(path("creatives")).json["items"]
    assert (found["sha256"], found["ads"], found["brands"]) == (sha256, 2, 2)
    assert daemon.get(found["media_url"].removeprefix(daemon.url)).body == b"picture"


def test_a_media_link_works_until_it_says(daemon: LocalDaemon) -> None:
    sha256 = daemon.services.objects.put(io.BytesIO(b"picture"), max_bytes=9).sha256
    store(daemon.services.database, AnAd("1", sha256=sha256))
    link = daemon.get(f"/api/v1/media/{sha256}").json
    where, ends = link["url"].removeprefix(daemon.url), datetime.fromisoformat(link["expires_at"])
    assert link["content_type"] == daemon.get(where).headers["Content-Type"] == "image/png"
    with time_machine.travel(ends - timedelta(seconds=1)):
        assert daemon.get(where).body == b"picture"
    with time_machine.travel(ends + timedelta(seconds=1)):
        assert daemon.get(where).status == 403


def test_a_file_that_only_others_ads_use_has_no_link(daemon: LocalDaemon) -> None:
    sha256 = daemon.services.objects.put(io.BytesIO(b"picture"), max_bytes=9).sha256
    store(daemon.services.database, AnAd("1", scope="theirs", sha256=sha256))
    theirs = f"Bearer {a_key(daemon.services, Principal('theirs'))}"
    unknown = hashlib.sha256(b"unknown").hexdigest()
    assert [daemon.get(f"/api/v1/media/{name}").status for name in (sha256, unknown)] == [404, 404]
    assert daemon.get(f"/api/v1/media/{sha256}", Authorization=theirs).status == 200
    assert daemon.get(path("creatives")).json["items"] == []


def test_similar_texts_come_with_model_measure_and_what_was_searched(daemon: LocalDaemon) -> None:
    asked, near, far = AnAd("1", copy="asked"), AnAd("2", copy="near"), AnAd("3", "zeta", copy="far")
    waiting = AnAd("4", copy="waiting")
    store(daemon.services.database, asked, near, far, waiting)
    model = daemon.services.embedder.model
    vectors = [(asked, 0), (near, 1), (far, 9)]
    store_text_vectors(daemon.services.database, model, *((ad, (1.0, turn, *[0.0] * 382)) for ad, turn in vectors))

    answer = daemon.get(f"/api/v1/ads/{asked.ad_id}/similar").json
    assert [item["example"]["copy"] for item in answer["items"]] == ["near", "far"]
    assert [item["cosine"] for item in answer["items"]] == pytest.approx([0.7071, 0.1104], abs=1e-4)
    assert (answer["model"], answer["texts_searched"], answer["texts_without_vector"]) == (model, 2, 1)
    assert {"as_of", "measure"} <= set(answer)

    (only,) = daemon.get(f"/api/v1/ads/{asked.ad_id}/similar?brands=zeta&limit=1").json["items"]
    assert only["example"]["copy"] == "far"
    assert daemon.get(f"/api/v1/ads/{asked.ad_id}/similar?brandspace=nobodys").status == 404
    unread = daemon.get(f"/api/v1/ads/{waiting.ad_id}/similar")
    assert (unread.status, unread.error["code"]) == (409, "conflict")
    assert "no vector yet" in unread.error["message"]
