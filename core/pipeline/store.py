"""What the pipeline asks of its store, by noun. PostgreSQL is its home; a simulator has one in memory.

Both pass ``tests/contract/test_run_store.py``. Everything inside one ``transaction`` happens or doesn't; time is the
store's own, so that no two machines disagree about a lease.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from core.domain.run import Item, ItemResult, ItemState, Run

if TYPE_CHECKING:
    from core.adapters.postgres.engine import Connection


@dataclass(frozen=True, slots=True)
class NewRun:
    """What gather knows when it opens a run."""

    batch_id: str
    scope: str
    brand_slug: str
    expected_count: int
    gather_key: str
    source: Mapping[str, Any]


class Runs(Protocol):
    """The runs: at most one active per (brand, scope)."""

    def find(self, batch_id: str) -> Run | None:
        """One run, over or not."""
        ...

    def of_gather(self, gather_key: str) -> Run | None:
        """The run that a gather message opened."""
        ...

    def active(self, *, brand_slug: str, scope: str, to_join: bool = False) -> Run | None:
        """The run of (brand, scope) that isn't over; ``to_join``: it can't be cancelled before the transaction ends."""
        ...

    def all_active(self) -> list[Run]:
        """Every run that isn't over: what a starting registry must know."""
        ...

    def insert(self, run: NewRun) -> None:
        """Open a run. Raises ConflictError when the (brand, scope) has an active one."""
        ...

    def insert_failed(self, run: NewRun, *, error: str) -> None:
        """Record a run that could not be gathered, so that its requests end; nothing if the gather has a run."""
        ...

    def keep(self, batch_id: str) -> None:
        """A message without a request asks for the run, too: from now on nobody may cancel it."""
        ...

    def close(self, batch_id: str, *, token: int, ledger: Mapping[str, Any]) -> bool:
        """Flip a run to committed, its AI phase due, if the token still holds its lease."""
        ...

    def abandon(self, batch_id: str, *, token: int, error: str) -> bool:
        """End a run whose commit fails again and again, if the token still holds its lease."""
        ...

    def cancel_unwanted(self) -> list[str]:
        """End the open runs that only cancelled requests asked for; returns their ids."""
        ...

    def lapsed_commits(self) -> list[str]:
        """Complete runs that nobody commits: the committer died, or was never told."""
        ...

    def forgotten_ai_phases(self, *, older_than_seconds: int) -> list[Run]:
        """Committed runs whose AI phase nobody works on, each once per ``older_than_seconds``."""
        ...


