"""Bugs put back into the shipped code, to see that the simulation sees them.

Where two walls stand against a bug, both are taken down: the docstring names them. A wall of the store is taken down
in the memory's twin of PostgreSQL's, for that is the store that is simulated.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from core.domain.run import ACTIVE_STATES, ItemState, RunState
from core.errors import RetryableError, StaleError
from core.messages import AI_QUEUE, URL_QUEUE, AiPhaseMessage
from core.pipeline import gather, relay
from core.pipeline.ai_phase import AiPhase
from core.pipeline.commit import Committer
from core.pipeline.gather import Gatherer
from core.pipeline.sweep import Sweeper
from daemon.consumer import Consumer
from daemon.handlers.acquire import AcquireHandler
from registry.active_brands import ActiveBrands, Answer
from registry.batch import Batch
from tests.fakes import memory_runs
from tests.fakes.memory_items import MemoryItems
from tests.fakes.memory_run_rows import RunRow, items_of
from tests.fakes.memory_runs import MemoryLeases, MemoryRuns

Patches = Iterator[Any]


@dataclass(frozen=True)
class Mutation:
    """A bug by the name it has in the failure modes."""

    name: str
    bug: str
    patches: Callable[[], Patches]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The bug is in the code meanwhile."""
        with ExitStack() as stack:
            for change in self.patches():
                stack.enter_context(change)
            yield


MUTATIONS: list[Mutation] = []


def _mutation(name: str, bug: str) -> Callable[[Callable[[], Patches]], Callable[[], Patches]]:
    def put(patches: Callable[[], Patches]) -> Callable[[], Patches]:
        MUTATIONS.append(Mutation(name, bug, patches))
        return patches

    return put


def _nothing(*_: Any, **__: Any) -> int:
    return 0


def _never_overdue() -> Any:
    """Without the deadline, which in the end fails whatever was lost."""
    return patch.object(MemoryItems, "close_overdue", _nothing)


def _never_taken_over() -> Any:
    """Without the sweep that takes lapsed leases."""
    return patch.object(Sweeper, "take_lapsed_commits", _nothing)


class _WithoutOutbox:
    """A transaction that forgets what is put into its outbox."""

    add = staticmethod(_nothing)

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return self if name == "outbox" else getattr(self._store, name)


# --- counting -----------------------------------------------------------------------------------------


@_mutation("A", "a plain counter instead of the set of ids")
def _plain_counter() -> Patches:
    """Walls: the registry's set, and the store's."""
    counts: Counter[str | None] = Counter()
    submit = ActiveBrands.submit

    def counting(self: ActiveBrands, *, batch_id: str | None = None, **given: Any) -> Answer:
        counts[batch_id] += 1
        return submit(self, batch_id=batch_id, **given)

    yield patch.object(ActiveBrands, "submit", counting)
    yield patch.object(Batch, "is_complete", property(lambda self: counts[self.batch_id] >= self.expected_count))
    yield patch.object(memory_runs, "is_complete", lambda _, row: counts[row.run.batch_id] >= row.run.expected_count)


@_mutation("B", "a failed item isn't terminal")
def _failed_is_not_terminal() -> Patches:
    """Walls: the registry's set, and the store's."""

    def all_ok(tx: Any, row: RunRow) -> bool:
        return all(item.state is ItemState.OK for item in items_of(tx, row.run.batch_id).values())

    yield patch.object(
        Batch, "is_complete", property(lambda self: all(state is ItemState.OK for state in self.items.values()))
    )
    yield patch.object(memory_runs, "is_complete", all_ok)


@_mutation("B'", "what nobody could acquire is never submitted")
def _failed_is_never_submitted() -> Patches:
    """Walls: giving up submits the item as failed, and the run's deadline."""
    yield patch.object(AcquireHandler, "give_up", _nothing)
    yield _never_overdue()


