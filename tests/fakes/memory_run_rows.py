"""Rows of the run store in memory, and what its nouns share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from core.domain.run import ACTIVE_STATES, Item, ItemResult, ItemState, Run, RunState

if TYPE_CHECKING:
    from tests.fakes.memory_run_store import MemoryTransaction

P = ParamSpec("P")
R = TypeVar("R")
N = TypeVar("N", bound="Noun")


@dataclass(frozen=True, slots=True)
class RunRow:
    """A row of ``run``."""

    run: Run
    gather_key: str
    created_at: float
    last_progress_at: float
    lease_until: float = 0.0
    committed_at: float | None = None
    ai_fence: int = 0
    ai_lease_until: float = 0.0
    ledger: Mapping[str, Any] | None = None
    error: str | None = None

    @property
    def state(self) -> RunState:
        return self.run.state

    @property
    def is_active(self) -> bool:
        return self.run.state in ACTIVE_STATES

    def moved(self, changes: Mapping[str, Any], **run_changes: Any) -> RunRow:
        """With columns of its own and of the run changed."""
        return replace(self, run=replace(self.run, **run_changes), **changes)


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A row of ``run_item``."""

    item: Item
    result: ItemResult | None = None

    @property
    def state(self) -> ItemState:
        return ItemState.PENDING if self.result is None else self.result.state


@dataclass(frozen=True, slots=True)
class Noun:
    """Over one transaction."""

    tx: MemoryTransaction


def statement(method: Callable[Concatenate[N, P], R]) -> Callable[Concatenate[N, P], R]:
    """Carried out whole: other threads' statements come before or after it."""

    @functools.wraps(method)
    def carried_out(self: N, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.tx.mutex:
            return method(self, *args, **kwargs)

    return carried_out


def items_of(tx: MemoryTransaction, batch_id: str) -> dict[str, ItemRow]:
    """item_id → row of a run."""
    return {item_id: row for (batch, item_id), row in tx.rows("run_item").items() if batch == batch_id}


def is_complete(tx: MemoryTransaction, row: RunRow) -> bool:
    """Every expected item is there with a result."""
    items = items_of(tx, row.run.batch_id)
    return len(items) >= row.run.expected_count and all(item.result is not None for item in items.values())
