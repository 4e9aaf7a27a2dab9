"""Ads to variants to concepts, in the database: once, set by set, and never moved afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Event
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select, text, update

from core.adapters.postgres import schema
from core.adapters.postgres.content_store import store_vectors
from core.adapters.postgres.engine import Database
from core.adapters.postgres.variant_store import Models, members
from core.ai.concepts import Sizes
from core.pipeline.grouping import Grouping
from tests.builders import DAY, AnAd, store, store_text_vectors
from tests.races import LONGEST_SECONDS, until_held
from tests.running_system import System, a_picture, an_ad

MODELS = Models(visual="visual-test", words="words-test")
COPY = "Light, tough shoes for every run, delivered free by Friday."
EDITED = COPY.replace("Friday", "Monday")
OTHER = "A meal kit that even the children eat: four evenings, ten minutes each."


def grouping(database: Database) -> Grouping:
    return Grouping(database, MODELS, Sizes(visual=2, words=2))


def group(database: Database, scope: str = "shared", brand: str = "acme") -> int:
    """Both steps; returns how many variants were compared."""
    grouping(database).form_variants(scope, brand)
    return grouping(database).join_concepts(scope, brand)


def picture(database: Database, item: AnAd, bits: int | None, *, seen: Sequence[float] = (1, 0)) -> AnAd:
    """What would have been measured of its cover."""
    with database.worker(item.scope) as connection:
        mine = (schema.creative.c.scope == item.scope, schema.creative.c.sha256 == item.sha256)
        measured = {"perceptual_hash": bits, "colours": [{"hex": "#ffffff", "share": 1}]}
        connection.execute(update(schema.creative).where(*mine).values(measured))
        vector = np.asarray(seen, dtype="<f4").tobytes()
        store_vectors(
            connection, scope=item.scope, model=MODELS.visual, vectors=[(str(item.sha256), vector)], dimension=2
        )
    return item


def variants(database: Database, scope: str = "shared") -> dict[str, Any]:
    """external_id → its variant's row."""
    with database.worker(scope) as connection:
        statement = select(schema.ad.c.external_id, schema.variant).join(
            schema.variant, schema.variant.c.variant_id == schema.ad.c.variant_id
        )
        return {row.external_id: row for row in connection.execute(statement.where(schema.ad.c.scope == scope))}


def test_the_same_words_and_cover_are_one_variant_of_one_brand_and_scope(database: Database) -> None:
    one = AnAd("1", copy=COPY, sha256="f1")
    store(database, one, replace(one, external_id="2"), replace(one, external_id="3", sha256="f2"))
    store(database, replace(one, external_id="4", copy=OTHER), replace(one, external_id="5", brand="zeta"))
    store(database, AnAd("6", scope="ours", copy=COPY, sha256="f1"))
    silent = AnAd("7", copy="")
    store(database, silent, replace(silent, external_id="8"))

    for scope, brand in (("shared", "acme"), ("shared", "zeta"), ("ours", "acme")):
        grouping(database).form_variants(scope, brand)

    found = {name: row.variant_id for name, row in (variants(database) | variants(database, "ours")).items()}
    assert found["1"] == found["2"]
    assert len(set(found.values())) == 7  # nobody knows that two ads without words and picture are the same


def test_an_edited_copy_under_a_picture_joins_the_first_seen_and_says_why(database: Database) -> None:
    first = AnAd("1", copy=COPY, sha256="f1", first_seen=DAY, last_seen=DAY)
    later = AnAd("2", copy=EDITED, sha256="f2", first_seen=DAY + timedelta(1), last_seen=DAY + timedelta(1))
    store(database, later, first)
    store_text_vectors(database, MODELS.words, (first, (1, 0)), (later, (1, 0.1)))
    picture(database, first, 0)
    picture(database, later, 0b111)

    assert group(database) == 2

    founder, joined = variants(database)["1"], variants(database)["2"]
    assert (founder.concept_id, founder.joined_by, founder.distances) == (founder.variant_id, "itself", {})
    assert (joined.concept_id, joined.joined_by, joined.joined_to) == (
        founder.variant_id, "perceptual hash", founder.variant_id,
    )  # fmt: skip
    assert joined.distances["picture_bits"] == 3
    assert 0.99 < joined.distances["words_cosine"] < 1


