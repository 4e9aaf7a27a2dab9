"""Import through all three queues and the registry: what becomes rows, and what a second time changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.domain.ad import AdFormat, AdVersion
from core.domain.media import MediaRef, MediaRole, MediaStatus
from core.domain.principal import Principal
from core.messages import AI_QUEUE
from core.pipeline.rows import AVATAR_ONLY
from tests.hostile_texts import HOSTILE_TEXTS
from tests.running_system import DAY, System, a_picture, an_ad

OURS, THEIRS = Principal("ours"), Principal("theirs")


def test_a_bundle_becomes_rows(system: System) -> None:
    red, blue = system.upload(a_picture("red")), system.upload(a_picture("blue", (640, 480)))

    request = system.ingest(an_ad("1", "Buy one now.", red), an_ad("2", "Or two.", blue, red), an_ad("3"))

    assert (request["status"], request["error"]) == ("completed", None)
    ads = {row["external_id"]: row for row in system.rows("ad")}
    assert [ads[key]["media_status"] for key in "123"] == ["ok", "ok", "none_declared"]
    assert {row["brand_slug"] for row in ads.values()} == {"acme"}
    assert {row["last_scanned_on"] for row in ads.values()} == {DAY}
    creatives = {row["sha256"]: (row["content_type"], row["width"], row["height"]) for row in system.rows("creative")}
    assert creatives[ads["1"]["cover_sha256"]] == ("image/png", 320, 200)
    assert creatives[ads["2"]["cover_sha256"]] == ("image/png", 640, 480)
    assert [row["colours"] for row in system.rows("creative", "width = 320")] == [[{"hex": "#ff0000", "share": 1.0}]]
    assert len(system.rows("ad_media")) == 3
    assert [row["copy"] for row in system.rows("ad_version", "ad_id = :ad", ad=ads["1"]["ad_id"])] == ["Buy one now."]
    assert len(system.rows("observation")) == 3


def test_every_visual_and_text_gets_its_vector_and_every_content_its_labels(system: System) -> None:
    red = system.upload(a_picture("red"))

    system.ingest(an_ad("1", "Buy one now. Only today!", red), an_ad("2", "Buy two now. Only today!"))

    models = [row["model"] for row in system.rows("embedding")]
    assert sorted(models) == ["fake-words/1", "fake-words/1", "visual-v1"]
    assert all(len(row["vector"]) == 4 * row["dimension"] for row in system.rows("embedding"))
    contents = {row["content_id"] for row in system.rows("content")}
    assert {row["content_id"] for row in system.rows("label")} == contents
    assert all(row["labelled_with"] for row in system.rows("content"))


def test_the_untouched_rows_are_kept_as_documents(system: System) -> None:
    system.ingest(an_ad("1", raw={"id": "1", "odd": ["value", None]}))

    document = system.services.documents.get("shared", "raw_ads", system.ad("1")["raw_document_id"])
    assert document == {"rows": {"id": "1", "odd": ["value", None]}}


def test_the_same_bundle_again_changes_nothing_in_the_record(system: System) -> None:
    red, small = system.upload(a_picture("red")), system.upload(a_picture("blue", (60, 60)))
    two_versions = (AdVersion(copy="One."), AdVersion(copy="Two.", cta="Learn more"))
    bundle = [
        an_ad("1", "Buy.", red, small),
        an_ad("2", "Sell.", small),
        an_ad("3", "Say nothing.", small, versions=two_versions),
        an_ad("4"),
        an_ad("5", "Gone.", MediaRef(MediaRole.IMAGE, problem=MediaStatus.EXPIRED_URL, reason="expired yesterday")),
    ]
    system.ingest(*bundle)
    before = system.record()

    again = system.ingest(*bundle)

    assert system.record() == before
    counts = {name: again["result"][name] for name in ("ads", "new", "changed", "seen_again", "not_seen")}
    assert counts == {"ads": 5, "new": 0, "changed": 0, "seen_again": 5, "not_seen": 0}
    assert {again["result"][name] for name in ("versions_new", "creatives_new", "contents_new")} == {0}


def test_a_medium_that_is_stored_is_not_fetched_again(system: System) -> None:
    red = system.upload(a_picture("red"))
    system.ingest(an_ad("1", "Buy.", red))
    sha256 = system.ad("1")["cover_sha256"]
    system.services.objects.delete(sha256)  # a second fetch would find nothing

    system.ingest(an_ad("2", "Buy more.", red))

    assert system.ad("2")["cover_sha256"] == sha256


def test_an_ad_that_a_bundle_names_twice_is_one_ad(system: System) -> None:
    red, blue = system.upload(a_picture("red")), system.upload(a_picture("blue"))

    request = system.ingest(an_ad("1", "Buy.", red), an_ad("1", "Buy.", blue, lines=(2,)))

    assert request["result"]["ads"] == 1
    assert request["result"]["rows"] == 2
    assert len(system.rows("ad_media")) == 2


def test_a_page_picture_under_several_ads_is_no_creative(system: System) -> None:
    avatar, red = system.upload(a_picture("grey", (64, 64))), system.upload(a_picture("red"))
    ads = [an_ad(str(number), f"Ad number {number}.", avatar, page_id="page") for number in range(3)]

    request = system.ingest(*ads, an_ad("creative", "Ad with a picture.", avatar, red, page_id="page"))

    assert request["result"]["media"] == {"ok": 1, "page_avatar": 1}
    only_avatar, with_creative = system.ad("0"), system.ad("creative")
    assert (only_avatar["media_status"], only_avatar["cover_sha256"]) == ("none_declared", None)
    assert only_avatar["media_reason"] == AVATAR_ONLY
    assert with_creative["media_status"] == "ok"
    assert red.split("/")[2] == with_creative["cover_sha256"]
    assert sorted(row["role"] for row in system.rows("ad_media")) == ["image", *["page_avatar"] * 4]


def test_a_page_picture_stays_one_when_a_later_scan_shows_too_few_ads_to_tell(system: System) -> None:
    avatar = system.upload(a_picture("grey", (64, 64)))
    ads = [an_ad(str(number), f"Ad number {number}.", avatar, page_id="page") for number in range(3)]
    system.ingest(*ads)

    system.ingest(ads[0], an_ad("new", "A fourth ad.", avatar, page_id="page"))

    assert {row["role"] for row in system.rows("ad_media")} == {"page_avatar"}
    assert {row["media_status"] for row in system.rows("ad")} == {"none_declared"}


def test_a_page_picture_that_is_found_out_later_stops_being_a_cover(system: System) -> None:
    avatar, red = system.upload(a_picture("grey", (64, 64))), system.upload(a_picture("red"))
    ads = [an_ad(str(number), f"Ad number {number}.", avatar, page_id="page") for number in range(4)]
    system.ingest(ads[0], an_ad("creative", "With a picture.", avatar, red, page_id="page"))
    assert system.ad("0")["cover_sha256"] == avatar.split("/")[2]

    system.ingest(*ads[1:])

    assert (system.ad("0")["media_status"], system.ad("0")["cover_sha256"]) == ("none_declared", None)
    assert system.ad("creative")["cover_sha256"] == red.split("/")[2]
    assert sorted(row["role"] for row in system.rows("ad_media")) == ["image", *["page_avatar"] * 5]


def test_one_dead_medium_of_several_makes_a_partial_run(system: System) -> None:
    good = system.upload(a_picture("red"))
    missing = f"upload://{'0' * 64}/gone.png"
    broken = system.upload(b"\x89PNG\r\n\x1a\n this is no picture")

    request = system.ingest(an_ad("1", "Good.", good), an_ad("2", "Gone.", missing), an_ad("3", "Broken.", broken))

    (run,) = system.rows("run")
    assert (run["state"], run["partial"], request["status"]) == ("committed", True, "completed")
    assert request["result"]["media"] == {"ok": 1, "removed": 1, "unreadable": 1}
    media = {row["status"]: row["reason"] for row in system.rows("ad_media")}
    assert media["ok"] is None
    assert media["removed"] == "the uploaded file is no longer stored; import it again"
    assert media["unreadable"]
    assert [system.ad(key)["media_status"] for key in "123"] == ["ok", "removed", "unreadable"]


def test_a_medium_found_later_mends_the_ad_and_one_lost_later_harms_nothing(system: System) -> None:
    gone = MediaRef(MediaRole.IMAGE, problem=MediaStatus.EXPIRED_URL, reason="expired")
    good = system.upload(a_picture("red"))
    system.ingest(an_ad("1", "Buy.", gone))
    assert system.ad("1")["media_status"] == "expired_url"

    system.ingest(an_ad("1", "Buy.", good))
    system.ingest(an_ad("1", "Buy.", gone))

    ad = system.ad("1")
    assert (ad["media_status"], ad["media_reason"], ad["cover_sha256"]) == ("ok", None, good.split("/")[2])


def test_ads_of_text_alone_are_committed_and_read(system: System) -> None:
    request = system.ingest(*(an_ad(str(number)) for number in range(12)))  # more than one batch of ten

    assert request["result"]["new"] == 12
    assert request["result"]["media"] == {}
    assert len(system.rows("label", "dimension = 'language'")) >= 1
    assert not system.rows("creative")


def test_a_brand_without_ads_is_a_run_without_items(system: System) -> None:
    system.source.ads["acme"] = []

    request_id = system.ask_source("acme")
    system.work()

    (run,) = system.rows("run")
    assert (run["state"], run["expected_count"], run["ai_state"]) == ("committed", 0, "done")
    assert system.request(request_id)["status"] == "completed"
    assert system.result(request_id)["ads"] == 0


def test_a_private_import_is_never_merged_with_the_shared_ad_of_the_same_id(system: System) -> None:
    red = system.upload(a_picture("red"))
    shared = an_ad("1", "Shared words.", red)

    system.ingest(shared)
    system.ingest(an_ad("1", "Our words.", red), principal=OURS, scope="private")

    assert system.ad("1")["ad_id"] != system.ad("1", scope="ours")["ad_id"]
    versions = {row["scope"]: row["copy"] for row in system.rows("ad_version", scope="ours")}
    assert versions == {"shared": "Shared words.", "ours": "Our words."}
    assert [row["scope"] for row in system.rows("creative", scope="ours")] == ["ours", "shared"]
    assert {row["scope"] for row in system.rows("ad", scope="theirs")} == {"shared"}


def test_a_private_import_leaves_the_shared_record_as_it_was(system: System) -> None:
    red = system.upload(a_picture("red"))
    system.ingest(an_ad("1", "Shared words.", red))
    before = system.record()

    system.ingest(an_ad("1", "Our words.", red), principal=OURS, scope="private")

    assert system.record() == before


HOSTILE = [
    *(text.replace("\x00", "") for text in HOSTILE_TEXTS),
    "not a character: \ufffe \uffff \U0001ffff",
    "\\N",
    "controls \x01\x07\x1b\x7f\x85",
    'quotes \' " {} , \\" $$ -- ; %s %(x)s :name',
]


@pytest.mark.parametrize("with_media", [True, False], ids=["media", "text"])
def test_whatever_an_ad_says_is_stored_as_it_is(system: System, with_media: bool) -> None:
    """Through bundle, outbox, queue, HTTP, COPY and back."""
    media = [system.upload(a_picture("red"))] if with_media else []
    ads = [
        an_ad(f"{number} {text[:20]}", text, *media, raw={"text": text}, attributes={text[:50]: text})
        for number, text in enumerate(HOSTILE)
    ]

    request = system.ingest(*ads)

    assert (request["status"], request["error"]) == ("completed", None)
    assert [system.ad(ad.external_id)["attributes"] for ad in ads] == [dict(ad.attributes) for ad in ads]
    assert {row["copy"] for row in system.rows("ad_version")} == set(HOSTILE)
    assert {row["body"]["rows"]["text"] for row in system.rows("document")} == set(HOSTILE)


@pytest.mark.parametrize(
    "url",
    [
        "data:image/png;base64," + "A" * 20_000,
        "https://example.com/" + "a" * 9_000,
        "https://[broken",
        "file:///etc/passwd",
        "https://example.com/\uffff\x01",
        "upload://../../etc/passwd",
    ],
    ids=["data", "long", "broken", "file", "no character", "path"],
)
def test_an_address_that_can_not_be_fetched_fails_alone_and_at_once(system: System, url: str) -> None:
    good = system.upload(a_picture("red"))

    request = system.ingest(an_ad("1", "Good.", good), an_ad("2", "Bad.", url))

    assert request["status"] == "completed"
    assert system.ad("1")["media_status"] == "ok"
    bad = system.ad("2")
    assert bad["media_status"] != "ok"
    assert bad["media_reason"]
    assert not system.rows("dead_letter")


def test_a_video_is_stored_with_what_is_known_of_it(system: System) -> None:
    video = MediaRef(MediaRole.VIDEO, system.upload(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 64))

    system.ingest(an_ad("1", "Watch.", video, versions=(AdVersion(copy="Watch.", format=AdFormat.VIDEO),)))

    (creative,) = system.rows("creative")
    ad = system.ad("1")
    assert creative["content_type"] == "video/mp4"
    assert (ad["media_status"], ad["cover_sha256"], ad["format"]) == ("ok", None, "video")


def test_without_a_worker_for_the_ai_phase_the_ads_are_there_already(system: System) -> None:
    request_id = system.ask([an_ad("1")])

    system.work(without=[AI_QUEUE])

    assert system.ad("1")
    assert system.request(request_id)["status"] == "processing"


def test_spellings_of_one_brand_meet(system: System) -> None:
    red = system.upload(a_picture("red"))
    system.ingest(an_ad("1", "One.", red, brand_name="Acme Shoes", brand_aliases=("ACME-SHOES", "Acme Korea")))

    system.ingest(replace(an_ad("2", "Two.", red), brand_name="acme korea"), an_ad("3", brand_name="AcmeShoes"))

    assert {row["brand_slug"] for row in system.rows("ad")} == {"acme-shoes"}
    assert len(system.rows("brand")) == 1
