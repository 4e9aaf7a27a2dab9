"""What an organisation makes for itself, over HTTP: brandspaces and corrections."""

from __future__ import annotations

import json
from typing import Any

import pytest

from core.domain.principal import LOCAL_PRINCIPAL, Permission, Principal
from tests.builders import store_brand
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
