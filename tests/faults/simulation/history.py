"""The checker: what may never happen, seen at every COMMIT, and what must be true when everything is at rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.domain.run import ItemResult, ItemState, RunState
from core.messages import GATHER_QUEUE, URL_QUEUE, GatherMessage, UrlMessage, parse_message
from tests.fakes.memory_run_rows import ItemRow, RunRow
from tests.fakes.memory_run_store import MemoryRunStore, MemoryTransaction
from tests.faults.simulation.scheduler import Scheduler


class Row(NamedTuple):
    """What the record keeps of an item of a run."""

    batch_id: str
    item_id: str
    result: ItemResult


@dataclass
class History:
    """Watches a store. A broken rule ends the simulation."""

    scheduler: Scheduler
    store: MemoryRunStore
    readings: Counter[str] = field(default_factory=Counter)  # run → how often somebody began to read it
    read: Counter[str] = field(default_factory=Counter)  # run → how often it became read
    overdue: int = 0

    def __post_init__(self) -> None:
        self.store.on_commit = self.committing

    # --- at every COMMIT

    def committing(self, transaction: MemoryTransaction) -> None:
        """Look at what a transaction is about to change."""
        for key, item in transaction.writes.get("run_item", {}).items():
            self._item(key, self.store.tables["run_item"].get(key), item)
        for batch_id, run in transaction.writes.get("run", {}).items():
            self._run(transaction, self.store.tables["run"].get(batch_id), run)
        self._record(transaction)
        if "outbox" in transaction.writes:
            self.scheduler.notify("outbox")

    def _item(self, key: tuple[str, str], old: ItemRow | None, new: ItemRow) -> None:
        if old is not None and old.result is not None and old.result != new.result:
            self.fail(f"the result of {_short(*key)} was replaced")
        if new.result is None or (old is not None and old.result is not None):
            return
        if new.result.facts.get("batch", key[0]) != key[0]:
            self.fail(f"{_short(*key)} got a result of run {new.result.facts['batch'][:6]}")
        if new.result.reason == "no result before the run's deadline":
            self.overdue += 1

    def _run(self, transaction: MemoryTransaction, old: RunRow | None, new: RunRow) -> None:
        name = new.run.batch_id[:6]
        if old is None:
            if new.run.learns:
                self.fail(f"run {name} was opened by nobody's message")
            return
        if not old.is_active and new.state is not old.state:
            self.fail(f"run {name} was {old.state} and became {new.state}")
        if new.run.fence != old.run.fence:
            self._leased(transaction, old, new)
        if new.state is RunState.CANCELLED and self._wanted_by(new):
            self.fail(f"run {name} was cancelled although {self._wanted_by(new)} wait for it")
        if new.ai_fence != old.ai_fence:
            is_living = old.run.ai_state == "running" and old.ai_lease_until >= transaction.now
            if is_living or old.run.ai_state == "done":
                self.fail(f"the reading of run {name} was claimed a second time")
        if new.run.ai_state == "done" != old.run.ai_state:
            self.read[new.run.batch_id] += 1

    def _leased(self, transaction: MemoryTransaction, old: RunRow, new: RunRow) -> None:
        name = new.run.batch_id[:6]
        if old.state is RunState.COMMITTING and old.lease_until >= transaction.now:
            self.fail(f"two leases on run {name} live at once")
        if any(item.result is None for item in self._items(new.run.batch_id, transaction).values()):
            self.fail(f"run {name} was leased before its last result")

    def _record(self, transaction: MemoryTransaction) -> None:
        rows: list[Row] = transaction.connection
        for batch_id in {row.batch_id: None for row in rows}:
            old, new = self.store.tables["run"].get(batch_id), transaction.writes.get("run", {}).get(batch_id)
            if old is None or new is None or old.state is new.state or new.state is not RunState.COMMITTED:
                self.fail(f"the record of run {batch_id[:6]} was written without closing it")
        for batch_id, new in transaction.writes.get("run", {}).items():
            old = self.store.tables["run"].get(batch_id)
            if new.state is RunState.COMMITTED and old is not None and old.state is not RunState.COMMITTED:
                self._is_whole(transaction, batch_id, [row for row in rows if row.batch_id == batch_id])

    def _is_whole(self, transaction: MemoryTransaction, batch_id: str, rows: list[Row]) -> None:
        items = self._items(batch_id, transaction)
        written = Counter(row.item_id for row in rows)
        if set(written) != set(items):
            lost, more = sorted(set(items) - set(written)), sorted(set(written) - set(items))
            self.fail(f"run {batch_id[:6]} was committed without {lost} and with {more}")
        if doubled := [item for item, count in written.items() if count > 1]:
            self.fail(f"run {batch_id[:6]} was committed with {doubled} twice")
        for row in rows:
            stored = items.get(row.item_id)
            if stored is not None and stored.result != row.result:
                self.fail(f"{_short(batch_id, row.item_id)} was committed with another result than the first")

    # --- what workers report

    def acknowledged(self, batch_id: str, item_id: str) -> None:
        """A submit was answered: the result is stored, or the run is over."""
        run, item = self._run_and_item(batch_id, item_id)
        if run is None or item is None or (item.result is None and run.is_active):
            self.fail(f"the result of {_short(batch_id, item_id)} was acknowledged and isn't stored")

    def deleted(self, queue: str, body: str) -> None:
        """The last copy of a message is gone: nobody needs it any more."""
        if any(body == waiting for _, waiting in self.store.tables["outbox"].values()):
            return
        if queue.startswith(URL_QUEUE):
            message = parse_message(UrlMessage, body)
            run, item = self._run_and_item(str(message.batch_id), str(message.item_id))
            if run and run.is_active and item and item.result is None:
                self.fail(
                    f"the last message of {_short(run.run.batch_id, item.item.item_id)} was deleted without a result"
                )
        elif queue.startswith(GATHER_QUEUE):
            request_id = parse_message(GatherMessage, body).request_id
            if request_id is not None and self._is_waiting(request_id):
                self.fail(f"the last message of {request_id} was deleted, and it hangs on no run")

    def reading(self, batch_id: str) -> None:
        """Somebody begins to read a run: that costs money."""
        self.readings[batch_id] += 1
        if self.readings[batch_id] > self.store.tables["run"][batch_id].ai_fence:
            self.fail(f"run {batch_id[:6]} is read without a claim")

    # --- at rest

    def unsettled(self) -> Iterator[str]:
        """What isn't over yet."""
        for batch_id, row in self.store.tables["run"].items():
            if row.is_active:
                yield f"run {batch_id[:6]} of {row.run.brand_slug} is {row.state}: {self._counts(batch_id)}"
            if row.state is RunState.COMMITTED and row.run.ai_state != "done":
                yield f"run {batch_id[:6]} is committed and its reading {row.run.ai_state}"
        if self.store.tables["outbox"]:
            yield f"{len(self.store.tables['outbox'])} messages in the outbox"
        for request_id in self.store.tables["request"]:
            if self._is_waiting(request_id):
                yield f"{request_id} hangs on no run"

    def check_the_end(self) -> None:
        """What must be true when nothing moves any more."""
        rows = Counter((row.batch_id, row.item_id) for row in self.store.record)
        for batch_id, run in self.store.tables["run"].items():
            if run.state is not RunState.COMMITTED:
                continue
            items = self._items(batch_id)
            found = {item_id: count for (batch, item_id), count in rows.items() if batch == batch_id}
            if found != dict.fromkeys(items, 1):
                self.fail(f"the record of run {batch_id[:6]} holds {found} for {sorted(items)}")
            if self.read[batch_id] != 1:
                self.fail(f"run {batch_id[:6]} became read {self.read[batch_id]} times")
        for request_id, status in self.store.tables["request"].items():
            if status != "cancelled" and self._newest(request_id).state is RunState.CANCELLED:
                self.fail(f"{request_id} waits for a run that was cancelled")

    def fail(self, rule: str) -> None:
        """A rule is broken."""
        self.scheduler.fail(rule)

    def _is_waiting(self, request_id: str) -> bool:
        """Whether a wanted request hangs on no run yet."""
        linked = {request for request, _ in self.store.tables["request_run"]}
        return self.store.tables["request"][request_id] != "cancelled" and request_id not in linked

    def _run_and_item(self, batch_id: str, item_id: str) -> tuple[RunRow | None, ItemRow | None]:
        return self.store.tables["run"].get(batch_id), self.store.tables["run_item"].get((batch_id, item_id))

    def _newest(self, request_id: str) -> RunRow:
        runs = [
            self.store.tables["run"][batch]
            for request, batch in self.store.tables["request_run"]
            if request == request_id
        ]
        newest: RunRow = max(runs, key=lambda row: row.created_at)
        return newest

    def _wanted_by(self, run: RunRow) -> list[str]:
        linked = [request for request, batch in self.store.tables["request_run"] if batch == run.run.batch_id]
        return [request for request in linked if self.store.tables["request"][request] != "cancelled"]

    def _items(self, batch_id: str, transaction: MemoryTransaction | None = None) -> dict[str, ItemRow]:
        rows: Any = self.store.tables["run_item"] if transaction is None else transaction.rows("run_item")
        return {item: row for (batch, item), row in rows.items() if batch == batch_id}

    def _counts(self, batch_id: str) -> dict[str, int]:
        states = Counter(str(item.state) for item in self._items(batch_id).values())
        return {str(state): states[state] for state in ItemState if states[state]}


def _short(batch_id: str, item_id: str) -> str:
    return f"item {item_id[:6]} of run {batch_id[:6]}"
