"""The registry under threads that all arrive at once: one is asked to commit, one start wins, nothing is lost."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.adapters.postgres.run_store import PostgresRunStore
from core.bootstrap import build_services
from core.domain.run import Item, ItemKind, ItemResult, ItemState
from core.errors import ConflictError, UnavailableError
from core.pipeline.store import NewRun
from daemon.roles import build_registry
from registry.active_brands import ActiveBrands, Answer
from registry.batch import ActiveBatchError
from tests.daemon.support import daemon_settings
from tests.fakes.memory_journal import LEASE_SECONDS, MemoryJournal, MemoryStore, MovableClock
from tests.faults.figures import tell

THREADS = 64
T = TypeVar("T")


@dataclass
class Stage:
    """Registries over one store, and what a test does to the store itself."""

    name: str
    rounds: int
    new_registry: Callable[[], ActiveBrands]
    open_run: Callable[[str, str, Sequence[str]], None]  # (batch_id, brand, items)
    end_runs: Callable[[], None]
    free_the_place: Callable[[], None]  # as when the holder's connection is lost
    results: Callable[[str], list[str]]


def memory_stage() -> Stage:
    clock = MovableClock()
    store = MemoryStore(clock)

    def free_the_place() -> None:
        with store.lock:
            store.holder = None

    return Stage(
        name="memory",
        rounds=200,
        new_registry=lambda: ActiveBrands(MemoryJournal(store), monotonic=clock, lease_seconds=LEASE_SECONDS),
        open_run=lambda batch_id, brand, items: store.open_run(batch_id, items, brand=brand),
        end_runs=lambda: [store.end_run(batch_id) for batch_id in store.runs] and None,
        free_the_place=free_the_place,
        results=lambda batch_id: [result.item_id for result in store.runs[batch_id].results],
    )


def postgres_stage(cluster: Cluster, home: Path) -> Iterator[Stage]:
    services = build_services(daemon_settings(home, cluster))
    registries: list[ActiveBrands] = []

    def new_registry() -> ActiveBrands:
        registries.append(build_registry(services.settings, services))
        return registries[-1]

    def open_run(batch_id: str, brand: str, items: Sequence[str]) -> None:
        with PostgresRunStore(services.database).transaction() as store:
            store.runs.insert(NewRun(batch_id, "shared", brand, len(items), batch_id, {}))
            store.items.insert_manifest(batch_id, "shared", [], [an_item(name) for name in items])

    def results(batch_id: str) -> list[str]:
        with PostgresRunStore(services.database).transaction() as store:
            return [result.item_id for result in store.items.results(batch_id)]

    lost = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    yield Stage(
        name="postgres",
        rounds=20,
        new_registry=new_registry,
        open_run=open_run,
        end_runs=lambda: execute(services.database, "UPDATE run SET state = 'committed'"),
        free_the_place=lambda: execute(services.database, lost),
        results=results,
    )
    for registry in registries:
        registry.let_go()
    services.media_decoder.close()
    services.database.dispose()


def execute(database: Database, statement: str) -> None:
    with database.machinery() as connection:
        connection.execute(text(statement))


@pytest.fixture(params=["memory", "postgres"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    if request.param == "memory":
        yield memory_stage()
    else:
        yield from postgres_stage(request.getfixturevalue("cluster"), tmp_path)


@pytest.fixture(autouse=True)
def threads_that_alternate_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(THREADS) as pool:
        yield pool


def at_once(pool: ThreadPoolExecutor, calls: Sequence[Callable[[], T]]) -> list[T | ConflictError]:
    """Each call in a thread of its own, released together; a ConflictError is an answer."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T | ConflictError:
        barrier.wait(30)
        try:
            return call()
        except ConflictError as error:
            return error

    return list(pool.map(run, calls))


def an_item(name: str) -> Item:
    return Item(name, ItemKind.MEDIA, "image", f"https://a.example/{name}")


def submit(registry: ActiveBrands, brand: str, name: str, batch_id: str | None = None) -> Answer:
    result = ItemResult(name, an_item(name).url, ItemState.OK)
    return registry.submit(brand=brand, scope="shared", item=an_item(name), result=result, batch_id=batch_id)


