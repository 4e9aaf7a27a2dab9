"""Frozen comparisons: the same bytes whatever comes after, one id for one answer, nobody else's to see."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import DBAPIError

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.ai.taxonomy import load_taxonomy
from core.curation.brand_names import name_brand
from core.curation.brandspaces import create_brandspace
from core.curation.frozen_comparisons import delete_frozen, freeze
from core.curation.labels import correct_label
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, NotAllowedError, NotFoundError
from core.queries import frozen
from core.queries.filters import AdFilters
from core.queries.frozen import answer, get_frozen, list_frozen
from core.queries.questions import Question
from tests.builders import AnAd, store

OURS, THEIRS = Principal("ours"), Principal("theirs")
READER = Principal("ours", permissions=(Permission.READ,))
BY_HOOK = Question("all", "hook", AdFilters(unit="concepts"), focal="acme")
taxonomy = cache(load_taxonomy)

REOPEN = """
import sys, hashlib
from core.adapters.postgres.engine import Database, DatabaseUrls
from core.domain.principal import Principal
from core.queries.frozen import get_frozen
database = Database(DatabaseUrls.parse(*sys.argv[2:]))
sys.stdout.write(hashlib.sha256(get_frozen(database, Principal("ours"), sys.argv[1])[1]).hexdigest())
"""


@pytest.fixture
def market(database: Database) -> Database:
    hooks = ("question", "urgency", "question", "testimonial")
    for brand in ("acme", "zeta"):
        store(
            database,
            *(AnAd(f"{brand}{n}", brand, copy=f"{brand} {n}", labels={"hook": (hooks[n % 4],)}) for n in range(30)),
        )
    return database


def test_a_frozen_comparison_reopens_as_the_same_bytes_whatever_came_after(market: Database, cluster: Cluster) -> None:
    kept = freeze(market, OURS, taxonomy(), BY_HOOK, name="Before")
    view, before = get_frozen(market, OURS, kept.frozen_id)

    store(market, *(AnAd(f"new{n}", "acme", copy=f"New {n}", labels={"hook": ("how_to",)}) for n in range(25)))
    item = AnAd("acme0", copy="acme 0")
    correct_label(market, OURS, taxonomy(), item.ad_id, dimension="hook", values=["how_to"])
    name_brand(market, OURS, "acme", "Renamed")
    other = replace(taxonomy(), version="v9-other")

    again = freeze(market, OURS, other, BY_HOOK, name="After")
    assert get_frozen(market, OURS, kept.frozen_id) == (view, before)
    assert (again.frozen_id != kept.frozen_id, get_frozen(market, OURS, again.frozen_id)[1] != before) == (True, True)
    roles = (cluster.urls.app, cluster.urls.worker, cluster.urls.operator)
    urls = [url.render_as_string(hide_password=False) for url in roles]
    another = subprocess.run([sys.executable, "-c", REOPEN, kept.frozen_id, *urls], capture_output=True, check=True)
    assert another.stdout.decode() == hashlib.sha256(before).hexdigest()


def test_one_answer_has_one_id_and_keeps_its_first_name(market: Database) -> None:
    first = freeze(market, OURS, taxonomy(), BY_HOOK, name="First")
    second = freeze(market, OURS, taxonomy(), BY_HOOK, name="Second")

    assert second == first
    assert [item.name for item in list_frozen(market, OURS).items] == ["First"]
    assert first.frozen_id == answer(market, OURS, taxonomy(), BY_HOOK).frozen_id


@pytest.mark.parametrize(
    "other",
    [
        replace(BY_HOOK, filters=AdFilters()),
        replace(BY_HOOK, filters=AdFilters(brands=("acme", "zeta"), unit="concepts")),
        replace(BY_HOOK, dimension="tone"),
        replace(BY_HOOK, focal="zeta"),
        replace(BY_HOOK, confidence=0.9),
    ],
)
def test_another_question_has_another_id(market: Database, other: Question) -> None:
    one, two = (answer(market, OURS, taxonomy(), question) for question in (BY_HOOK, other))

    assert one.frozen_id != two.frozen_id
    assert Question.from_json(json.loads(json.dumps(other.to_json()))) == other


def test_data_code_and_taxonomy_are_in_the_id(market: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    before = answer(market, OURS, taxonomy(), BY_HOOK)
    newer = answer(market, OURS, replace(taxonomy(), version="v9"), BY_HOOK)
    store(market, AnAd("one more", "acme", copy="One more"))
    more = answer(market, OURS, taxonomy(), BY_HOOK)
    monkeypatch.setattr(frozen, "code_version", lambda: "statistics-other")
    recoded = answer(market, OURS, taxonomy(), BY_HOOK)

    assert len({item.frozen_id for item in (before, newer, more, recoded)}) == 4
    assert before.data_version == newer.data_version != more.data_version == recoded.data_version
    assert (newer.code_version.endswith("+v9"), recoded.code_version.startswith("statistics-other+")) == (True, True)


def test_the_code_of_an_answer_is_what_counts_computes_and_judges() -> None:
    named = {path.name for path in frozen.sources_of_answers()}
    assert {"differences.py", "units.py", "seen_concepts.py", "label_states.py", "quality_bars.yaml"} <= named


def test_an_answer_is_of_one_moment_though_ads_come_in_while_it_is_made(market: Database) -> None:
    came: list[AnAd] = []

    def one_more_comes_in(*told: Any) -> None:
        if "/* concept_mix */" in told[2] and not came:
            came.append(AnAd("late", "acme", copy="Late"))
            store(market, *came)

    event.listen(market.reading_engine, "after_cursor_execute", one_more_comes_in)
    body = json.loads(answer(market, OURS, taxonomy(), BY_HOOK).body)

    assert came
    assert (body["coverage"]["stored"], body["share_of_voice"]["total_ads"]) == (60, 60)
    assert json.loads(answer(market, OURS, taxonomy(), BY_HOOK).body)["coverage"]["stored"] == 61


def test_the_body_is_canonical_and_holds_everything_the_page_shows(market: Database) -> None:
    found = answer(market, OURS, taxonomy(), BY_HOOK)

    body = json.loads(found.body)
    assert frozen.canonical(body) == found.body
    assert body["comparison"]["focal"] == "acme"
    assert body["brand_names"] == {"acme": "Acme", "zeta": "Zeta"}
    assert body["coverage"]["stored"] == 60
    assert body.keys() >= {"launches", "longevity", "share_of_voice", "data_version", "code_version", "question"}


def test_a_frozen_comparison_is_its_organisations_alone(market: Database) -> None:
    kept = freeze(market, OURS, taxonomy(), BY_HOOK)

    assert list_frozen(market, THEIRS).items == ()
    with pytest.raises(NotFoundError):
        get_frozen(market, THEIRS, kept.frozen_id)
    with pytest.raises(NotFoundError):
        delete_frozen(market, THEIRS, kept.frozen_id)
    assert freeze(market, THEIRS, taxonomy(), BY_HOOK).frozen_id != kept.frozen_id


def test_nobody_can_change_what_was_frozen(market: Database) -> None:
    freeze(market, OURS, taxonomy(), BY_HOOK)

    with pytest.raises(DBAPIError, match="permission denied"), market.app_engine.begin() as connection:
        connection.execute(update(schema.frozen_comparison).values(body=b"{}"))


def test_who_only_reads_neither_freezes_nor_deletes(market: Database) -> None:
    kept = freeze(market, OURS, taxonomy(), BY_HOOK)

    for forbidden in (
        lambda: freeze(market, READER, taxonomy(), BY_HOOK),
        lambda: delete_frozen(market, READER, kept.frozen_id),
    ):
        with pytest.raises(NotAllowedError):
            forbidden()


def test_freezing_and_deleting_are_written_in_the_audit_trail(market: Database) -> None:
    kept = freeze(market, OURS, taxonomy(), BY_HOOK, name="Mine")
    body = get_frozen(market, OURS, kept.frozen_id)[1]
    freeze(market, OURS, taxonomy(), BY_HOOK)
    delete_frozen(market, OURS, kept.frozen_id)

    columns = (schema.audit.c.action, schema.audit.c.subject, schema.audit.c.details)
    with market.reader(OURS) as connection:
        trail: list[Any] = [tuple(row) for row in connection.execute(select(*columns))]
    assert trail == [
        ("comparison.freeze", kept.frozen_id, {"name": "Mine", "sha256": hashlib.sha256(body).hexdigest()}),
        ("comparison.delete", kept.frozen_id, {}),
    ]
    with pytest.raises(NotFoundError):
        get_frozen(market, OURS, kept.frozen_id)


def test_what_is_frozen_is_listed_newest_first_page_by_page(market: Database) -> None:
    ids = [freeze(market, OURS, taxonomy(), replace(BY_HOOK, confidence=part)).frozen_id for part in (0.8, 0.9, 0.99)]

    first = list_frozen(market, OURS, limit=2)
    rest = list_frozen(market, OURS, limit=2, cursor=first.next_cursor)

    assert [item.frozen_id for item in (*first.items, *rest.items)] == ids[::-1]


def test_the_brandspaces_own_brand_is_the_focal_one_unless_another_is_chosen(market: Database) -> None:
    space = create_brandspace(market, OURS, name="Ours", primary="zeta", competitors=["acme"]).brandspace_id
    asked = Question(space, "hook", AdFilters())

    focal = [
        json.loads(answer(market, OURS, taxonomy(), replace(asked, focal=name)).body)["comparison"]["focal"]
        for name in (None, "acme", "none")
    ]

    assert focal == ["zeta", "acme", None]


def test_what_cannot_be_asked_is_said(market: Database) -> None:
    with pytest.raises(BadInputError, match="confidence"):
        replace(BY_HOOK, confidence=0.5)
    with pytest.raises(BadInputError, match="dimension"):
        freeze(market, OURS, taxonomy(), replace(BY_HOOK, dimension="nothing"))
    with pytest.raises(BadInputError, match="name"):
        freeze(market, OURS, taxonomy(), BY_HOOK, name="x" * 101)