@_mutation("D", "a run without items never offers its commit")
def _empty_runs_wait() -> Patches:
    """Walls: /start offers it, and the sweep takes what is complete and untold."""
    start, lapsed = ActiveBrands.start, MemoryRuns.lapsed_commits

    def without_offer(self: ActiveBrands, *, expected_count: int, batch_id: str | None = None, **given: Any) -> Answer:
        if expected_count == 0:
            return Answer(str(batch_id), should_commit=False)
        return start(self, expected_count=expected_count, batch_id=batch_id, **given)

    def only_leased(self: MemoryRuns) -> list[str]:
        return [batch for batch in lapsed(self) if self.tx.get("run", batch).state is RunState.COMMITTING]

    yield patch.object(ActiveBrands, "start", without_offer)
    yield patch.object(MemoryRuns, "lapsed_commits", only_leased)


@_mutation("5", "URL messages are sent outside the manifest's transaction")
def _messages_after_the_manifest() -> Patches:
    """Walls: the one transaction, and the run's deadline."""
    open_run, open_ = gather.open_run, Gatherer._open
    held: dict[str, list[str]] = {}

    def without_messages(store: Any, new: Any, manifest: Any, *, request_id: str | None) -> None:
        held[new.batch_id] = [
            gather.url_message(
                item, brand=new.brand_slug, scope=new.scope, batch_id=new.batch_id, request_id=request_id
            )
            for item in manifest.items.values()
        ]
        open_run(_WithoutOutbox(store), new, manifest, request_id=request_id)  # type: ignore[arg-type]

    def messages_afterwards(self: Gatherer, message: Any, gather_key: str) -> Any:
        run = open_(self, message, gather_key)
        with self.runs.transaction() as store:
            store.outbox.add(URL_QUEUE, held.pop(run.batch_id, []))
        return run

    yield patch.object(gather, "open_run", without_messages)
    yield patch.object(Gatherer, "_open", messages_afterwards)
    yield _never_overdue()


@_mutation("7", "batch_id is ignored: results of an earlier run are mixed in")
def _any_batch() -> Patches:
    submit = ActiveBrands.submit

    def ignoring(self: ActiveBrands, *, batch_id: str | None = None, **given: Any) -> Answer:
        return submit(self, batch_id=None, **given)

    yield patch.object(ActiveBrands, "submit", ignoring)


@_mutation("13/20", "a submit after the run was forgotten opens a new one")
def _reopens() -> Patches:
    submit = ActiveBrands.submit

    def reopening(self: ActiveBrands, *, brand: str, scope: str, **given: Any) -> Answer:
        try:
            return submit(self, brand=brand, scope=scope, **given)
        except StaleError:
            self._journal.open_learning(brand, scope, 1)
            return submit(self, brand=brand, scope=scope, **given | {"batch_id": None})

    yield patch.object(ActiveBrands, "submit", reopening)


# --- the commit ---------------------------------------------------------------------------------------


@_mutation("C", "the AI message is sent after the commit")
def _message_after_the_commit() -> Patches:
    """Walls: the outbox in the commit's transaction, and the sweep for forgotten readings."""
    commit = Committer._commit

    class Without:
        def __init__(self, runs: Any) -> None:
            self._runs = runs

        @contextmanager
        def transaction(self, scope: str | None = None) -> Iterator[Any]:
            with self._runs.transaction(scope) as store:
                yield _WithoutOutbox(store)

    def then_send(self: Committer, batch_id: str, token: int) -> dict[str, Any]:
        runs: Any = Without(self.runs)
        ledger = commit(Committer(runs, self.write, self.lease_seconds, self.repeat), batch_id, token)
        run = self._run(batch_id)
        message = AiPhaseMessage(brand=run.brand_slug, scope=run.scope, batch_id=batch_id)
        with self.runs.transaction() as store:
            store.outbox.add(AI_QUEUE, [message.to_body()])
        return ledger

    yield patch.object(Committer, "_commit", then_send)
    yield patch.object(Sweeper, "send_forgotten_ai_phases", _nothing)


