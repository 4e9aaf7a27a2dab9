"""The coverage ledger: every sum holds, whatever state the reading is in, and what can't be known is said."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from sqlalchemy import insert, update

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal
from core.queries.ads import count_ads
from core.queries.comparison import label_mix
from core.queries.coverage import Coverage, labelling_coverage
from core.queries.filters import AdFilters, Unit
from core.queries.label_states import FAILED, KNOWN, NOT_ASKED, PENDING, REFUSED, UNKNOWN, WITHOUT
from tests.builders import AnAd, store, store_request

US = Principal("ours")
NONE = AdFilters()
NOW = datetime(2026, 3, 1, tzinfo=UTC)
HASH = "{:064x}".format


def mark(database: Database, item: AnAd, **columns: Any) -> None:
    """What a model's reading has come to."""
    with database.worker(item.scope) as connection:
        mine = (schema.content.c.scope == item.scope, schema.content.c.content_id == item.content_id)
        connection.execute(update(schema.content).where(*mine).values(columns))


def a_run(database: Database, brand: str, *, request: str = "", state: str = "committed", rows: int = 0) -> None:
    key = f"{brand}-{state}-{request}"
    row = {"batch_id": key, "scope": "shared", "brand_slug": brand, "state": state, "expected_count": 0}
    with database.machinery() as connection:
        ledger = {"rows": rows} if state == "committed" else None
        connection.execute(insert(schema.run).values(row | {"gather_key": key, "source": {}, "ledger": ledger}))
        if request:
            link = {"request_id": request, "batch_id": key, "organisation_id": "ours"}
            connection.execute(insert(schema.request_run).values(link))


HOOK: Mapping[str, Mapping[str, Any]] = {
    KNOWN: {"labels": {"hook": ("story",)}},
    UNKNOWN: {"labels": {"hook": ("unknown",)}},
    NOT_ASKED: {"labels": {"tone": ("warm",)}},
    REFUSED: {"labels": {"hook": ("unknown",)}, "outcomes": {"hook": "refused"}},
    FAILED: {"labels": {"hook": ("unknown",)}, "outcomes": {"hook": "truncated"}},
    PENDING: {},
    WITHOUT: {"copy": ""},
}


@pytest.mark.parametrize("state", HOOK)
def test_every_state_of_a_reading_is_counted_as_itself(database: Database, state: str) -> None:
    store(database, AnAd("1", **{"copy": "Said", **HOOK[state]}))

    coverage = labelling_coverage(database, US, "all", NONE, dimension="hook")

    assert (coverage.stored, states(coverage)) == (1, {state: 1})


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({"asked_at": NOW}, PENDING),
        ({"asked_at": NOW, "asked_dimensions": ["hook"]}, PENDING),
        ({"asked_at": NOW, "asked_dimensions": ["offer"], "labelled_with": "v1"}, NOT_ASKED),
        ({"asked_at": NOW, "outcome": "refused"}, REFUSED),
        ({"asked_at": NOW, "outcome": "invalid"}, FAILED),
        ({"asked_at": NOW, "outcome": "ok", "labelled_with": "v1"}, NOT_ASKED),
    ],
)
def test_without_a_label_what_became_of_the_asking_counts(
    database: Database, columns: Mapping[str, Any], state: str
) -> None:
    store(database, item := AnAd("1", copy="Said"))
    mark(database, item, **columns)

    assert states(labelling_coverage(database, US, "all", NONE, dimension="hook")) == {state: 1}


def test_what_is_read_in_pictures_waits_for_covers_not_for_words(database: Database) -> None:
    store(database, AnAd("silent", copy="", sha256=HASH(1)), AnAd("bare", copy="Words only"))
    store(database, read := AnAd("read", copy="", sha256=HASH(2)))
    with database.worker("shared") as connection:
        row = {"scope": "shared", "content_id": read.sha256, "kind": "picture", "text_hash": "", "text": "", "cta": ""}
        connection.execute(insert(schema.content).values(row))
        label = {"scope": "shared", "content_id": read.sha256, "dimension": "visual_style", "value": "photo"}
        label |= {"confidence": 0.9, "outcome": "ok", "modality": "image", "provenance_id": "p"}
        connection.execute(insert(schema.provenance).values(provenance_id="p", body={}))
        connection.execute(insert(schema.label).values(label))
        picture = {"scope": "shared", "sha256": read.sha256, "status": "no_text"}
        connection.execute(insert(schema.image_reading).values(picture))

    coverage = labelling_coverage(database, US, "all", NONE, dimension="visual_style")

    assert states(coverage) == {KNOWN: 1, PENDING: 1, WITHOUT: 1}
    assert coverage.pictures == {"no_picture": 1, "no_text": 1, "not_read": 1}


