"""The rules of the registry, over a store in memory (held to the same contract as PostgreSQL's)."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.domain.run import Item, ItemKind, ItemResult, ItemState, RunSnapshot
from core.errors import ConflictError, NotFoundError, RetryableError, StaleError, UnavailableError
from registry.active_brands import ActiveBrands, Answer
from registry.batch import ActiveBatchError
from tests.fakes.memory_journal import LEASE_SECONDS, MemoryJournal, MemoryStore, MovableClock


class Registry:
    """A serving registry with short calls."""

    def __init__(self, store: MemoryStore, journal: MemoryJournal | None = None) -> None:
        self.journal = journal or MemoryJournal(store)
        self.brands = ActiveBrands(self.journal, monotonic=store.clock, lease_seconds=LEASE_SECONDS)
        self.brands.hold()

    def start(self, expected: int, *, batch_id: str | None = None, brand: str = "acme") -> Answer:
        return self.brands.start(brand=brand, expected_count=expected, scope="shared", batch_id=batch_id)

    def submit(
        self, item_id: str, *, batch_id: str | None = None, brand: str = "acme", state: ItemState = ItemState.OK
    ) -> Answer:
        url = f"https://example.com/{item_id}"
        item, result = Item(item_id, ItemKind.MEDIA, "image", url), ItemResult(item_id, url, state)
        return self.brands.submit(brand=brand, scope="shared", item=item, result=result, batch_id=batch_id)

    def results(self) -> list[str]:
        return [result.item_id for result in self.brands.results(brand="acme", scope="shared")]

    def commit_complete(self, batch_id: str | None = None) -> None:
        self.brands.commit_complete(brand="acme", scope="shared", batch_id=batch_id)


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def store(clock: MovableClock) -> MemoryStore:
    return MemoryStore(clock)


@pytest.fixture
def registry(store: MemoryStore) -> Registry:
    return Registry(store)


def tokens(answers: Iterable[Answer]) -> list[int | None]:
    return [answer.token for answer in answers]


def submit_at_once(registry: Registry, item_ids: list[str], batch_id: str | None) -> list[Answer | Exception]:
    """Each from a thread of its own, released together."""
    barrier = threading.Barrier(len(item_ids))

    def submit(item_id: str) -> Answer | Exception:
        barrier.wait(10)
        try:
            return registry.submit(item_id, batch_id=batch_id)
        except ConflictError as error:
            return error

    with ThreadPoolExecutor(len(item_ids)) as pool:
        return list(pool.map(submit, item_ids))


def test_the_last_result_is_asked_to_commit(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a", "b"])

    assert registry.start(2, batch_id="run") == Answer("run", should_commit=False)
    assert registry.submit("a", batch_id="run") == Answer("run", should_commit=False)
    assert registry.submit("b", batch_id="run", state=ItemState.FAILED) == Answer("run", should_commit=True, token=1)


def test_a_result_delivered_again_counts_once(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a", "b"])

    answers = [registry.submit("a", batch_id="run") for _ in range(3)]

    assert not any(answer.should_commit for answer in answers)
    assert registry.results() == ["a"]


def test_the_first_result_of_an_item_stands(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a", "b"])

    registry.submit("a", batch_id="run")
    registry.submit("a", batch_id="run", state=ItemState.FAILED)

    assert store.runs["run"].items["a"] is ItemState.OK


def test_items_are_learned_up_to_the_expected_count(registry: Registry) -> None:
    registry.start(2)

    assert tokens(registry.submit(item_id) for item_id in "aab") == [None, None, 1]
    with pytest.raises(ConflictError, match="one more"):
        registry.submit("c")


@pytest.mark.parametrize("attempt", range(5))
def test_the_last_place_to_learn_is_taken_once(registry: Registry, attempt: int) -> None:
    run = registry.start(1).batch_id

    answers = submit_at_once(registry, [f"item-{n}" for n in range(16)], run)

    assert sum(isinstance(answer, ConflictError) for answer in answers) == 15
    assert sum(isinstance(answer, Answer) and answer.should_commit for answer in answers) == 1


def test_nothing_expected_commits_at_once(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", [])

    assert registry.start(0, batch_id="run").token == 1
    assert registry.start(0, batch_id="run").token is None


def test_the_same_start_again_is_the_same_answer(registry: Registry) -> None:
    first = registry.start(3)
    registry.submit("a")

    assert registry.start(3) == first
    assert registry.results() == ["a"]


def test_another_start_while_one_is_active_names_the_active_batch(registry: Registry) -> None:
    first = registry.start(3)

    with pytest.raises(ConflictError, match=first.batch_id):
        registry.start(4)


def test_each_brand_has_a_batch_of_its_own(registry: Registry) -> None:
    ours, theirs = registry.start(1), registry.start(1, brand="other")

    assert ours.batch_id != theirs.batch_id
    assert registry.submit("a").batch_id == ours.batch_id
    assert registry.submit("a", brand="other").batch_id == theirs.batch_id


def test_a_batch_that_is_over_takes_nothing(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a"])
    store.end_run("run")

    with pytest.raises(StaleError):
        registry.submit("a", batch_id="run")
    with pytest.raises(StaleError):
        registry.start(1, batch_id="run")


def test_a_batch_that_ended_elsewhere_takes_nothing(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a", "b"])
    registry.submit("a", batch_id="run")
    store.end_run("run")  # a sweep closed b and committed

    with pytest.raises(StaleError):
        registry.submit("b", batch_id="run")


def test_what_nobody_started_is_unknown(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a"])

    for ask in (
        lambda: registry.submit("a", brand="unknown"),
        lambda: registry.submit("a", batch_id="unknown"),
        lambda: registry.submit("stranger", batch_id="run"),
        lambda: registry.start(1, batch_id="unknown"),
        lambda: registry.brands.results(brand="unknown", scope="shared"),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_who_does_not_hold_the_store_answers_nothing(store: MemoryStore, registry: Registry) -> None:
    standby = Registry(store)

    for ask in (
        lambda: standby.start(1),
        lambda: standby.submit("a"),
        standby.results,
        standby.commit_complete,
    ):
        with pytest.raises(UnavailableError):
            ask()


def test_a_duplicate_is_refused_while_the_lease_lives_and_leased_again_when_it_lapsed(
    registry: Registry, store: MemoryStore, clock: MovableClock
) -> None:
    store.open_run("run", ["a"])
    first = registry.submit("a", batch_id="run")

    clock.advance(LEASE_SECONDS - 1)
    assert not registry.submit("a", batch_id="run").should_commit
    clock.advance(2)

    assert tokens([first, registry.submit("a", batch_id="run"), registry.submit("a", batch_id="run")]) == [1, 2, None]


@pytest.mark.parametrize("attempt", range(10))
def test_sixty_four_last_results_at_once_are_one_commit(registry: Registry, store: MemoryStore, attempt: int) -> None:
    items = [f"item-{number}" for number in range(64)]
    store.open_run("run", items)

    answers = submit_at_once(registry, items, "run")

    assert sorted(answer.token for answer in answers if isinstance(answer, Answer) and answer.should_commit) == [1]


def test_a_restarted_registry_answers_as_the_old_one_would(store: MemoryStore, registry: Registry) -> None:
    store.open_run("run", ["a", "b"])
    registry.submit("a", batch_id="run")
    learning = registry.start(2, brand="other")
    registry.submit("x", brand="other")

    registry.journal.lose_connection()
    restarted = Registry(store)

    assert not restarted.start(2, batch_id="run").should_commit
    assert restarted.submit("a", batch_id="run") == Answer("run", should_commit=False)
    assert restarted.submit("b", batch_id="run").token == 1
    assert restarted.submit("y", brand="other") == Answer(learning.batch_id, should_commit=True, token=1)


def test_a_lease_outlives_the_registry_that_gave_it(
    store: MemoryStore, registry: Registry, clock: MovableClock
) -> None:
    store.open_run("run", ["a"])
    registry.submit("a", batch_id="run")
    registry.journal.lose_connection()
    restarted = Registry(store)

    assert not restarted.submit("a", batch_id="run").should_commit
    clock.advance(LEASE_SECONDS + 1)
    assert restarted.submit("a", batch_id="run").token == 2


def test_a_past_registry_writes_nothing(store: MemoryStore, registry: Registry) -> None:
    store.open_run("run", ["a"])
    registry.start(1, batch_id="run")
    registry.journal.lose_connection()
    Registry(store)

    with pytest.raises(UnavailableError):
        registry.submit("a", batch_id="run")
    assert store.runs["run"].items["a"] is ItemState.PENDING


def test_a_past_registry_stops_serving_when_it_looks_again(store: MemoryStore, registry: Registry) -> None:
    registry.journal.lose_connection()
    Registry(store)

    registry.brands.hold()

    assert not registry.brands.is_serving


def test_a_registry_whose_store_is_away_does_not_serve(store: MemoryStore) -> None:
    class Unreachable(MemoryJournal):
        is_away = False

        def acquire(self) -> int | None:
            if self.is_away:
                raise RetryableError("no answer")
            return super().acquire()

    journal = Unreachable(store)
    registry = Registry(store, journal)
    journal.is_away = True

    with pytest.raises(RetryableError):
        registry.brands.hold()

    assert not registry.brands.is_serving


def test_who_lets_go_makes_place(store: MemoryStore, registry: Registry) -> None:
    standby = Registry(store)
    assert not standby.brands.is_serving

    registry.brands.let_go()
    standby.brands.hold()

    assert standby.brands.is_serving
    assert not registry.brands.is_serving


def test_commit_complete_is_only_a_hint(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a", "b"])
    registry.submit("a", batch_id="run")

    registry.commit_complete("run")  # the store says that the run isn't over

    assert registry.submit("b", batch_id="run").token == 1
    assert registry.results() == ["a", "b"]


def test_who_learned_a_brands_urls_by_itself_ends_it_itself(registry: Registry) -> None:
    """The specification's caller commits to a database of its own."""
    first = registry.start(1)
    registry.commit_complete()  # too early: nobody was asked to commit
    assert registry.submit("a").token == 1

    registry.commit_complete()

    with pytest.raises(NotFoundError):
        registry.results()
    assert registry.start(2).batch_id != first.batch_id


