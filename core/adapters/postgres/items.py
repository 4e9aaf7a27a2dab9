"""The manifest of a run: its records, its items and their results."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text

from core.adapters.postgres.bulk import copy_upsert
from core.adapters.postgres.schema import run_item, run_record
from core.domain.media import MediaStatus
from core.domain.run import Item, ItemKind, ItemResult, ItemState

_STREAMED_ROWS = 500


@dataclass(frozen=True, slots=True)
class PostgresItems:
    """The tables ``run_record`` and ``run_item``."""

    connection: Connection

    def insert_manifest(
        self,
        batch_id: str,
        scope: str,
        records: Iterable[tuple[str, dict[str, Any], Sequence[str]]],
        items: Iterable[Item],
    ) -> None:
        """Store (ad_id, record, item ids) in order, and the distinct items, pending."""
        copy_upsert(
            self.connection,
            run_record,
            ("batch_id", "position", "scope", "ad_id", "record", "item_ids"),
            ((batch_id, n, scope, ad_id, record, ids) for n, (ad_id, record, ids) in enumerate(records)),
        )
        copy_upsert(
            self.connection,
            run_item,
            ("batch_id", "item_id", "kind", "role", "url", "state"),
            ((batch_id, item.item_id, item.kind, item.role, item.url, ItemState.PENDING) for item in items),
        )

    def states(self, batch_id: str) -> dict[str, ItemState]:
        """item_id → state of every item of a run."""
        statement = text("SELECT item_id, state FROM run_item WHERE batch_id = :batch")
        return {row.item_id: ItemState(row.state) for row in self.connection.execute(statement, {"batch": batch_id})}

    def learn(self, batch_id: str, item: Item) -> bool:
        """Add an item, or find it there; the run is locked, so that two can't take the last place."""
        values = {"batch": batch_id, "item": item.item_id, "kind": item.kind, "role": item.role, "url": item.url}
        locked = text("SELECT expected_count FROM run WHERE batch_id = :batch AND state = 'open' FOR NO KEY UPDATE")
        expected = self.connection.execute(locked, values).scalar()
        if expected is None:
            return False
        self.connection.execute(
            text(
                "INSERT INTO run_item (batch_id, item_id, kind, role, url, state)"
                " SELECT :batch, :item, :kind, :role, :url, 'pending'"
                " WHERE (SELECT count(*) FROM run_item WHERE batch_id = :batch) < :expected ON CONFLICT DO NOTHING"
            ),
            values | {"expected": expected},
        )
        found = text("SELECT 1 FROM run_item WHERE batch_id = :batch AND item_id = :item")
        return self.connection.execute(found, values).first() is not None

    def record(self, batch_id: str, result: ItemResult, *, epoch: int) -> bool:
        """Write the first result of an item; False if it had one, the run isn't open, or the epoch is past."""
        updated = self.connection.execute(
            text(
                "UPDATE run_item SET state = :state, status = :status, reason = :reason, result = :facts,"
                " embedding = :embedding, finished_at = now()"
                " WHERE batch_id = :batch AND item_id = :item AND state = 'pending'"
                " AND EXISTS (SELECT 1 FROM registry_epoch WHERE epoch = :epoch)"
                " AND EXISTS (SELECT 1 FROM run WHERE batch_id = :batch AND state = 'open')"
            ),
            {
                "batch": batch_id,
                "item": result.item_id,
                "state": result.state,
                "status": result.status,
                "reason": result.reason,
                "facts": json.dumps(dict(result.facts)),
                "embedding": result.embedding,
                "epoch": epoch,
            },
        ).rowcount
        if updated:
            # Once a second is enough to know that the run gets on: the row's lock is held until the disk has the
            # transaction, so that touching it with each result would let a brand's results in one by one.
            statement = text(
                "UPDATE run SET last_progress_at = now()"
                " WHERE batch_id = :batch AND last_progress_at < now() - interval '1 second'"
            )
            self.connection.execute(statement, {"batch": batch_id})
        return bool(updated)

    def results(self, batch_id: str) -> Iterator[ItemResult]:
        """The results so far, streamed."""
        statement = text(
            "SELECT item_id, url, state, status, reason, result, embedding FROM run_item"
            " WHERE batch_id = :batch AND state <> 'pending' ORDER BY item_id"
        )
        rows = self.connection.execute(statement.execution_options(yield_per=_STREAMED_ROWS), {"batch": batch_id})
        for row in rows:
            status = None if row.status is None else MediaStatus(row.status)
            vector = None if row.embedding is None else bytes(row.embedding)
            state = ItemState(row.state)
            yield ItemResult(row.item_id, row.url, state, status, row.reason, row.result or {}, vector)

    def records(self, batch_id: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
        """The manifest in its order, streamed."""
        statement = text("SELECT ad_id, record, item_ids FROM run_record WHERE batch_id = :batch ORDER BY position")
        rows = self.connection.execute(statement.execution_options(yield_per=_STREAMED_ROWS), {"batch": batch_id})
        for row in rows:
            yield row.ad_id, row.record, row.item_ids

    def close_overdue(self, *, deadline_seconds: int) -> int:
        """Fail the pending items of runs without progress for ``deadline_seconds``; returns how many.

        A run whose turn hasn't come isn't late: it waits in one queue behind older runs that get on. A run that
        learns its items expects no more of them then: nobody else may be kept waiting for it.
        """
        values = {"seconds": deadline_seconds}
        self.connection.execute(
            text(
                "UPDATE run r SET expected_count = (SELECT count(*) FROM run_item i WHERE i.batch_id = r.batch_id)"
                " WHERE r.state = 'open' AND r.source ? 'learns'"
                " AND r.last_progress_at < now() - make_interval(secs => :seconds)"
            ),
            values,
        )
        return self.connection.execute(
            text(
                "UPDATE run_item i SET state = 'failed', status = 'not_attempted', finished_at = now(),"
                " reason = 'no result before the run''s deadline'"
                " FROM run r WHERE r.batch_id = i.batch_id AND i.state = 'pending' AND r.state = 'open'"
                " AND r.last_progress_at < now() - make_interval(secs => :seconds)"
                " AND NOT EXISTS (SELECT 1 FROM run older WHERE older.created_at < r.created_at"
                "   AND coalesce(older.committed_at, older.last_progress_at)"
                "     >= now() - make_interval(secs => :seconds))"
            ),
            values,
        ).rowcount

    def failed_media(self, batch_id: str) -> list[Item]:
        """The media of a run that could not be had."""
        statement = text(
            "SELECT item_id, role, url FROM run_item"
            " WHERE batch_id = :batch AND state = 'failed' AND kind = 'media' ORDER BY item_id"
        )
        rows = self.connection.execute(statement, {"batch": batch_id})
        return [Item(row.item_id, ItemKind.MEDIA, row.role, row.url) for row in rows]

    def clear(self, batch_id: str) -> None:
        """Forget records and embeddings of a committed run; its items stay as the tombstone."""
        for statement in (
            "DELETE FROM run_record WHERE batch_id = :batch",
            "UPDATE run_item SET embedding = NULL WHERE batch_id = :batch",
        ):
            self.connection.execute(text(statement), {"batch": batch_id})