@pytest.mark.parametrize("seed", range(3))
def test_all_sums_hold_in_any_state(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    for number in range(40):
        kind = HOOK[chance.choice(list(HOOK))]
        words = {"copy": f"Text {chance.randrange(25)}-{seed}-{sorted(kind)}", **kind}
        media = {"sha256": HASH(number)} if chance.random() < 0.5 else {"media_status": "removed"}
        store(database, item := AnAd(str(number), chance.choice(["acme", "zeta"]), **words, **media))
        if item.copy and chance.random() < 0.3:
            mark(database, item, asked_at=NOW, outcome=chance.choice([None, "ok", "refused", "invalid"]))
    a_run(database, "acme", rows=chance.randrange(1, 90))

    units: tuple[Unit, ...] = ("ads", "concepts")
    for unit, brands, dimension in product(units, ((), ("acme",)), (None, "hook", "visual_style", "format")):
        filters = AdFilters(unit=unit, brands=brands)
        coverage = labelling_coverage(database, US, "all", filters, dimension=dimension)
        ads = count_ads(database, US, "all", filters)

        assert coverage.stored == sum(states(coverage).values())
        assert coverage.rows.seen == coverage.rows.stored + coverage.rows.rejected
        assert sum(coverage.media.values()) == sum(coverage.pictures.values()) == ads
        assert sum(source.ads for source in coverage.sources) == ads
        assert unit == "concepts" or coverage.stored == ads
        if dimension is not None:
            mix = label_mix(database, US, "all", dimension, filters)
            assert sum(brand.ads for brand in mix.brands) == coverage.stored
            assert sum(brand.read for brand in mix.brands) == coverage.labelled


def test_rows_seen_are_stored_or_rejected_and_the_rejected_are_of_imports_that_brought_the_brands(
    database: Database,
) -> None:
    for name, rejected in (("with-acme", 2), ("with-zeta", 5), ("of-nothing", 3)):
        store_request(database, name, organisation_id="ours", rejected=rejected)
    store_request(database, "theirs", organisation_id="theirs", rejected=40)
    a_run(database, "acme", request="with-acme", rows=30)
    a_run(database, "zeta", request="with-zeta", rows=8)
    a_run(database, "acme", state="failed")
    a_run(database, "acme", state="open")
    space = create_brandspace(database, US, name="Ours", primary="acme").brandspace_id

    everything, ours = (labelling_coverage(database, US, name, NONE).rows for name in ("all", space))

    assert (everything.seen, everything.stored, everything.rejected) == (48, 38, 10)
    assert (ours.seen, ours.stored, ours.rejected) == (32, 30, 2)
    assert (ours.runs_unfinished, ours.runs_failed) == (1, 1)


def test_every_channel_says_what_it_cannot_show(database: Database) -> None:
    store(database, *(AnAd(name, channel=name, copy=name) for name in ("meta", "google", "elsewhere")))

    sources = {source.channel: source for source in labelling_coverage(database, US, "all", NONE).sources}

    assert sources.keys() == {"meta", "google", "elsewhere"}
    assert "no spend and no impressions" in sources["meta"].cannot_show[0]
    assert all(source.cannot_show for source in sources.values())


def states(coverage: Coverage) -> dict[str, int]:
    """Those there are."""
    unknown = coverage.unknown or 0
    found = {
        KNOWN: coverage.labelled - unknown,
        UNKNOWN: unknown,
        PENDING: coverage.pending,
        FAILED: coverage.failed,
        REFUSED: coverage.refused,
        NOT_ASKED: coverage.not_asked,
        WITHOUT: coverage.without_text,
    }
    return {state: number for state, number in found.items() if number}