def test_a_committed_brand_is_forgotten_on_the_hint(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a"])
    registry.submit("a", batch_id="run")
    store.end_run("run")

    registry.commit_complete()

    with pytest.raises(NotFoundError):
        registry.results()


def test_a_brand_whose_hint_was_lost_can_start_again(registry: Registry, store: MemoryStore) -> None:
    first = registry.start(1)
    registry.submit("a")
    store.end_run(first.batch_id)  # committed, and nobody said so

    second = registry.start(1)

    assert second.batch_id != first.batch_id
    assert registry.submit("a") == Answer(second.batch_id, should_commit=True, token=1)


def test_a_late_look_at_the_store_undoes_no_result(store: MemoryStore) -> None:
    """A duplicate reads the store while another result arrives: what it read is old by then."""

    class SlowToTell(MemoryJournal):
        registry: Registry | None = None

        def find(self, batch_id: str) -> RunSnapshot | None:
            found = super().find(batch_id)
            if self.registry is not None:
                registry, self.registry = self.registry, None
                registry.submit("b", batch_id="run")
            return found

    store.open_run("run", ["a", "b", "c"])
    journal = SlowToTell(store)
    registry = Registry(store, journal)
    store.runs["run"].items["a"] = ItemState.FAILED  # a sweep was first
    journal.registry = registry

    registry.submit("a", batch_id="run")

    assert registry.submit("c", batch_id="run").token == 1


def test_a_batch_of_another_brand_is_unknown(registry: Registry, store: MemoryStore) -> None:
    store.open_run("run", ["a"])

    with pytest.raises(NotFoundError):
        registry.submit("a", batch_id="run", brand="other")
    with pytest.raises(NotFoundError):
        registry.start(1, batch_id="run", brand="other")


def test_what_nobody_asks_about_is_forgotten_and_found_again(
    registry: Registry, store: MemoryStore, clock: MovableClock
) -> None:
    store.open_run("run", ["a", "b"])
    registry.submit("a", batch_id="run")

    clock.advance(LEASE_SECONDS + 1)
    registry.brands.hold()

    assert not registry.brands._batches
    assert registry.submit("a", batch_id="run") == Answer("run", should_commit=False)
    assert registry.submit("b", batch_id="run").token == 1


def test_a_result_that_arrives_while_the_memory_is_read_anew_counts(store: MemoryStore) -> None:
    class Interrupted(MemoryJournal):
        registry: Registry | None = None

        def record(self, batch_id: str, result: ItemResult) -> bool:
            if self.registry is not None:
                self.lose_connection()
                self.registry.brands.hold()  # reads the store before this result is in it
                self.registry = None
            return super().record(batch_id, result)

    store.open_run("run", ["a", "b"])
    journal = Interrupted(store)
    registry = Registry(store, journal)
    registry.start(2, batch_id="run")
    journal.registry = registry

    assert registry.submit("a", batch_id="run") == Answer("run", should_commit=False)

    assert registry.submit("b", batch_id="run").token == 1


def test_a_start_that_was_overtaken_by_the_same_is_the_same_answer(store: MemoryStore) -> None:
    class Overtaken(MemoryJournal):
        expected_count: int | None = None

        def open_learning(self, brand: str, scope: str, expected_count: int) -> RunSnapshot:
            faster, self.expected_count = self.expected_count, None
            if faster is not None:
                super().open_learning(brand, scope, faster)
            return super().open_learning(brand, scope, expected_count)

    journal = Overtaken(store)
    registry = Registry(store, journal)

    journal.expected_count = 2
    assert registry.start(2).batch_id in store.runs
    journal.expected_count = 3
    with pytest.raises(ActiveBatchError) as refused:
        registry.start(2, brand="other")
    assert refused.value.batch_id in store.runs


def test_a_body_without_a_batch_means_the_active_one_though_an_older_ended_unheard(
    registry: Registry, store: MemoryStore
) -> None:
    store.open_run("old", ["a"])
    registry.start(1, batch_id="old")
    store.end_run("old")
    store.open_run("new", ["a", "b"])

    assert registry.submit("a") == Answer("new", should_commit=False)
    assert registry.submit("b") == Answer("new", should_commit=True, token=1)


def test_the_memory_alone_refuses_nothing(registry: Registry, store: MemoryStore) -> None:
    run = registry.start(1).batch_id
    registry.submit("a")
    store.end_run(run)  # a sweep committed it, and nobody said so
    store.open_run("next", ["b"])

    assert registry.submit("b") == Answer("next", should_commit=True, token=1)


def test_a_learning_batch_that_a_sweep_closed_expects_no_more(registry: Registry, store: MemoryStore) -> None:
    run = registry.start(3).batch_id
    registry.submit("a")
    store.runs[run].expected_count = 1

    with pytest.raises(ConflictError, match="expects 1 URLs"):
        registry.submit("b")

    assert registry.submit("a").token == 1