def test_a_plain_picture_says_nothing_and_the_words_decide(database: Database) -> None:
    black, other_black = AnAd("1", copy=COPY, sha256="f1"), AnAd("2", copy=OTHER, sha256="f1")
    edited = AnAd("3", copy=COPY + "!", sha256="f3")
    store(database, black, other_black, edited)
    store_text_vectors(database, MODELS.words, (black, (1, 0)), (other_black, (1, 0.3)), (edited, (1, 0)))
    for item in (black, edited):
        picture(database, item, None)

    group(database)

    found = variants(database)
    assert found["1"].concept_id == found["3"].concept_id != found["2"].concept_id
    assert {found["1"].joined_by, found["3"].joined_by} == {"itself", "text simhash"}


def test_what_was_joined_once_is_never_moved_and_compared_once(database: Database) -> None:
    left, right = AnAd("1", copy="", sha256="f1"), AnAd("2", copy="", sha256="f2")
    store(database, left, right)
    picture(database, left, 0)
    picture(database, right, 0xFFFF_FFFF)
    group(database)
    before = variants(database)

    between = AnAd("3", copy="", sha256="f3")
    store(database, between)
    picture(database, between, 0xFFF)

    assert (group(database), group(database)) == (1, 0)
    after = variants(database)
    assert {name: after[name] for name in before} == before
    assert after["3"].concept_id == before["1"].concept_id


def test_simhashes_are_kept_with_the_texts(database: Database) -> None:
    store(database, AnAd("1", copy=COPY), AnAd("2", copy="🔥"))
    group(database)

    with database.worker("shared") as connection:
        rows = connection.execute(text("SELECT text, simhash FROM content"))
        assert {row.text: row.simhash is None for row in rows} == {COPY: False, "🔥": True}


def test_an_ad_is_grouped_anew_when_its_words_or_cover_change_and_only_then(system: System) -> None:
    red, blue = system.upload(a_picture("red")), system.upload(a_picture("blue"))
    said = [("Old words.", red), ("Old words.", red), ("New words.", red), ("New words.", blue)]
    seen = []
    for week, (copy, cover) in enumerate(said):
        system.ingest(an_ad("1", copy, cover, scanned_on=DAY + timedelta(days=7 * week)))
        seen.append(system.ad("1")["variant_id"])

    assert None not in seen
    assert seen[0] == seen[1]
    assert len(set(seen)) == 3
    assert len(system.rows("variant", "compared_at IS NOT NULL")) == 3


def test_two_workers_that_compare_a_brand_at_once_see_each_others_variants(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has a variant that was seen earlier: alone with what it read first, it would found another concept."""
    later = AnAd("2", copy="", sha256="f2", first_seen=DAY + timedelta(1), last_seen=DAY + timedelta(1))
    first_reads, second_reads, go_on, committed = Event(), Event(), Event(), Event()
    reads = iter([(first_reads, go_on), (second_reads, committed)])

    def read_and_wait(*args: Any, **key: Any) -> Any:
        found = members(*args, **key)
        has_read, may_go_on = next(reads, (Event(), committed))
        has_read.set()
        assert may_go_on.wait(LONGEST_SECONDS)
        return found

    store(database, later)
    picture(database, later, 0)
    grouping(database).form_variants("shared", "acme")
    monkeypatch.setattr("core.pipeline.grouping.members", read_and_wait)

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(grouping(database).join_concepts, "shared", "acme", committed.set)
        assert first_reads.wait(LONGEST_SECONDS)
        earlier = AnAd("1", copy="", sha256="f1")
        store(database, earlier)
        picture(database, earlier, 1)
        grouping(database).form_variants("shared", "acme")
        two = threads.submit(grouping(database).join_concepts, "shared", "acme")
        until_held(database, second_reads)
        go_on.set()
        assert one.result() + two.result() == 2

    found = variants(database)
    assert found["1"].concept_id == found["2"].concept_id == found["2"].variant_id
