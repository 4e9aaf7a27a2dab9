"""Readers that meet: nobody pays for what another living one reads, and what a dead one left is read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from sqlalchemy import insert

from core.adapters.postgres import schema
from core.adapters.postgres.asked_contents import ask_for_contents, claim_contents
from core.adapters.postgres.engine import Database
from core.domain.label import Rerun
from core.domain.principal import LOCAL_PRINCIPAL
from core.pipeline.analysis import ask_for_analysis, ask_for_rerun
from core.pipeline.model_reading import ModelReader, Task
from daemon.roles import build_model_reader
from tests.builders import DAY, AnAd, store
from tests.fakes.model_answers import Answer, Asked, saying
from tests.fakes.model_server import ModelServer
from tests.running_system import System, an_ad

TEXTS = ["Fresh coffee. Roasted today!", "Fresh bread. Baked today!", "Warm socks. For cold days!"]
TASK = Task("shared", "acme", LOCAL_PRINCIPAL.organisation_id)
PATIENCE_SECONDS = 20


@pytest.fixture
def system(asking_system: System) -> System:
    """A collected brand whose contents wait for a model."""
    asking_system.ingest(*[an_ad(str(number), said) for number, said in enumerate(TEXTS)])
    build_model_reader(asking_system.services).ask_for("shared", "acme")
    return asking_system


@dataclass
class Beat:
    """Work that is repeated beside other work when the test says so."""

    action: Callable[[], None] = lambda: None
    seconds: float = 0.0

    @contextmanager
    def __call__(self, seconds: float, action: Callable[[], None]) -> Iterator[None]:
        self.seconds, self.action = seconds, action
        yield


@dataclass
class Held:
    """A model that keeps its answers to questions of one kind back until ``is_open``."""

    kind: str
    tone: str
    is_open: threading.Event = field(default_factory=threading.Event)

    def __call__(self, asked: Asked) -> Answer:
        if asked.schema_name == self.kind:
            assert self.is_open.wait(PATIENCE_SECONDS)
        return saying(self.tone)(asked)


@contextmanager
def reading(system: System, server: ModelServer, held: Held, beat: Beat) -> Iterator[Future[int]]:
    """The first reader has asked of every text what ``held`` keeps back; meanwhile the model says "urgent"."""
    server.answer = held
    calls = len(TEXTS) * (1 if held.kind == "description" else 2)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(replace(reader_of(system), repeat=beat).read_batch, TASK)
        try:
            server.wait_for(calls)
            server.answer = saying("urgent")
            yield first
        finally:
            held.is_open.set()


def reader_of(system: System) -> ModelReader:
    return build_model_reader(system.services)


def let_claims_lapse(system: System) -> None:
    with system.services.database.worker("shared") as connection:
        connection.exec_driver_sql("UPDATE content SET claimed_until = now() - interval '1 second'")


def tones(system: System) -> set[str]:
    return {row["value"] for row in system.rows("label", "dimension = 'tone'")}


def outcomes(system: System) -> set[str | None]:
    return {row["outcome"] for row in system.rows("content")}


def rerun(system: System, *dimensions: str) -> str:
    database = system.services.database
    return ask_for_rerun(database, LOCAL_PRINCIPAL, "acme", by=Rerun.MODEL, dimensions=dimensions, reason="better")


def dimensions_asked(server: ModelServer) -> list[set[str]]:
    return [set((asked.schema or {})["properties"]) for asked in server.asked if asked.schema_name == "labels"]


@pytest.mark.parametrize("kind", ["description", "labels"])
def test_a_claim_is_kept_as_long_as_its_reader_lives(system: System, server: ModelServer, kind: str) -> None:
    beat = Beat()
    with reading(system, server, Held(kind, "playful"), beat) as first:
        let_claims_lapse(system)  # a model takes longer than a claim lasts
        beat.action()
        assert reader_of(system).read_batch(TASK) == 0
    assert first.result() == len(TEXTS)
    assert len(server.asked) == 2 * len(TEXTS)
    assert outcomes(system) == {"ok"}
    assert 0 < beat.seconds < 60


@pytest.mark.parametrize(("kind", "paid_by_second"), [("description", 2), ("labels", 1)])
def test_who_lost_a_claim_pays_no_more_and_overwrites_nothing(
    system: System, server: ModelServer, kind: str, paid_by_second: int
) -> None:
    paid_by_first = {"description": 1, "labels": 2}[kind]
    beat = Beat()
    with reading(system, server, Held(kind, "playful"), beat) as first:
        let_claims_lapse(system)  # the first is taken for dead
        assert reader_of(system).read_batch(TASK) == len(TEXTS)
        beat.action()
    first.result()
    assert len(server.asked) == (paid_by_first + paid_by_second) * len(TEXTS)
    assert (outcomes(system), tones(system)) == ({"ok"}, {"urgent"})


def test_what_a_reader_claimed_that_died_is_read_by_the_next(system: System, server: ModelServer) -> None:
    with system.services.database.worker("shared") as connection:
        connection.exec_driver_sql("UPDATE content SET claimed_by = 'dead', claimed_until = now() + interval '1 hour'")
    assert reader_of(system).read_batch(TASK) == 0
    let_claims_lapse(system)
    assert reader_of(system).read_batch(TASK) == len(TEXTS)
    assert outcomes(system) == {"ok"}


def test_words_wait_for_the_local_methods_before_a_model_is_asked(system: System, server: ModelServer) -> None:
    with system.services.database.worker("shared") as connection:
        connection.exec_driver_sql("UPDATE content SET labelled_with = NULL")
    assert reader_of(system).read_batch(TASK) == 0
    assert server.asked == []
    assert outcomes(system) == {None}


def test_a_rerun_asked_for_while_a_content_is_read_is_done_after_it(system: System, server: ModelServer) -> None:
    request_id = rerun(system, "tone")
    with reading(system, server, Held("labels", "playful"), Beat()) as first:
        reader_of(system).ask_again("shared", "acme", ["tone"], since=request_id)
    first.result()
    assert outcomes(system) == {None}

    system.work()

    assert system.request(request_id)["status"] == "completed"
    assert (outcomes(system), tones(system)) == ({"ok"}, {"urgent"})


def test_a_rerun_of_one_dimension_takes_nothing_from_what_is_still_to_be_read(
    system: System, server: ModelServer
) -> None:
    server.answer = saying("playful")
    rerun(system, "tone")
    system.work()
    assert [len(asked) > 1 for asked in dimensions_asked(server)] == [True] * len(TEXTS)

    server.asked.clear()
    first, second = rerun(system, "tone"), rerun(system, "hook")
    for request_id, dimension in ((first, "tone"), (second, "hook")):
        reader_of(system).ask_again("shared", "acme", [dimension], since=request_id)
    system.work()
    assert dimensions_asked(server) == [{"tone", "hook"}] * len(TEXTS)


def test_a_full_rerun_takes_the_place_of_one_in_some_dimensions(system: System, server: ModelServer) -> None:
    ask_for_analysis(system.services.database, LOCAL_PRINCIPAL, "acme")
    system.work()
    server.asked.clear()
    first, second = rerun(system, "tone"), rerun(system)
    reader_of(system).ask_again("shared", "acme", ["tone"], since=first)
    reader_of(system).ask_again("shared", "acme", [], since=second)
    system.work()
    assert [len(asked) > 2 for asked in dimensions_asked(server)] == [True] * len(TEXTS)


def test_words_are_shown_beside_a_picture_of_the_brand_that_is_read(database: Database) -> None:
    older, newer = {}, {"first_seen": DAY + timedelta(1), "last_seen": DAY + timedelta(1)}
    zeta = AnAd("1", brand="zeta", sha256="boats", labels={}, **older)
    store(database, zeta, AnAd("2", brand="acme", sha256="shoes", labels={}, **newer))
    with database.worker("shared") as connection:
        for sha256 in ("boats", "shoes"):
            row = {"scope": "shared", "sha256": sha256, "status": "ok", "text": sha256, "thumbnail_sha256": "small"}
            connection.execute(insert(schema.image_reading).values(row))
        ask_for_contents(connection, scope="shared", brand_slug="zeta")
        claimed = claim_contents(connection, scope="shared", brand_slug="zeta", limit=5, lasting_seconds=60)
    (words,) = (content for content in claimed if content.kind == "words")
    assert (words.picture_sha256, words.picture_text) == ("boats", "boats")
