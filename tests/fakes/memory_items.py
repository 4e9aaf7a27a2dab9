"""The manifest of a run in memory: the twin of ``core/adapters/postgres/items.py``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from core.domain.media import MediaStatus
from core.domain.run import Item, ItemKind, ItemResult, ItemState, RunState
from tests.fakes.memory_run_rows import ItemRow, Noun, RunRow, items_of, statement


class MemoryItems(Noun):
    """Records, items and results."""

    @statement
    def insert_manifest(
        self,
        batch_id: str,
        scope: str,
        records: Iterable[tuple[str, dict[str, Any], Sequence[str]]],
        items: Iterable[Item],
    ) -> None:
        rows = [(ad_id, record, list(item_ids)) for ad_id, record, item_ids in records]
        self.tx.put("run_record", batch_id, rows)
        for item in items:
            self.tx.put("run_item", (batch_id, item.item_id), ItemRow(item))

    @statement
    def states(self, batch_id: str) -> dict[str, ItemState]:
        return {item_id: row.state for item_id, row in items_of(self.tx, batch_id).items()}

    @statement
    def learn(self, batch_id: str, item: Item) -> bool:
        run = self.tx.update("run", batch_id, lambda row: row.state is RunState.OPEN, lambda row: row)
        if run is None:
            return False
        known = items_of(self.tx, batch_id)
        if item.item_id in known:
            return True
        if len(known) >= run.run.expected_count:
            return False
        self.tx.put("run_item", (batch_id, item.item_id), ItemRow(item))
        return True

    @statement
    def record(self, batch_id: str, result: ItemResult, *, epoch: int) -> bool:
        def is_open(row: ItemRow) -> bool:
            run = self.tx.get("run", batch_id)
            return row.result is None and self.tx.epoch == epoch and run is not None and run.state is RunState.OPEN

        key = (batch_id, result.item_id)
        if self.tx.update("run_item", key, is_open, lambda row: replace(row, result=_stored(row, result))) is None:
            return False
        self.tx.update("run", batch_id, lambda _: True, lambda row: replace(row, last_progress_at=self.tx.now))
        return True

    @statement
    def results(self, batch_id: str) -> Iterator[ItemResult]:
        items = items_of(self.tx, batch_id)
        return iter([items[item_id].result for item_id in sorted(items) if items[item_id].result is not None])

    @statement
    def records(self, batch_id: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        return iter(list(self.tx.get("run_record", batch_id) or []))

    @statement
    def close_overdue(self, *, deadline_seconds: int) -> int:
        then = self.tx.now - deadline_seconds
        runs: list[RunRow] = list(self.tx.rows("run").values())
        late = [row for row in runs if row.state is RunState.OPEN and row.last_progress_at < then]
        for row in late:
            if row.run.learns:
                self._expect_no_more(row.run.batch_id, then)
        closed = 0
        for row in late:
            moving = [other for other in runs if other.created_at < row.created_at and _last_moved(other) >= then]
            closed += 0 if moving else self._fail_pending(row.run.batch_id)
        return closed

    @statement
    def failed_media(self, batch_id: str) -> list[Item]:
        items = items_of(self.tx, batch_id)
        found = [items[item_id] for item_id in sorted(items)]
        failed = [row.item for row in found if row.state is ItemState.FAILED and row.item.kind is ItemKind.MEDIA]
        return [replace(item, metadata={}) for item in failed]

    @statement
    def clear(self, batch_id: str) -> None:
        self.tx.put("run_record", batch_id, None)
        for item_id, row in items_of(self.tx, batch_id).items():
            if row.result is not None and row.result.embedding is not None:
                self.tx.put("run_item", (batch_id, item_id), replace(row, result=replace(row.result, embedding=None)))

    def _expect_no_more(self, batch_id: str, then: float) -> None:
        self.tx.update(
            "run",
            batch_id,
            lambda row: row.state is RunState.OPEN and row.last_progress_at < then,
            lambda row: row.moved({}, expected_count=len(items_of(self.tx, batch_id))),
        )

    def _fail_pending(self, batch_id: str) -> int:
        pending = [(item_id, row) for item_id, row in items_of(self.tx, batch_id).items() if row.result is None]
        changed = [
            self.tx.update("run_item", (batch_id, item_id), lambda row: row.result is None, _overdue)
            for item_id, _ in pending
        ]
        return sum(row is not None for row in changed)


def _stored(row: ItemRow, result: ItemResult) -> ItemResult:
    """The result as the row keeps it: the address is the manifest's."""
    return replace(result, url=row.item.url, facts=dict(result.facts))


def _overdue(row: ItemRow) -> ItemRow:
    reason = "no result before the run's deadline"
    result = ItemResult(row.item.item_id, row.item.url, ItemState.FAILED, MediaStatus.NOT_ATTEMPTED, reason)
    return replace(row, result=result)


def _last_moved(row: RunRow) -> float:
    return row.last_progress_at if row.committed_at is None else row.committed_at
