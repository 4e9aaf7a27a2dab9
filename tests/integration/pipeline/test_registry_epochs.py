"""A registry that loses its place takes it anew, in the middle of whatever it was doing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from core.adapters.postgres.engine import Database
from core.adapters.postgres.registry_place import PostgresRegistryPlace
from core.adapters.postgres.run_store import PostgresRunStore
from core.domain.run import Item, ItemKind, ItemResult, ItemState
from core.errors import UnavailableError
from core.pipeline.journal import RunJournal
from core.pipeline.store import NewRun, Transaction

ITEM = Item("a", ItemKind.MEDIA, "image", "https://example.com/a.png")
RESULT = ItemResult("a", ITEM.url, ItemState.OK)


@dataclass
class LosesItsPlace:
    """A run store during whose next transaction the registry's connection is lost and its place taken again."""

    runs: PostgresRunStore
    place: PostgresRegistryPlace
    is_due: bool = False

    @contextmanager
    def transaction(self, scope: str | None = None) -> Iterator[Transaction]:
        if self.is_due:
            self.is_due = False
            self.place.release()
            self.place.acquire()
        with self.runs.transaction(scope) as store:
            yield store


def test_a_result_of_an_epoch_that_is_over_is_refused_by_the_same_process_in_its_new_one(database: Database) -> None:
    store = LosesItsPlace(PostgresRunStore(database), PostgresRegistryPlace(database))
    journal = RunJournal(store, store.place, lease_seconds=60)
    journal.acquire()
    with store.transaction() as transaction:
        transaction.runs.insert(NewRun("batch", "shared", "acme", 1, "batch", {}))
        transaction.items.insert_manifest("batch", "shared", [], [ITEM])
    store.is_due = True
    with pytest.raises(UnavailableError):
        journal.record("batch", RESULT)
    assert journal.record("batch", RESULT)
    journal.release()
