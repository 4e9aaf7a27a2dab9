"""The walks can see: each classic bug, put into the shipped code, is found, and by the rule that it breaks.

Some bugs have two walls before them, the registry's memory and the store's own check; there both are torn down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from core.domain.run import ItemResult, ItemState, RunState
from core.errors import StaleError
from registry.active_brands import ActiveBrands, Answer
from registry.batch import Batch
from tests.fakes.memory_journal import LEASE_SECONDS, MemoryJournal
from tests.faults.figures import tell
from tests.faults.registry_machine import RegistryMachine
from tests.faults.registry_world import ViolationError

Patch = Callable[[pytest.MonkeyPatch], None]
CI_WALKS = settings(
    max_examples=500,
    stateful_step_count=50,
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
OFFERED, ANSWER = "a complete run is offered", "the answer is as the contract says"
I1, I2, I3 = "I1 one valid lease a run", "I2 committed = sealed", "I3 one active run a brand and scope"
I4, I5 = "I4 the first result of each item stands", "I5 memory holds active runs only"
TOKEN, COUNT_UP, FENCES = "a token is never given twice", "tokens count up", "fences only grow"
BATCH = "the answer names its batch"
PAST = "who isn't the registry changes nothing and asks nobody to commit"
SERVES, OPENS, ENDS = "two registries never both serve", "no run opens by itself", "a run ends by its commit alone"
TAKE, OFFER, KNOWN, GRANT = ActiveBrands._take, ActiveBrands._offer, ActiveBrands._known, MemoryJournal.grant_lease


def count_deliveries(patch: pytest.MonkeyPatch) -> None:
    """Bug A: a counter under delivery at least once."""
    deliveries: dict[int, Counter[str]] = {}

    def take(brands: ActiveBrands, batch: Batch, *rest: Any) -> Answer:
        deliveries.setdefault(id(brands._lock), Counter())[batch.batch_id] += 1
        return TAKE(brands, batch, *rest)

    def offer(brands: ActiveBrands, batch: Batch) -> Answer:
        if deliveries.get(id(brands._lock), Counter())[batch.batch_id] != batch.expected_count:
            return Answer(batch.batch_id, should_commit=False)
        token = brands._journal.grant_lease(batch.batch_id)
        return Answer(batch.batch_id, token is not None, token)

    patch.setattr(ActiveBrands, "_take", take)
    patch.setattr(ActiveBrands, "_offer", offer)


def count_deliveries_and_believe_it(patch: pytest.MonkeyPatch) -> None:
    count_deliveries(patch)
    patch.setattr(MemoryJournal, "grant_lease", lease)


def wait_for_what_failed(patch: pytest.MonkeyPatch) -> None:
    """Bug B: a member that dies for ever is never counted."""
    patch.setattr(
        Batch, "is_complete", property(lambda b: list(b.items.values()).count(ItemState.OK) >= b.expected_count)
    )


def never_commit_what_is_empty(patch: pytest.MonkeyPatch) -> None:
    """Bug D: a batch of nothing."""
    complete = Batch.is_complete
    assert isinstance(complete, property)
    patch.setattr(Batch, "is_complete", property(lambda batch: bool(batch.items) and complete.fget(batch)))


def let_the_last_result_stand(patch: pytest.MonkeyPatch) -> None:
    def record(journal: MemoryJournal, batch_id: str, result: ItemResult) -> bool:
        journal._check_epoch()
        run = journal._store.runs[batch_id]
        run.items[result.item_id] = result.state
        run.results = [known for known in run.results if known.item_id != result.item_id] + [result]
        return True

    patch.setattr(Batch, "is_settled", lambda batch, item_id: False)
    patch.setattr(MemoryJournal, "record", record)


def ignore_the_batch_id(patch: pytest.MonkeyPatch) -> None:
    """An earlier run's results are mixed in."""
    patch.setattr(ActiveBrands, "_known", lambda self, brand, scope, batch_id: KNOWN(self, brand, scope, None))


def ignore_the_scope(patch: pytest.MonkeyPatch) -> None:
    def known(brands: ActiveBrands, brand: str, scope: str, batch_id: str | None) -> Batch | None:
        of_brand = [batch for (name, _), batch in brands._batches.items() if name == brand]
        return of_brand[0] if of_brand and batch_id is None else KNOWN(brands, brand, scope, batch_id)

    patch.setattr(ActiveBrands, "_known", known)


def lease_what_is_leased(patch: pytest.MonkeyPatch) -> None:
    def offer(brands: ActiveBrands, batch: Batch) -> Answer:
        batch.lease_until = 0.0
        return OFFER(brands, batch)

    def grant(journal: MemoryJournal, batch_id: str) -> int | None:
        run = journal._store.runs[batch_id]
        run.lease_until = min(run.lease_until, journal._store.clock() - 1)
        return GRANT(journal, batch_id)

    patch.setattr(ActiveBrands, "_offer", offer)
    patch.setattr(MemoryJournal, "grant_lease", grant)


