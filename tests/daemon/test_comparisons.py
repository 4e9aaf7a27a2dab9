"""Comparisons over the API: frozen ones as their bytes, two dates, curves, the ledger of one dimension."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from tests.builders import DAY, AnAd, store, store_scan
from tests.daemon.support import LocalDaemon

FROZEN, SPACE = "/api/v1/comparisons/frozen", "/api/v1/brandspaces/all"
LATER = DAY + timedelta(days=7)
QUESTION = {
    "brandspace": "all",
    "dimension": "hook",
    "focal": "acme",
    "filters": {"unit": "concepts"},
    "name": "=Spring",
}


def market(daemon: LocalDaemon) -> None:
    for brand, hook in (("acme", "question"), ("zeta", "urgency")):
        ads = [AnAd(f"{brand}{n}", brand, copy=f"{brand} {n}", labels={"hook": (hook,)}) for n in range(25)]
        store(daemon.services.database, *ads)
        store_scan(daemon.services.database, DAY, brand=brand, shows=ads[:20])
        store_scan(daemon.services.database, LATER, brand=brand, shows=ads[5:])


def test_a_frozen_comparison_is_given_again_as_the_very_bytes(daemon: LocalDaemon) -> None:
    market(daemon)
    kept = daemon.post(FROZEN, QUESTION)
    address = f"{FROZEN}/{kept.json['frozen_id']}"
    before = daemon.get(address)

    store(daemon.services.database, AnAd("new", copy="New", labels={"hook": ("how_to",)}))

    assert (kept.status, kept.json["name"], kept.json["question"]["unit"]) == (201, "=Spring", "concepts")
    assert daemon.get(address).body == before.body
    assert before.headers["Content-Type"] == "application/json"
    assert [item["frozen_id"] for item in daemon.get(FROZEN).json["items"]] == [kept.json["frozen_id"]]


def test_a_frozen_comparison_comes_as_a_table_with_its_coverage(daemon: LocalDaemon) -> None:
    market(daemon)
    frozen_id = daemon.post(FROZEN, QUESTION).json["frozen_id"]
    answer, body = daemon.get(f"{FROZEN}/{frozen_id}/csv"), daemon.get(f"{FROZEN}/{frozen_id}").json

    rows = list(csv.DictReader(io.StringIO(answer.body.decode("utf-8-sig"))))
    cells = {(row["brand"], row["value"]): row for row in rows if row["section"] == "cell"}
    assert {key[0] for key in cells} == {"acme", "zeta"}
    assert {key[1] for key in cells} == set(body["comparison"]["values"])
    urgency = cells["zeta", "urgency"]
    assert (urgency["count"], urgency["n"], urgency["verdict"]) == ("25", "25", "higher")
    assert cells["acme", "urgency"]["verdict"] == ""
    covered = {row["value"]: row["count"] for row in rows if row["section"] == "coverage"}
    assert (covered["stored"], covered["labelled"]) == ("50", "50")


def test_what_was_deleted_is_gone(daemon: LocalDaemon) -> None:
    market(daemon)
    address = f"{FROZEN}/{daemon.post(FROZEN, QUESTION).json['frozen_id']}"
    assert daemon.call("DELETE", address).status == 200
    assert [daemon.get(address).status, daemon.call("DELETE", address).status] == [404, 404]


def test_what_cant_be_frozen_is_said(daemon: LocalDaemon) -> None:
    assert daemon.post(FROZEN, QUESTION | {"dimension": "colour"}).status == 400
    assert daemon.post(FROZEN, QUESTION | {"brandspace": "nobodys"}).status == 404
    assert daemon.post(FROZEN, QUESTION | {"confidence": 0.5}).status == 400
    assert daemon.post(FROZEN, QUESTION | {"filters": {"unit": "pages"}}).status == 400


def test_a_comparison_says_which_differences_are_shown(daemon: LocalDaemon) -> None:
    market(daemon)
    answer = daemon.get(f"{SPACE}/comparison?dimension=hook&focal=acme&unit=concepts").json
    zeta = next(brand for brand in answer["brands"] if brand["brand"] == "zeta")
    assert (answer["unit"], answer["focal"], answer["minimum_n"]) == ("concepts", "acme", 20)
    assert zeta["differences"]["urgency"]["verdict"] == "higher"
    assert zeta["differences"]["how_to"]["verdict"] == "no difference shown"
    assert "how_to" in answer["whitespace"]
    assert answer["definition"]


def test_two_dates_are_the_newest_scans_unless_others_are_named(daemon: LocalDaemon) -> None:
    market(daemon)
    answer = daemon.get(f"{SPACE}/turnover?dimension=hook").json
    assert (answer["since"], answer["until"]) == (DAY.isoformat(), LATER.isoformat())
    (acme, _) = answer["turnover"]["brands"]
    assert (acme["new"], acme["continuing"], acme["gone"]) == (5, 15, 5)
    assert daemon.get(f"{SPACE}/scan-dates").json["dates"] == [LATER.isoformat(), DAY.isoformat()]
    assert daemon.get(f"{SPACE}/turnover?dimension=hook&since={LATER}&until={DAY}").status == 400


def test_curves_and_coverage_are_told_of_what_was_asked(daemon: LocalDaemon) -> None:
    market(daemon)
    curves = daemon.get(f"{SPACE}/survival?brands=acme").json
    ledger = daemon.get(f"{SPACE}/coverage?dimension=hook&brands=acme").json
    assert [(brand["brand"], brand["survival"]["n"]) for brand in curves["brands"]] == [("acme", 25)]
    assert (ledger["dimension"], ledger["stored"], ledger["labelled"]) == ("hook", 25, 25)
    assert daemon.get(f"{SPACE}/coverage?dimension=colour").status == 400


def test_the_table_holds_no_formula(daemon: LocalDaemon) -> None:
    store(daemon.services.database, AnAd("1", "=cmd", copy="x", labels={"hook": ("question",)}))
    frozen_id = daemon.post(FROZEN, QUESTION | {"focal": None}).json["frozen_id"]
    assert b",=" not in daemon.get(f"{FROZEN}/{frozen_id}/csv").body