def test_of_the_last_results_that_arrive_at_once_one_commits(
    stage: Stage, pool: ThreadPoolExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = stage.new_registry()
    registry.hold()
    items = [f"item-{number}" for number in range(THREADS)]
    commits = []

    for number in range(stage.rounds):
        run, brand = f"run-{number}", f"brand-{number}"
        stage.open_run(run, brand, items)
        duplicated = items if number % 2 else [items[0]] * THREADS  # or one result delivered by everybody
        if duplicated is not items:
            for name in items[1:]:
                submit(registry, brand, name, run)
        calls = [lambda name=name, run=run, brand=brand: submit(registry, brand, name, run) for name in duplicated]
        commits.append(sorted(answer.token for answer in at_once(pool, calls) if answer.token is not None))
        assert sorted(stage.results(run)) == sorted(items)

    assert commits == [[1]] * stage.rounds
    tell(capsys, "races", store=stage.name, threads=THREADS, rounds=stage.rounds, commits_a_round=1)


def test_of_starts_at_once_one_wins_and_the_same_start_is_the_same_answer(
    stage: Stage, pool: ThreadPoolExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = stage.new_registry()
    registry.hold()

    for number in range(stage.rounds):
        starters, brand = 2 + number % 15, f"brand-{number}"
        counts = [1 + starter % 2 for starter in range(starters)]  # half of them mean another batch
        calls = [
            lambda brand=brand, count=count: registry.start(brand=brand, scope="shared", expected_count=count)
            for count in counts
        ]
        answers = at_once(pool, calls)
        won = {answer.batch_id for answer in answers if isinstance(answer, Answer)}
        named = {answer.batch_id for answer in answers if isinstance(answer, ActiveBatchError)}
        assert len(won) == 1
        assert named == won
        assert len({isinstance(answer, Answer) for answer in answers[::2]}) == 1  # the same count, the same answer
    tell(capsys, "races", store=stage.name, starters="2-16", rounds=stage.rounds, winners_a_round=1)


class Interruptions:
    """The place changes hands and hints come, again and again, until the body ends."""

    def __init__(self, stage: Stage, registries: Sequence[ActiveBrands], pool: ThreadPoolExecutor) -> None:
        self._stage, self._registries, self._pool = stage, registries, pool
        self._over = threading.Event()
        self.count = 0

    def __enter__(self) -> Interruptions:
        self._running = [self._pool.submit(self._interrupt), self._pool.submit(self._hint)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for running in self._running:
            running.result(30)

    def _interrupt(self) -> None:
        while not self._over.is_set():
            self.count += 1
            self._stage.free_the_place()
            for registry in self._registries[:: 1 - 2 * (self.count % 2)]:
                registry.hold()

    def _hint(self) -> None:
        while not self._over.is_set():
            for registry in self._registries:
                with suppress(UnavailableError):
                    registry.commit_complete(brand="nike", scope="shared")


def deliver(registries: Sequence[ActiveBrands], name: str, batch_id: str) -> list[int]:
    """Submit to whichever serves, as often as it takes; the tokens that were given."""
    for registry in cycle(registries):
        with suppress(UnavailableError):
            token = submit(registry, "nike", name, batch_id).token
            return [] if token is None else [token]
    return []


def test_results_that_race_with_the_hint_and_with_restarts_are_counted_once(
    stage: Stage, pool: ThreadPoolExecutor, capsys: pytest.CaptureFixture[str]
) -> None:
    registries = [stage.new_registry(), stage.new_registry()]
    items = [f"item-{number}" for number in range(100)]
    interruptions = 0

    def work(shift: int, batch_id: str) -> list[int]:
        """Every worker delivers everything, each in another order."""
        shifted = items[shift:] + items[:shift]
        return [token for name in shifted for token in deliver(registries, name, batch_id)]

    for number in range(10):
        run = f"run-{number}"
        stage.open_run(run, "nike", items)
        with Interruptions(stage, registries, pool) as interrupted:
            workers = [pool.submit(work, 12 * shift, run) for shift in range(8)]
            tokens = [token for worker in workers for token in worker.result(60)]
        interruptions += interrupted.count
        # A result that arrived while the memory was read anew may be missing there: the next reading has it.
        stage.free_the_place()
        registries[0].hold()
        tokens += deliver(registries, items[0], run)
        assert sorted(stage.results(run)) == sorted(items)
        assert tokens == [1]
        stage.end_runs()
    tell(capsys, "races", store=stage.name, submits=10 * 8 * len(items), interruptions=interruptions, commits_a_run=1)