def never_lease_again(patch: pytest.MonkeyPatch) -> None:
    """Bug C: who was told to commit died, and nobody else is told."""

    def grant(journal: MemoryJournal, batch_id: str) -> int | None:
        return None if journal._store.runs[batch_id].fence else GRANT(journal, batch_id)

    patch.setattr(MemoryJournal, "grant_lease", grant)


def give_the_token_again(patch: pytest.MonkeyPatch) -> None:
    def grant(journal: MemoryJournal, batch_id: str) -> int | None:
        token = GRANT(journal, batch_id)
        if token is not None:
            journal._store.runs[batch_id].fence = token = 1
        return token

    patch.setattr(MemoryJournal, "grant_lease", grant)


def forget_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryJournal, "active", lambda self: [])
    patch.setattr(MemoryJournal, "find_active", lambda self, brand, scope: None)
    patch.setattr(MemoryJournal, "find", lambda self, batch_id: None)


def take_a_late_result_for_a_new_run(patch: pytest.MonkeyPatch) -> None:
    def known(brands: ActiveBrands, brand: str, scope: str, batch_id: str | None) -> Batch | None:
        with suppress(StaleError):
            return KNOWN(brands, brand, scope, batch_id)
        return brands._open(brand, scope, 1)

    patch.setattr(ActiveBrands, "_known", known)


def serve_beside_another(patch: pytest.MonkeyPatch) -> None:
    def acquire(journal: MemoryJournal) -> int:
        journal._store.epoch = max(journal._store.epoch, 1)
        journal._epoch = journal._store.epoch
        return journal._epoch

    patch.setattr(MemoryJournal, "acquire", acquire)


def write_in_a_past_epoch(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryJournal, "_check_epoch", lambda self: None)


def end_on_the_hint(patch: pytest.MonkeyPatch) -> None:
    """``/commit-complete`` is taken at its word."""

    def complete(brands: ActiveBrands, *, brand: str, scope: str, batch_id: str | None = None) -> None:
        brands._require_serving()
        batch = brands._batches.pop((brand, scope), None)
        if batch is not None:
            brands._journal._store.end_run(batch.batch_id)  # type: ignore[attr-defined]

    patch.setattr(ActiveBrands, "commit_complete", complete)


def keep_what_is_over(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ActiveBrands, "_forget", lambda self, batch: None)
    patch.setattr(ActiveBrands, "_forget_unused", lambda self: None)


def take_any_count_at_a_second_start(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Batch, "require_count", lambda batch, expected_count: None)


def take_one_too_many(patch: pytest.MonkeyPatch) -> None:
    def learn(journal: MemoryJournal, batch_id: str, item: Any) -> bool:
        journal._check_epoch()
        journal._store.runs[batch_id].items.setdefault(item.item_id, ItemState.PENDING)
        return True

    patch.setattr(Batch, "may_learn", property(lambda batch: batch.learns))
    patch.setattr(MemoryJournal, "learn", learn)


def lease(journal: MemoryJournal, batch_id: str) -> int:
    """Whoever asks."""
    run = journal._store.runs[batch_id]
    run.state, run.fence = RunState.COMMITTING, run.fence + 1
    run.lease_until = journal._store.clock() + LEASE_SECONDS
    return run.fence


MUTATIONS: dict[Patch, set[str]] = {
    count_deliveries: {OFFERED},
    count_deliveries_and_believe_it: {OFFERED, ANSWER, I2},
    wait_for_what_failed: {OFFERED},
    never_commit_what_is_empty: {OFFERED},
    let_the_last_result_stand: {I4},
    ignore_the_batch_id: {ANSWER, OFFERED},
    ignore_the_scope: {ANSWER, BATCH},
    lease_what_is_leased: {ANSWER, I1},
    never_lease_again: {OFFERED},
    give_the_token_again: {TOKEN, COUNT_UP},
    forget_at_a_restart: {ANSWER, OFFERED, BATCH},
    take_a_late_result_for_a_new_run: {ANSWER, OPENS},
    serve_beside_another: {SERVES},
    write_in_a_past_epoch: {PAST},
    end_on_the_hint: {ENDS, I2},
    keep_what_is_over: {I5, "I5 nothing of an ended run stays in memory", "I5 nothing stays in memory"},
    take_any_count_at_a_second_start: {ANSWER},
    take_one_too_many: {ANSWER, I2},
}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_a_classic_bug_is_found(
    mutation: Patch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Mutants(RegistryMachine):
        steps: ClassVar[Counter[str]] = Counter()

    mutation(monkeypatch)

    with pytest.raises(ViolationError) as found:
        run_state_machine_as_test(Mutants, settings=CI_WALKS)

    assert found.value.rule in MUTATIONS[mutation]
    walks = Mutants.steps["examples"]
    tell(capsys, "L1", mutation=mutation.__name__, found_after_walks=walks, by=repr(found.value.rule))