@_mutation("8", "a lease is granted without a look at the living one")
def _leases_side_by_side() -> Patches:
    """Walls: the registry's memory of the lease, and the store's row."""
    init = ActiveBrands.__init__

    def forgetful(self: ActiveBrands, journal: Any, **given: Any) -> None:
        init(self, journal, **given | {"lease_seconds": 0.0})

    yield patch.object(ActiveBrands, "__init__", forgetful)
    yield patch.object(MemoryLeases, "_is_free", lambda _, row: row.state in ACTIVE_STATES)


@_mutation("9", "lapsed leases are never taken over")
def _lapsed_leases_stay() -> Patches:
    yield _never_taken_over()


@_mutation("9'", "the message of the last result is deleted before the commit is known")
def _deleted_before_the_commit() -> Patches:
    """Walls: the message comes again, and the sweep."""
    waiting: defaultdict[int, list[tuple[str, int]]] = defaultdict(list)
    poll_once = Consumer.poll_once

    def submit_only(self: AcquireHandler, body: Any, result: Any) -> None:
        batch_id, token = self.registry.submit(
            brand=body.brand, scope=body.scope, batch_id=body.batch_id, result=result
        )
        if token is not None:
            waiting[id(self)].append((batch_id, token))

    def then_commit(self: Consumer) -> Any:
        counts = poll_once(self)
        for batch_id, token in waiting.pop(id(self.handler), []):
            self.handler.committer.commit(batch_id, token=token)  # type: ignore[attr-defined]
        return counts

    yield patch.object(AcquireHandler, "_submit", submit_only)
    yield patch.object(Consumer, "poll_once", then_commit)
    yield _never_taken_over()


@_mutation("10", "the fence isn't checked when a run is closed")
def _no_fence() -> Patches:
    """The whole clause goes: a state that says "committing" is half of the fence."""
    yield patch.object(memory_runs, "holds_lease", lambda _row, _token: True)


@_mutation("11", "an ambiguous commit is tried again blindly")
def _blind_retry() -> Patches:
    """Walls: the run is read first, and a committed run isn't closed again."""

    def again(self: Committer, batch_id: str, *, token: int) -> dict[str, Any]:
        try:
            return self._commit(batch_id, token)
        except RetryableError:
            return self._commit(batch_id, token)

    yield patch.object(Committer, "commit", again)
    yield patch.object(memory_runs, "holds_lease", lambda row, token: row.run.fence == token)


# --- messages -----------------------------------------------------------------------------------------


@_mutation("12", "the relay deletes before it sends")
def _delete_then_send() -> Patches:
    def send_outbox(runs: Any, queue: Any) -> int:
        with runs.transaction() as store:
            taken = store.outbox.take(limit=500)
            store.outbox.delete([number for number, _, _ in taken])
        for _, name, body in taken:
            queue.send_batch(name, [body])
        return len(taken)

    yield patch.object(relay, "send_outbox", send_outbox)


@_mutation("14", "the AI phase isn't claimed")
def _unclaimed() -> Patches:
    def read(self: AiPhase, batch_id: str, read: Any) -> int:
        with self.runs.transaction() as store:
            run = store.runs.find(batch_id)
        count: int = read(run, lambda: None)
        self.give_up(batch_id)
        return count

    yield patch.object(AiPhase, "read", read)


@_mutation("18", "a message is deleted although its submit wasn't acknowledged")
def _deleted_without_an_answer() -> Patches:
    """Walls: the message comes again, and the run's deadline."""
    submit = AcquireHandler._submit

    def careless(self: AcquireHandler, body: Any, result: Any) -> None:
        try:
            submit(self, body, result)
        except RetryableError:
            return

    yield patch.object(AcquireHandler, "_submit", careless)
    yield _never_overdue()


@_mutation("cancel", "a run is cancelled although another request waits for it")
def _cancelled_for_all() -> Patches:
    yield patch.object(MemoryRuns, "_is_wanted", lambda _, row: row.state is not RunState.OPEN)
