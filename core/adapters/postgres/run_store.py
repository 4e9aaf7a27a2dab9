"""Runs, items, leases and the outbox: the pipeline's machinery, authoritative for the registry."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2.extras import execute_values
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from core.adapters.postgres.bulk import copy_upsert
from core.adapters.postgres.schema import run_item, run_record
from core.domain.media import MediaStatus
from core.domain.run import Item, ItemResult, ItemState, RunState
from core.errors import ConflictError


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as stored."""

    batch_id: str
    scope: str
    brand_slug: str
    state: RunState
    expected_count: int
    fence: int
    ai_state: str
    source: dict[str, Any]


_STREAMED_ROWS = 500
_RUN_COLUMNS = "batch_id, scope, brand_slug, state, expected_count, fence, ai_state, source"


def find_run(connection: Connection, *, batch_id: str | None = None, gather_key: str | None = None) -> RunRow | None:
    """One run by its id or by the gather message that opened it."""
    where = "batch_id = :value" if batch_id is not None else "gather_key = :value"
    statement = text(f"SELECT {_RUN_COLUMNS} FROM run WHERE {where}")  # noqa: S608 - one of two constants
    row = connection.execute(statement, {"value": batch_id or gather_key}).first()
    return None if row is None else _run(row)


def active_run(connection: Connection, *, brand_slug: str, scope: str) -> RunRow | None:
    """The run of (brand, scope) that isn't over."""
    statement = text(
        f"SELECT {_RUN_COLUMNS} FROM run WHERE scope = :scope AND brand_slug = :brand"  # noqa: S608
        " AND state IN ('open', 'committing')"
    )
    row = connection.execute(statement, {"scope": scope, "brand": brand_slug}).first()
    return None if row is None else _run(row)


def active_runs(connection: Connection) -> list[RunRow]:
    """Every run that isn't over: what a starting registry must know."""
    rows = connection.execute(text(f"SELECT {_RUN_COLUMNS} FROM run WHERE state IN ('open', 'committing')"))  # noqa: S608
    return [_run(row) for row in rows]


def _run(row: Any) -> RunRow:
    values = dict(row._mapping)
    return RunRow(**{**values, "state": RunState(values["state"])})


def insert_run(
    connection: Connection,
    *,
    batch_id: str,
    scope: str,
    brand_slug: str,
    expected_count: int,
    gather_key: str,
    source: dict[str, Any],
) -> None:
    """Open a run. Raises ConflictError when the (brand, scope) has an active one."""
    try:
        with connection.begin_nested():
            connection.execute(
                text(
                    "INSERT INTO run (batch_id, scope, brand_slug, state, expected_count, gather_key, source)"
                    " VALUES (:batch, :scope, :brand, 'open', :expected, :key, :source)"
                ),
                {
                    "batch": batch_id,
                    "scope": scope,
                    "brand": brand_slug,
                    "expected": expected_count,
                    "key": gather_key,
                    "source": json.dumps(source),
                },
            )
    except IntegrityError as error:
        raise ConflictError(f"a run of {brand_slug!r} is active; this one follows it") from error


def insert_manifest(
    connection: Connection,
    batch_id: str,
    scope: str,
    records: Iterable[tuple[str, dict[str, Any], Sequence[str]]],
    items: Iterable[Item],
) -> None:
    """Store the manifest: (ad_id, record, item ids) in order, and the distinct items."""
    copy_upsert(
        connection,
        run_record,
        ("batch_id", "position", "scope", "ad_id", "record", "item_ids"),
        ((batch_id, n, scope, ad_id, record, ids) for n, (ad_id, record, ids) in enumerate(records)),
    )
    copy_upsert(
        connection,
        run_item,
        ("batch_id", "item_id", "kind", "role", "url", "state"),
        ((batch_id, item.item_id, item.kind, item.role, item.url, ItemState.PENDING) for item in items),
    )


def insert_messages(connection: Connection, queue: str, bodies: Iterable[str]) -> int:
    """Put bodies into the outbox, in the caller's transaction."""
    rows = [(queue, body) for body in bodies]
    if rows:
        cursor: Any = connection.connection.cursor()
        execute_values(cursor, "INSERT INTO outbox (queue, body) VALUES %s", rows, page_size=1000)
        cursor.close()
    return len(rows)


