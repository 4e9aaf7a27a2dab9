"""Runs, and who may commit or read them: fencing tokens for a while, by the database's clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from core.domain.run import Run, RunState
from core.errors import ConflictError
from core.pipeline.store import NewRun

_COLUMNS = "batch_id, scope, brand_slug, state, expected_count, fence, ai_state, source"
_UNTOLD_SECONDS = 15  # a complete run nobody was told to commit: the answer to its last result was lost
_IS_COMPLETE = (
    "NOT EXISTS (SELECT 1 FROM run_item i WHERE i.batch_id = run.batch_id AND i.state = 'pending')"
    " AND (SELECT count(*) FROM run_item i WHERE i.batch_id = run.batch_id) >= run.expected_count"
)


@dataclass(frozen=True, slots=True)
class PostgresRuns:
    """The table ``run``."""

    connection: Connection

    def find(self, batch_id: str) -> Run | None:
        """One run, over or not."""
        return self._one("batch_id = :batch", batch=batch_id)

    def of_gather(self, gather_key: str) -> Run | None:
        """The run that a gather message opened."""
        return self._one("gather_key = :key", key=gather_key)

    def active(self, *, brand_slug: str, scope: str, to_join: bool = False) -> Run | None:
        """The run of (brand, scope) that isn't over; ``to_join`` locks it against being cancelled meanwhile."""
        where = "scope = :scope AND brand_slug = :brand AND state IN ('open', 'committing')"
        return self._one(where + (" FOR NO KEY UPDATE" if to_join else ""), scope=scope, brand=brand_slug)

    def all_active(self) -> list[Run]:
        """Every run that isn't over."""
        return self._all("SELECT {columns} FROM run WHERE state IN ('open', 'committing')")

    def insert(self, run: NewRun) -> None:
        """Open a run. Raises ConflictError when the (brand, scope) has an active one."""
        statement = text(
            "INSERT INTO run (batch_id, scope, brand_slug, state, expected_count, gather_key, source)"
            " VALUES (:batch, :scope, :brand, 'open', :expected, :key, :source)"
        )
        try:
            with self.connection.begin_nested():
                self.connection.execute(statement, _values(run))
        except IntegrityError as error:
            raise ConflictError(f"a run of {run.brand_slug!r} is active; this one follows it") from error

    def insert_failed(self, run: NewRun, *, error: str) -> None:
        """Record a run that could not be gathered; nothing if the gather has a run."""
        statement = text(
            "INSERT INTO run (batch_id, scope, brand_slug, state, expected_count, gather_key, source, error)"
            " VALUES (:batch, :scope, :brand, 'failed', :expected, :key, :source, :error)"
            " ON CONFLICT (gather_key) DO NOTHING"
        )
        self.connection.execute(statement, _values(run) | {"error": error})

    def keep(self, batch_id: str) -> None:
        """A message without a request asks for the run, too: nobody may cancel it."""
        statement = text("UPDATE run SET source = source || '{\"kept\": true}' WHERE batch_id = :batch")
        self.connection.execute(statement, {"batch": batch_id})

    def close(self, batch_id: str, *, token: int, ledger: Mapping[str, Any]) -> bool:
        """Flip a run to committed if the token still holds its lease; the check and the rows are one transaction."""
        statement = (
            "UPDATE run SET state = 'committed', committed_at = now(), last_progress_at = now(), ledger = :ledger,"
            " ai_state = 'pending', partial = EXISTS (SELECT 1 FROM run_item i WHERE i.batch_id = run.batch_id"
            " AND i.state = 'failed') WHERE batch_id = :batch AND state = 'committing' AND fence = :token"
        )
        return self._change(statement, batch=batch_id, token=token, ledger=json.dumps(dict(ledger)))

    def abandon(self, batch_id: str, *, token: int, error: str) -> bool:
        """End a run whose commit fails again and again, if the token still holds its lease."""
        statement = (
            "UPDATE run SET state = 'failed', error = :error"
            " WHERE batch_id = :batch AND state = 'committing' AND fence = :token"
        )
        return self._change(statement, batch=batch_id, token=token, error=error)

    def cancel_unwanted(self) -> list[str]:
        """End the open runs that only cancelled requests asked for; returns their ids."""
        # Locked first: the second statement then sees every request that joined in between.
        candidates = self.connection.execute(
            text(
                "SELECT batch_id FROM run WHERE state = 'open' AND EXISTS (SELECT 1 FROM request_run q"
                " JOIN request r USING (request_id) WHERE q.batch_id = run.batch_id AND r.status = 'cancelled')"
                " FOR UPDATE SKIP LOCKED"
            )
        )
        ids = list(candidates.scalars())
        cancelled = self.connection.execute(
            text(
                "UPDATE run SET state = 'cancelled', last_progress_at = now() WHERE batch_id = ANY(:ids)"
                " AND NOT source ? 'kept'"
                " AND NOT EXISTS (SELECT 1 FROM request_run q JOIN request r USING (request_id)"
                "   WHERE q.batch_id = run.batch_id AND r.status <> 'cancelled') RETURNING batch_id"
            ),
            {"ids": ids},
        )
        return list(cancelled.scalars())

    def lapsed_commits(self) -> list[str]:
        """Complete runs that nobody commits."""
        rows = self.connection.execute(
            text(
                "SELECT batch_id FROM run WHERE (state = 'committing' AND lease_until < now())"  # noqa: S608
                " OR (state = 'open' AND last_progress_at < now() - make_interval(secs => :untold)"
                f" AND {_IS_COMPLETE}) ORDER BY created_at"
            ),
            {"untold": _UNTOLD_SECONDS},
        )
        return [row.batch_id for row in rows]

    def forgotten_ai_phases(self, *, older_than_seconds: int) -> list[Run]:
        """Committed runs whose AI phase nobody works on; each is told once, for its message may only wait."""
        return self._all(
            "UPDATE run SET last_progress_at = now() WHERE batch_id IN (SELECT batch_id FROM run"
            " WHERE state = 'committed' AND last_progress_at < now() - make_interval(secs => :seconds)"
            " AND (ai_state = 'pending'"
            "   OR (ai_state = 'running' AND ai_lease_until < now() - make_interval(secs => :seconds)))"
            " ORDER BY committed_at LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING {columns}",
            seconds=older_than_seconds,
        )

    def _one(self, where: str, **values: Any) -> Run | None:
        found = self._all(f"SELECT {{columns}} FROM run WHERE {where}", **values)  # noqa: S608 - constants of ours
        return found[0] if found else None

    def _all(self, statement: str, **values: Any) -> list[Run]:
        rows = self.connection.execute(text(statement.format(columns=_COLUMNS)), values)
        return [Run(**{**row._mapping, "state": RunState(row.state)}) for row in rows]

    def _change(self, statement: str, **values: Any) -> bool:
        return self.connection.execute(text(statement), values).rowcount == 1


