"""Random walks through the shipped registry over a store in memory: two processes, a moved clock, workers that die.

After every step the store, the memory and every answer are held against ``registry_model.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core.domain.run import ItemResult, ItemState, RunState
from registry.active_brands import Answer
from tests.fakes.memory_journal import LEASE_SECONDS
from tests.faults.registry_model import CONFLICT, Key, ModelRun
from tests.faults.registry_world import KEYS, Process, RegistryWorld, name_of, pick, require, start

ITEMS = "abcdef"
keys = st.sampled_from(KEYS)
items = st.sampled_from(ITEMS)
states = st.sampled_from([ItemState.OK, ItemState.FAILED])
any_number = st.integers(0, 50)
process_numbers = st.integers(0, 1)
elsewhere = st.sampled_from([False] * 5 + [True])  # now and then the process that isn't the registry is asked


def step(**strategies: Any) -> Callable[[Callable[..., None]], Any]:
    """A rule whose steps are counted."""

    def decorate(function: Callable[..., None]) -> Any:
        @rule(**strategies)
        @wraps(function)
        def counted(self: RegistryMachine, *given: Any, **values: Any) -> None:
            self.steps["steps"] += 1
            self.steps[f"rule {function.__name__}"] += 1
            function(self, *given, **values)

        return counted

    return decorate


class RegistryMachine(RegistryWorld):
    """Rules are what clients, committers, sweeps and faults do; ``steps`` counts them over all examples."""

    @step(seconds=st.sampled_from([0.5, 2, LEASE_SECONDS / 2, LEASE_SECONDS, LEASE_SECONDS + 1]))
    def tick(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.model.now = self.clock()
        for number in range(2):
            self.look(number)

    @step(
        kind=st.sampled_from(["look", "lose connection", "be taken over", "restart", "let go"]), number=process_numbers
    )
    def change_of_registry(self, kind: str, number: int) -> None:
        """One rule for all of it: else a walk would do little besides."""
        self.steps[kind] += 1
        match kind:
            case "lose connection":
                self.lose_connection()
            case "be taken over":  # it freezes or is cut off, and wakes up when it is asked or looks again
                self.lose_connection()
                self.look(1 - self.current())
            case "restart":
                if self.holder == number:
                    self.lose_connection()
                self.processes[number] = Process(self.store)
                self.look(number)
            case "let go":
                self.processes[number].brands.let_go()
                self.processes[number].epoch = None
                self.holder = -1 if self.holder == number else self.holder
            case _:
                self.look(number)

    def lose_connection(self) -> None:
        if self.holder >= 0:
            self.processes[self.holder].journal.lose_connection()
            self.holder = -1

    # --- clients

    @step(key=keys, expected=st.integers(0, 3), elsewhere=elsewhere)
    def start(self, key: Key, expected: int, elsewhere: bool) -> None:
        outcome = self.ask(key, elsewhere, lambda brands: start(brands, key, expected))
        if outcome is None:
            return
        if self.model.active(key) is None and isinstance(outcome, Answer):
            self.model.add(ModelRun(outcome.batch_id, key, expected, learns=True))
        self.check(outcome, self.model.start(key, expected, None))

    @step(key=keys, sealed=st.frozensets(items), started=st.booleans())
    def open_sealed(self, key: Key, sealed: frozenset[str], started: bool) -> None:
        """Gather stores a manifest, and tells the registry (or dies before it does)."""
        if self.model.active(key) is not None:
            return
        batch_id = f"run-{len(self.store.runs)}"
        self.store.open_run(batch_id, sorted(sealed), brand=key[0], scope=key[1])
        self.model.add(ModelRun(batch_id, key, len(sealed), set(sealed)))
        if started:
            self.start_again(key, 0, with_id=True, elsewhere=False)

    @step(key=keys, more=st.integers(-1, 1), with_id=st.booleans(), elsewhere=elsewhere)
    def start_again(self, key: Key, more: int, with_id: bool, elsewhere: bool) -> None:
        run = self.model.active(key)
        if run is None or run.expected + more < 0:
            return
        expected, batch_id = run.expected + more, run.batch_id if with_id else None
        outcome = self.ask(key, elsewhere, lambda brands: start(brands, key, expected, batch_id))
        if outcome is None:
            return
        if name_of(outcome) == CONFLICT:
            require(getattr(outcome, "batch_id", "") == run.batch_id, "a conflict names the active batch", str(outcome))
        self.check(outcome, self.model.start(key, expected, batch_id))

    @step(key=keys, number=any_number, own=st.booleans())
    def start_of_another(self, key: Key, number: int, own: bool) -> None:
        """A batch that is over, of another brand, or that nobody knows."""
        batch_id, key = self.any_batch(number, key, own)
        run = self.model.runs.get(batch_id)
        if run is not None and run.key == key and not run.over:
            return
        outcome = self.ask(key, False, lambda brands: start(brands, key, 1, batch_id))
        if outcome is not None:
            self.check(outcome, self.model.start(key, 1, batch_id))

    @step(key=keys, item=items, state=states, elsewhere=elsewhere)
    def submit(self, key: Key, item: str, state: ItemState, elsewhere: bool) -> None:
        run = self.model.active(key)
        if run is not None:
            self.submit_to(key, item, state, run.batch_id, elsewhere)

    @step(key=keys, item=items, state=states)
    def submit_a_bare_body(self, key: Key, item: str, state: ItemState) -> None:
        run = self.model.active(key)
        if run is None or run.was_started:  # the specification's workers submit after their start
            self.submit_to(key, item, state, None, False)

    @step(key=keys, number=any_number, own=st.booleans(), item=items, state=states)
    def submit_late(self, key: Key, number: int, own: bool, item: str, state: ItemState) -> None:
        """From an earlier batch, of another brand, or from nowhere."""
        batch_id, key = self.any_batch(number, key, own)
        self.submit_to(key, item, state, batch_id, False)

    @precondition(lambda self: self.model.runs)
    @step(number=any_number, item_number=any_number, state=states, elsewhere=elsewhere)
    def submit_a_duplicate(self, number: int, item_number: int, state: ItemState, elsewhere: bool) -> None:
        run = pick(list(self.model.runs.values()), number)
        if run.results:
            self.submit_to(run.key, pick(sorted(run.results), item_number), state, run.batch_id, elsewhere)

    @step(key=keys, state=states)
    def submit_all_but_one(self, key: Key, state: ItemState) -> None:
        run = self.model.active(key)
        for item in sorted(run.known - set(run.results))[:-1] if run else ():
            self.submit_to(key, item, state, run.batch_id, False)

    @step(key=keys)
    def results(self, key: Key) -> None:
        run = self.model.active(key)
        if run is None or not run.was_started:
            return
        outcome = self.ask(key, False, lambda brands: list(brands.results(brand=key[0], scope=key[1])))
        if outcome is None:
            return
        require(isinstance(outcome, list), "results of an active brand are shown", str(outcome))
        shown = {result.item_id: result.state.value for result in outcome}
        require(shown == run.results, "results are the first of each item", f"{shown}, not {run.results}")

    # --- committers and sweeps

    @precondition(lambda self: self.leases)
    @step(number=any_number)
    def commit(self, number: int) -> None:
        """The store flips the run for the newest token only."""
        batch_id, token = self.leases.pop(number % len(self.leases))
        stored, run = self.store.runs[batch_id], self.model.runs[batch_id]
        if stored.state is RunState.COMMITTING and stored.fence == token:
            require(token == run.fence and not run.over, "the store and the model agree on the newest token", batch_id)
            self.store.end_run(batch_id)
            run.over = True
            self.steps["committed"] += 1

    @precondition(lambda self: self.leases)
    @step(number=any_number)
    def crash_of_a_committer(self, number: int) -> None:
        batch_id, token = self.leases.pop(number % len(self.leases))
        self.steps[f"crashed with {'the' if token == self.model.runs[batch_id].fence else 'a past'} token"] += 1

    @precondition(lambda self: self.leases)
    @step(number=any_number, state=states)
    def redelivery_after_a_crash(self, number: int, state: ItemState) -> None:
        """A committer dies; when its lease has lapsed, its message comes again."""
        batch_id, _ = self.leases.pop(number % len(self.leases))
        self.tick(LEASE_SECONDS + 1)
        run = self.model.runs[batch_id]
        for item in sorted(run.results)[:1]:
            self.submit_to(run.key, item, state, batch_id, False)

    @precondition(lambda self: self.leases)
    @step(number=any_number)
    def extend_a_lease(self, number: int) -> None:
        batch_id, token = pick(self.leases, number)
        run = self.model.runs[batch_id]
        if token == run.fence and not run.over:
            self.store.runs[batch_id].lease_until = run.lease_until = self.clock() + LEASE_SECONDS

    @step(key=keys, number=any_number, with_id=st.booleans(), elsewhere=elsewhere)
    def commit_complete(self, key: Key, number: int, with_id: bool, elsewhere: bool) -> None:
        """Right, wrong, too early, twice."""
        batch_id = pick([*self.model.runs, "unknown"], number) if with_id else None
        outcome = self.ask(
            key, elsewhere, lambda brands: brands.commit_complete(brand=key[0], scope=key[1], batch_id=batch_id) or 0
        )
        if outcome is not None:
            require(outcome == 0, "the hint is always taken", str(outcome))
            run = self.model.active(key)
            if run is not None and run.learns and run.fence and batch_id in (None, run.batch_id):
                run.over = True  # its caller has committed it
            left = self.processes[self.current()].brands._batches.get(key)
            is_told = left is not None and batch_id in (None, left.batch_id) and self.model.runs[left.batch_id].over
            require(not is_told, "I5 nothing of an ended run stays in memory", str(left))

    @step(key=keys)
    def sweep_of_overdue_items(self, key: Key) -> None:
        run = self.model.active(key)
        if run is None or not run.is_open or run.is_complete:
            return
        stored = self.store.runs[run.batch_id]
        if run.learns:
            stored.expected_count = run.expected = len(run.known)
        for item in run.known - set(run.results):
            stored.items[item] = ItemState.FAILED
            stored.results.append(ItemResult(item, "", ItemState.FAILED))
            run.results[item] = ItemState.FAILED
        run.changed_unheard = True

    @step(key=keys)
    def sweep_of_lapsed_commits(self, key: Key) -> None:
        run = self.model.active(key)
        if run is not None and self.model.is_leasable(run):
            stored = self.store.runs[run.batch_id]
            stored.state, stored.fence = RunState.COMMITTING, stored.fence + 1
            stored.lease_until = self.clock() + LEASE_SECONDS
            run.changed_unheard = True
            self.take_lease(run, stored.fence)

    # --- every run comes to its end

    def teardown(self) -> None:
        """Workers go on, nothing fails any more: every run is committed once and nothing stays in memory."""
        if sys.exc_info()[0] is not None:
            return  # a step has failed: what follows from it must not hide it
        self.tick(LEASE_SECONDS + 1)
        for run in [run for run in self.model.runs.values() if not run.over]:
            self._complete(run)
        self.tick(LEASE_SECONDS + 1)
        for process in self.processes:
            require(not process.brands._batches, "I5 nothing stays in memory", str(process.brands._batches))
        self.i2_what_is_committed_is_what_was_sealed()

    def _complete(self, run: ModelRun) -> None:
        if run.learns:
            unknown = [item for item in ITEMS if item not in run.known]
            run_items = sorted(run.known) + unknown[: run.expected - len(run.known)]
        else:
            run_items = sorted(run.known)
        for item in run_items:
            self.submit_to(run.key, item, ItemState.OK, run.batch_id, False)
        self.sweep_of_lapsed_commits(run.key)
        while self.leases:
            self.commit(0)
        require(run.over, "every run comes to its end", f"{run.batch_id}: {run.results} of {run.expected}")
