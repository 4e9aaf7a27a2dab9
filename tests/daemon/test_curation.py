"""What an organisation makes for itself, over HTTP: brandspaces and corrections."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.domain.principal import LOCAL_PRINCIPAL, Permission, Principal
from tests.builders import AnAd, store, store_brand
from tests.daemon.support import Answer, LocalDaemon, a_key

SPACES = "/api/v1/brandspaces"


def send(daemon: LocalDaemon, method: str, path: str, body: Any = None, key: str = "") -> Answer:
    headers = {"Content_Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    return daemon.call(method, path, None if body is None else json.dumps(body).encode(), **headers)


def test_a_brandspace_is_edited_archived_and_restored(daemon: LocalDaemon) -> None:
    store_brand(daemon.services.database, "acme", aliases={"acme": "Acme", "에이크미": "에이크미"})
    made = daemon.post(SPACES, {"name": "Old", "primary": "에이크미", "followed": ["zeta"]})
    path = f"{SPACES}/{made.json['brandspace_id']}"
    assert (made.status, made.json["primary_brand"], made.json["brands"]) == (201, "acme", ["acme", "zeta"])

    edited = send(daemon, "PATCH", path, {"name": "New", "primary": None, "competitors": ["ACME"]})
    assert (edited.json["name"], edited.json["primary_brand"]) == ("New", None)
    assert (edited.json["competitors"], edited.json["followed"]) == (["acme"], ["zeta"])

    assert daemon.post(f"{path}/archive", {}).json["archived_at"]
    assert [space["name"] for space in daemon.get(f"{SPACES}?archived=true").json] == ["New"]
    assert [space["name"] for space in daemon.get(SPACES).json] == ["All brands"]
    assert daemon.get(f"{path}/ads").status == 404
    assert daemon.post(f"{path}/restore", {}).json == edited.json


@pytest.mark.parametrize("body", [{"name": ""}, {"colour": "red"}, {"competitors": "acme"}, {"followed": [""]}])
def test_an_edit_that_makes_no_sense_is_422(daemon: LocalDaemon, body: Any) -> None:
    made = daemon.post(SPACES, {"name": "Old"}).json
    assert send(daemon, "PATCH", f"{SPACES}/{made['brandspace_id']}", body).status == 422


def test_a_name_that_is_taken_is_409(daemon: LocalDaemon) -> None:
    daemon.post(SPACES, {"name": "Taken"})
    other = daemon.post(SPACES, {"name": "Other"}).json
    assert daemon.post(SPACES, {"name": "Taken"}).status == 409
    assert send(daemon, "PATCH", f"{SPACES}/{other['brandspace_id']}", {"name": "Taken"}).status == 409


def test_anothers_brandspace_is_404_and_a_key_that_only_reads_is_403(daemon: LocalDaemon) -> None:
    made = daemon.post(SPACES, {"name": "Ours"}).json
    path = f"{SPACES}/{made['brandspace_id']}"
    theirs = a_key(daemon.services, Principal("other"))
    reader = a_key(daemon.services, LOCAL_PRINCIPAL, Permission.READ)
    for method, place in (("PATCH", path), ("POST", f"{path}/archive"), ("POST", f"{path}/restore")):
        assert send(daemon, method, place, {}, theirs).status == 404
        assert send(daemon, method, place, {}, reader).status == 403
    assert send(daemon, "GET", path, key=theirs).status == 404
    assert daemon.get(path).json == made


# --- corrections ---------------------------------------------------------------------------------------

AN_AD = AnAd("1", labels={"hook": ("urgency",), "offer": ("none",)})
HOOK = f"/api/v1/ads/{AN_AD.ad_id}/labels/hook"


def test_a_corrected_label_answers_how_many_ads_it_holds_for_and_others_see_the_machines(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AN_AD, AnAd("2", labels=AN_AD.labels))
    theirs = a_key(daemon.services, Principal("other"))

    corrected = send(daemon, "PUT", HOOK, {"values": ["how_to"]})

    assert corrected.json == {"dimension": "hook", "values": ["how_to"], "is_corrected": True, "ads": 2}
    ads = "/api/v1/brandspaces/all/ads?labels=hook:how_to"
    assert len(daemon.get(ads).json["items"]) == 2
    assert send(daemon, "GET", ads, key=theirs).json["items"] == []
    (version,) = daemon.get(f"/api/v1/ads/{AN_AD.ad_id}").json["versions"]
    assert version["corrections"][0]["values"] == ["how_to"]
    assert send(daemon, "DELETE", HOOK).json["values"] == ["urgency"]


def test_a_brand_is_named_and_its_own_name_comes_back(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AN_AD)
    path = "/api/v1/brands/acme/name"
    assert send(daemon, "PUT", path, {"name": "The rival"}).json["display_name"] == "The rival"
    assert daemon.get("/api/v1/brandspaces/all/ads").json["items"][0]["brand_name"] == "The rival"
    assert send(daemon, "DELETE", path).json["display_name"] == "Acme"


WRONG: list[tuple[str, str, Any, int]] = [
    ("PUT", HOOK, {"values": ["no_such_hook"]}, 400),
    ("PUT", HOOK, {"values": []}, 422),
    ("PUT", HOOK, {}, 422),
    ("PUT", HOOK.replace("hook", "colour"), {"values": ["red"]}, 400),
    ("PUT", "/api/v1/ads/none/labels/hook", {"values": ["how_to"]}, 404),
    ("DELETE", "/api/v1/ads/none/labels/hook", None, 404),
    ("PUT", "/api/v1/brands/nobody/name", {"name": "x"}, 404),
    ("PUT", "/api/v1/brands/acme/name", {"name": ""}, 422),
    ("DELETE", "/api/v1/brands/nobody/name", None, 404),
]


def test_a_wrong_correction_is_refused_and_a_key_that_only_reads_corrects_nothing(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AN_AD)
    reader = a_key(daemon.services, LOCAL_PRINCIPAL, Permission.READ)
    for method, path, body, status in WRONG:
        assert send(daemon, method, path, body).status == status, (method, path, body)
        assert send(daemon, method, path, body or {}, reader).status == 403


# --- analysis on demand ------------------------------------------------------------------------------


def test_asking_for_an_analysis_is_202_with_a_request_of_its_own(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AN_AD)
    store_brand(daemon.services.database, "acme", aliases={"acme": "Acme"})
    answer = daemon.post("/api/v1/brands/A-C-M-E/analyse", {})
    request = daemon.get(f"/api/v1/requests/{answer.json['request_id']}").json
    assert (answer.status, request["kind"], request["status"]) == (202, "analyse", "queued")
    assert request["params"] == {"brand": "acme"}


def test_nobody_has_a_brand_analysed_that_he_does_not_see_or_without_the_right(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AN_AD, AnAd("2", brand="hidden", scope="other"))
    reader = a_key(daemon.services, LOCAL_PRINCIPAL, Permission.READ)
    assert daemon.post("/api/v1/brands/hidden/analyse", {}).status == 404
    assert send(daemon, "POST", "/api/v1/brands/acme/analyse", {}, reader).status == 403