@dataclass(frozen=True, slots=True)
class PostgresLeases:
    """The right to commit, in ``run.fence`` and ``run.lease_until``."""

    connection: Connection

    def grant(self, batch_id: str, *, lease_seconds: float) -> int | None:
        """A new token. The run row is locked by the UPDATE, so that two callers can't both get one."""
        token: int | None = self.connection.execute(
            text(
                "UPDATE run SET state = 'committing', fence = fence + 1,"  # noqa: S608
                " lease_until = now() + make_interval(secs => :seconds) WHERE batch_id = :batch"
                " AND (state = 'open' OR (state = 'committing' AND lease_until < now()))"
                f" AND {_IS_COMPLETE} RETURNING fence"
            ),
            {"batch": batch_id, "seconds": lease_seconds},
        ).scalar()
        return token

    def extend(self, batch_id: str, *, token: int, lease_seconds: float) -> bool:
        """Keep the lease; False when it isn't this token's any more."""
        return _set_lease(self.connection, batch_id, token, lease_seconds)

    def release(self, batch_id: str, *, token: int) -> None:
        """Let the lease lapse now."""
        _set_lease(self.connection, batch_id, token, -1)


def _set_lease(connection: Connection, batch_id: str, token: int, seconds: float) -> bool:
    statement = text(
        "UPDATE run SET lease_until = now() + make_interval(secs => :seconds)"
        " WHERE batch_id = :batch AND state = 'committing' AND fence = :token"
    )
    return connection.execute(statement, {"batch": batch_id, "token": token, "seconds": seconds}).rowcount == 1


@dataclass(frozen=True, slots=True)
class PostgresAiPhases:
    """The right to read a committed run, in ``run.ai_state``, ``ai_fence`` and ``ai_lease_until``."""

    connection: Connection

    def claim(self, batch_id: str, *, lease_seconds: float) -> int | None:
        """A new token, or None when the run is read or somebody reads it."""
        token: int | None = self.connection.execute(
            text(
                "UPDATE run SET ai_state = 'running', ai_fence = ai_fence + 1,"
                " ai_lease_until = now() + make_interval(secs => :seconds)"
                " WHERE batch_id = :batch AND (ai_state = 'pending'"
                " OR (ai_state = 'running' AND ai_lease_until < now())) RETURNING ai_fence"
            ),
            {"batch": batch_id, "seconds": lease_seconds},
        ).scalar()
        return token

    def extend(self, batch_id: str, *, token: int, lease_seconds: float) -> bool:
        """Keep the claim; False when it isn't this token's any more."""
        change = "ai_lease_until = now() + make_interval(secs => :seconds)"
        return self._change(batch_id, token, change, seconds=lease_seconds)

    def release(self, batch_id: str, *, token: int) -> None:
        """Give an unfinished claim back."""
        self._change(batch_id, token, "ai_state = 'pending'")

    def finish(self, batch_id: str, *, token: int | None) -> bool:
        """The content is read, if the token still holds the claim; without one, it never will be."""
        if token is not None:
            return self._change(batch_id, token, "ai_state = 'done'")
        statement = text("UPDATE run SET ai_state = 'done' WHERE batch_id = :batch AND ai_state <> 'none'")
        return self.connection.execute(statement, {"batch": batch_id}).rowcount == 1

    def reopen(self, batch_id: str | None) -> None:
        """Let a run that counts as read be read again."""
        statement = text("UPDATE run SET ai_state = 'pending' WHERE batch_id = :batch AND ai_state = 'done'")
        self.connection.execute(statement, {"batch": batch_id})

    def _change(self, batch_id: str, token: int, change: str, **values: Any) -> bool:
        statement = text(
            f"UPDATE run SET {change} WHERE batch_id = :batch AND ai_state = 'running' AND ai_fence = :token"  # noqa: S608
        )
        return self.connection.execute(statement, {"batch": batch_id, "token": token, **values}).rowcount == 1


def _values(run: NewRun) -> dict[str, Any]:
    return {
        "batch": run.batch_id,
        "scope": run.scope,
        "brand": run.brand_slug,
        "expected": run.expected_count,
        "key": run.gather_key,
        "source": json.dumps(dict(run.source)),
    }