class Items(Protocol):
    """The manifest of a run: its records and its items with their results."""

    def insert_manifest(
        self,
        batch_id: str,
        scope: str,
        records: Iterable[tuple[str, dict[str, Any], Sequence[str]]],
        items: Iterable[Item],
    ) -> None:
        """Store (ad_id, record, item ids) in order, and the distinct items, pending."""
        ...

    def states(self, batch_id: str) -> dict[str, ItemState]:
        """item_id → state."""
        ...

    def learn(self, batch_id: str, item: Item) -> bool:
        """Add an item to a run without a manifest, or find it there; False when the run is full or not open."""
        ...

    def record(self, batch_id: str, result: ItemResult, *, epoch: int) -> bool:
        """Write the first result of an item; False if it had one, the run isn't open, or the epoch is past."""
        ...

    def results(self, batch_id: str) -> Iterator[ItemResult]:
        """The results so far, streamed."""
        ...

    def records(self, batch_id: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """The manifest in its order, streamed."""
        ...

    def close_overdue(self, *, deadline_seconds: int) -> int:
        """Fail the pending items of runs without progress for so long; returns how many."""
        ...

    def failed_media(self, batch_id: str) -> list[Item]:
        """The media of a run that could not be had."""
        ...

    def clear(self, batch_id: str) -> None:
        """Forget records and embeddings of a committed run; its items stay as the tombstone."""
        ...


class Leases(Protocol):
    """Who may commit a run: a fencing token for a while."""

    def grant(self, batch_id: str, *, lease_seconds: float) -> int | None:
        """A new token, or None while a lease lives, a result is missing or the run is over."""
        ...

    def extend(self, batch_id: str, *, token: int, lease_seconds: float) -> bool:
        """Keep the lease from now on; False when it isn't this token's any more."""
        ...

    def release(self, batch_id: str, *, token: int) -> None:
        """Give the lease up before its time, so that another can try at once."""
        ...


class AiPhases(Protocol):
    """Who reads a committed run's content: a fencing token for a while."""

    def claim(self, batch_id: str, *, lease_seconds: float) -> int | None:
        """A new token, or None when the run is read or somebody reads it."""
        ...

    def extend(self, batch_id: str, *, token: int, lease_seconds: float) -> bool:
        """Keep the claim from now on; False when it isn't this token's any more."""
        ...

    def release(self, batch_id: str, *, token: int) -> None:
        """Give an unfinished claim back; nothing if it isn't this token's."""
        ...

    def finish(self, batch_id: str, *, token: int | None) -> bool:
        """The content is read, if the token still holds the claim. ``None``: nobody will read it, whoever tries."""
        ...


class Outbox(Protocol):
    """Messages stored together with their cause; the relay sends them."""

    def add(self, queue: str, bodies: Iterable[str]) -> int:
        """Store bodies; returns how many."""
        ...

    def take(self, *, limit: int, without: Collection[str] = ()) -> list[tuple[int, str, str]]:
        """Lock (id, queue, body) of unsent messages, oldest first, until the transaction ends; not of some queues."""
        ...

    def delete(self, ids: Sequence[int]) -> None:
        """Forget messages that were sent."""
        ...


class Requests(Protocol):
    """The callers' handles that hang on runs."""

    def link(self, *, request_id: str, batch_id: str) -> None:
        """Hang a request on a run; repeated links and unknown requests change nothing."""
        ...

    def run_of(self, request_id: str, *, brand_slug: str, scope: str) -> Run | None:
        """The newest run of the (brand, scope) on which the request hangs."""
        ...

    def is_wanted(self, request_id: str) -> bool:
        """False once it was cancelled. A request nobody stored is wanted: a message of the specification has none."""
        ...


class Brands(Protocol):
    """Brands by any of their names."""

    def find(self, *, scope: str, name: str) -> str | None:
        """The slug, or None where nobody has met the name."""
        ...

    def resolve(self, *, scope: str, name: str, aliases: Sequence[str] = ()) -> str:
        """The slug; made where it is new."""
        ...


class DeadLetters(Protocol):
    """What no worker could handle."""

    def file(
        self,
        *,
        scope: str,
        queue: str,
        message_id: str,
        body: str,
        reason: str,
        batch_id: str | None,
        item_id: str | None,
    ) -> None:
        """Keep it with the reason, once per message of a queue."""
        ...


class Transaction(Protocol):
    """One transaction, by noun. ``connection`` carries the record's own tables in the same transaction."""

    @property
    def runs(self) -> Runs: ...
    @property
    def items(self) -> Items: ...
    @property
    def leases(self) -> Leases: ...
    @property
    def ai_phases(self) -> AiPhases: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def requests(self) -> Requests: ...
    @property
    def brands(self) -> Brands: ...
    @property
    def dead_letters(self) -> DeadLetters: ...
    @property
    def connection(self) -> Connection: ...
    @property
    def epoch(self) -> int:
        """The newest registry epoch."""
        ...


class RunStore(Protocol):
    """Where runs live."""

    def transaction(self, scope: str | None = None) -> AbstractContextManager[Transaction]:
        """Committed at the end, rolled back on an error. ``scope`` is needed to write that scope's record.

        Raises RetryableError when the store didn't answer: whether it committed is then unknown.
        """
        ...