def take_outbox(connection: Connection, *, limit: int) -> list[tuple[int, str, str]]:
    """Lock unsent messages (id, queue, body); they vanish when the caller deletes them and commits."""
    rows = connection.execute(
        text("SELECT outbox_id, queue, body FROM outbox ORDER BY outbox_id LIMIT :n FOR UPDATE SKIP LOCKED"),
        {"n": limit},
    )
    return [(row.outbox_id, row.queue, row.body) for row in rows]


def delete_outbox(connection: Connection, ids: Sequence[int]) -> None:
    """Forget messages that were sent."""
    connection.execute(text("DELETE FROM outbox WHERE outbox_id = ANY(:ids)"), {"ids": list(ids)})


def item_states(connection: Connection, batch_id: str) -> dict[str, ItemState]:
    """item_id → state of every item of a run."""
    rows = connection.execute(text("SELECT item_id, state FROM run_item WHERE batch_id = :b"), {"b": batch_id})
    return {row.item_id: ItemState(row.state) for row in rows}


def learn_item(connection: Connection, batch_id: str, item: Item) -> bool:
    """Add an item to a run that was started without a manifest, or find it there.

    False when the run is over or has as many as it expects. The run is locked: two can't take the last place.
    """
    values = {"batch": batch_id, "item": item.item_id, "kind": item.kind, "role": item.role, "url": item.url}
    locked = text("SELECT expected_count FROM run WHERE batch_id = :batch AND state = 'open' FOR NO KEY UPDATE")
    expected = connection.execute(locked, values).scalar()
    if expected is None:
        return False
    connection.execute(
        text(
            "INSERT INTO run_item (batch_id, item_id, kind, role, url, state)"
            " SELECT :batch, :item, :kind, :role, :url, 'pending'"
            " WHERE (SELECT count(*) FROM run_item WHERE batch_id = :batch) < :expected ON CONFLICT DO NOTHING"
        ),
        values | {"expected": expected},
    )
    found = text("SELECT 1 FROM run_item WHERE batch_id = :batch AND item_id = :item")
    return connection.execute(found, values).first() is not None


def record_result(connection: Connection, batch_id: str, result: ItemResult, *, epoch: int) -> bool:
    """Write the first terminal result of an item; False if it had one, its run is over, or the epoch is past."""
    updated = connection.execute(
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
        connection.execute(text("UPDATE run SET last_progress_at = now() WHERE batch_id = :b"), {"b": batch_id})
    return bool(updated)


def results_of(connection: Connection, batch_id: str) -> Iterator[ItemResult]:
    """The terminal results of a run, streamed."""
    statement = text(
        "SELECT item_id, url, state, status, reason, result, embedding FROM run_item"
        " WHERE batch_id = :batch AND state <> 'pending' ORDER BY item_id"
    )
    rows = connection.execute(statement.execution_options(yield_per=_STREAMED_ROWS), {"batch": batch_id})
    for row in rows:
        status = None if row.status is None else MediaStatus(row.status)
        facts = row.result or {}
        vector = None if row.embedding is None else bytes(row.embedding)
        yield ItemResult(row.item_id, row.url, ItemState(row.state), status, row.reason, facts, vector)


def records_of(connection: Connection, batch_id: str) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """The manifest of a run in its order: (ad_id, record, item ids), streamed."""
    statement = text("SELECT ad_id, record, item_ids FROM run_record WHERE batch_id = :batch ORDER BY position")
    rows = connection.execute(statement.execution_options(yield_per=_STREAMED_ROWS), {"batch": batch_id})
    for row in rows:
        yield row.ad_id, row.record, row.item_ids


def grant_lease(connection: Connection, batch_id: str, *, lease_seconds: int) -> int | None:
    """Take the commit: the fencing token, or None while another lease lives or the run isn't complete.

    Time is the database's. The run row is locked by the UPDATE, so two callers can't both get a token.
    """
    token: int | None = connection.execute(
        text(
            "UPDATE run SET state = 'committing', fence = fence + 1,"
            " lease_until = now() + make_interval(secs => :seconds)"
            " WHERE batch_id = :batch"
            " AND (state = 'open' OR (state = 'committing' AND lease_until < now()))"
            " AND NOT EXISTS (SELECT 1 FROM run_item WHERE batch_id = :batch AND state = 'pending')"
            " AND (SELECT count(*) FROM run_item WHERE batch_id = :batch) >= expected_count"
            " RETURNING fence"
        ),
        {"batch": batch_id, "seconds": lease_seconds},
    ).scalar()
    return token


def close_run(connection: Connection, batch_id: str, *, token: int, ledger: dict[str, Any], ai_state: str) -> bool:
    """Flip a run to committed if the token still holds the lease; the check and the rows are one transaction."""
    updated = connection.execute(
        text(
            "UPDATE run SET state = 'committed', committed_at = now(), last_progress_at = now(), ledger = :ledger,"
            " ai_state = :ai, partial = EXISTS (SELECT 1 FROM run_item i WHERE i.batch_id = run.batch_id"
            " AND i.state = 'failed') WHERE batch_id = :batch AND state = 'committing' AND fence = :token"
        ),
        {"batch": batch_id, "token": token, "ledger": json.dumps(ledger), "ai": ai_state},
    ).rowcount
    return updated == 1


def fail_run(
    connection: Connection, *, batch_id: str, scope: str, brand_slug: str, gather_key: str, error: str
) -> None:
    """Record a run that could not be gathered, so that its requests come to an end."""
    connection.execute(
        text(
            "INSERT INTO run (batch_id, scope, brand_slug, state, expected_count, gather_key, error)"
            " VALUES (:batch, :scope, :brand, 'failed', 0, :key, :error) ON CONFLICT (gather_key) DO NOTHING"
        ),
        {"batch": batch_id, "scope": scope, "brand": brand_slug, "key": gather_key, "error": error},
    )


def abandon_run(connection: Connection, batch_id: str, *, token: int, error: str) -> None:
    """End a run whose commit fails again and again, if the token still holds the lease."""
    connection.execute(
        text(
            "UPDATE run SET state = 'failed', error = :error"
            " WHERE batch_id = :batch AND state = 'committing' AND fence = :token"
        ),
        {"batch": batch_id, "token": token, "error": error},
    )


def clear_manifest(connection: Connection, batch_id: str) -> None:
    """Forget the staged records of a committed run; its items stay as the tombstone."""
    connection.execute(text("DELETE FROM run_record WHERE batch_id = :b"), {"b": batch_id})
    connection.execute(text("UPDATE run_item SET embedding = NULL WHERE batch_id = :b"), {"b": batch_id})


def claim_ai_phase(connection: Connection, batch_id: str, *, lease_seconds: int) -> bool:
    """Claim the AI phase of a run; False when it is done or somebody works on it."""
    updated = connection.execute(
        text(
            "UPDATE run SET ai_state = 'running', ai_lease_until = now() + make_interval(secs => :seconds)"
            " WHERE batch_id = :batch AND (ai_state = 'pending'"
            " OR (ai_state = 'running' AND ai_lease_until < now()))"
        ),
        {"batch": batch_id, "seconds": lease_seconds},
    ).rowcount
    return updated == 1


def extend_ai_phase(connection: Connection, batch_id: str, *, lease_seconds: int) -> None:
    """Keep the claim while work goes on."""
    connection.execute(
        text(
            "UPDATE run SET ai_lease_until = now() + make_interval(secs => :seconds)"
            " WHERE batch_id = :batch AND ai_state = 'running'"
        ),
        {"batch": batch_id, "seconds": lease_seconds},
    )


def release_ai_phase(connection: Connection, batch_id: str) -> None:
    """Give an unfinished claim back: the message's next delivery takes it up."""
    connection.execute(
        text("UPDATE run SET ai_state = 'pending' WHERE batch_id = :b AND ai_state = 'running'"), {"b": batch_id}
    )


def finish_ai_phase(connection: Connection, batch_id: str) -> None:
    """The brand's new content is read."""
    connection.execute(text("UPDATE run SET ai_state = 'done' WHERE batch_id = :b"), {"b": batch_id})


def lapsed_commits(connection: Connection) -> list[str]:
    """Runs whose items are complete but whose commit nobody holds: the committer died, or was never told."""
    rows = connection.execute(
        text(
            "SELECT batch_id FROM run r WHERE (state = 'committing' AND lease_until < now())"
            " OR (state = 'open' AND last_progress_at < now() - interval '15 seconds'"
            "     AND NOT EXISTS (SELECT 1 FROM run_item i WHERE i.batch_id = r.batch_id AND i.state = 'pending')"
            "     AND (SELECT count(*) FROM run_item i WHERE i.batch_id = r.batch_id) >= r.expected_count)"
        )
    )
    return [row.batch_id for row in rows]


def close_overdue_items(connection: Connection, *, deadline_seconds: int) -> int:
    """Fail the pending items of runs without progress for ``deadline_seconds``; returns how many.

    A run whose turn hasn't come isn't late: it waits in one queue behind older runs that get on. A run that learns
    its items expects no more of them then: nobody else may be kept waiting for it.
    """
    connection.execute(
        text(
            "UPDATE run r SET expected_count = (SELECT count(*) FROM run_item i WHERE i.batch_id = r.batch_id)"
            " WHERE r.state = 'open' AND r.source ? 'learns'"
            " AND r.last_progress_at < now() - make_interval(secs => :seconds)"
        ),
        {"seconds": deadline_seconds},
    )
    return connection.execute(
        text(
            "UPDATE run_item i SET state = 'failed', status = 'not_attempted', finished_at = now(),"
            " reason = 'no result before the run''s deadline'"
            " FROM run r WHERE r.batch_id = i.batch_id AND i.state = 'pending' AND r.state = 'open'"
            " AND r.last_progress_at < now() - make_interval(secs => :seconds)"
            " AND NOT EXISTS (SELECT 1 FROM run older WHERE older.created_at < r.created_at"
            "   AND coalesce(older.committed_at, older.last_progress_at) >= now() - make_interval(secs => :seconds))"
        ),
        {"seconds": deadline_seconds},
    ).rowcount


def forgotten_ai_phases(connection: Connection, *, older_than_seconds: int) -> list[RunRow]:
    """Committed runs whose AI phase is due but on which nobody works: their message was lost.

    Each is told once per ``older_than_seconds``: its message may only wait in a long queue.
    """
    rows = connection.execute(
        text(
            "UPDATE run SET last_progress_at = now() WHERE batch_id IN (SELECT batch_id FROM run"  # noqa: S608
            " WHERE state = 'committed' AND last_progress_at < now() - make_interval(secs => :seconds)"
            " AND (ai_state = 'pending'"
            "   OR (ai_state = 'running' AND ai_lease_until < now() - make_interval(secs => :seconds)))"
            f" ORDER BY committed_at LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING {_RUN_COLUMNS}"
        ),
        {"seconds": older_than_seconds},
    )
    return [_run(row) for row in rows]


def file_dead_letter(
    connection: Connection, *, scope: str, queue: str, body: str, reason: str, batch_id: str | None, item_id: str | None
) -> None:
    """Keep what no worker could handle, with the reason."""
    connection.execute(
        text(
            "INSERT INTO dead_letter (scope, queue, body, reason, batch_id, item_id)"
            " VALUES (:scope, :queue, :body, :reason, :batch, :item)"
        ),
        {"scope": scope, "queue": queue, "body": body, "reason": reason, "batch": batch_id, "item": item_id},
    )


def next_epoch(connection: Connection) -> int:
    """Begin a new registry epoch; writes of older ones no longer count."""
    epoch: int = connection.execute(text("UPDATE registry_epoch SET epoch = epoch + 1 RETURNING epoch")).scalar_one()
    return epoch


def beat(connection: Connection, *, process_id: str, roles: str, host: str) -> None:
    """Say that this process lives; forget those silent for a day."""
    connection.execute(
        text(
            "INSERT INTO heartbeat (process_id, roles, host) VALUES (:id, :roles, :host)"
            " ON CONFLICT (process_id) DO UPDATE SET last_seen_at = now()"
        ),
        {"id": process_id, "roles": roles, "host": host},
    )
    connection.execute(text("DELETE FROM heartbeat WHERE last_seen_at < now() - interval '1 day'"))
