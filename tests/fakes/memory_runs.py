"""Runs, and who may commit or read them, in memory: the twin of ``core/adapters/postgres/runs.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from core.domain.run import Run, RunState
from core.errors import ConflictError
from core.pipeline.store import NewRun
from tests.fakes.memory_run_rows import Noun, RunRow, is_complete, statement

_UNTOLD_SECONDS = 15


class MemoryRuns(Noun):
    """The runs."""

    @statement
    def find(self, batch_id: str) -> Run | None:
        row = self.tx.get("run", batch_id)
        return None if row is None else row.run

    @statement
    def of_gather(self, gather_key: str) -> Run | None:
        return next((row.run for row in self._all() if row.gather_key == gather_key), None)

    @statement
    def active(self, *, brand_slug: str, scope: str, to_join: bool = False) -> Run | None:
        row = self._active(brand_slug, scope)
        if row is not None and to_join:
            self.tx.lock("run", row.run.batch_id)
            row = self.tx.get("run", row.run.batch_id)
        return row.run if row is not None and row.is_active else None

    @statement
    def all_active(self) -> list[Run]:
        return [row.run for row in self._all() if row.is_active]

    @statement
    def insert(self, run: NewRun) -> None:
        self.tx.lock("one active run", (run.scope, run.brand_slug))
        self.tx.lock("gather_key", run.gather_key)
        while (other := self._in_the_way(run)) is not None:
            batch_id = other.run.batch_id
            if batch_id not in self._locked_by_others():
                raise ConflictError(f"a run of {run.brand_slug!r} is active; this one follows it")
            self.tx.lock("run", batch_id)  # it may be ending
        self.tx.put("run", run.batch_id, self._row(run, RunState.OPEN))

    @statement
    def insert_failed(self, run: NewRun, *, error: str) -> None:
        self.tx.lock("gather_key", run.gather_key)
        if all(row.gather_key != run.gather_key for row in self._all()):
            self.tx.put("run", run.batch_id, replace(self._row(run, RunState.FAILED), error=error))

    @statement
    def keep(self, batch_id: str) -> None:
        self.tx.update(
            "run",
            batch_id,
            lambda row: True,
            lambda row: row.moved({}, source={**row.run.source, "kept": True}),
        )

    @statement
    def close(self, batch_id: str, *, token: int, ledger: Mapping[str, Any]) -> bool:
        now = self.tx.now
        changes = {"committed_at": now, "last_progress_at": now, "ledger": dict(ledger)}
        return self._end(batch_id, token, changes, state=RunState.COMMITTED, ai_state="pending")

    @statement
    def abandon(self, batch_id: str, *, token: int, error: str) -> bool:
        return self._end(batch_id, token, {"error": error}, state=RunState.FAILED)

    @statement
    def cancel_unwanted(self) -> list[str]:
        found = [row.run.batch_id for row in self._all() if row.state is RunState.OPEN and self._has(row, "cancelled")]
        locked = [batch_id for batch_id in found if self.tx.try_lock("run", batch_id)]
        ended = [batch_id for batch_id in locked if not self._is_wanted(self.tx.get("run", batch_id))]
        for batch_id in ended:
            row = self.tx.get("run", batch_id)
            self.tx.put("run", batch_id, row.moved({"last_progress_at": self.tx.now}, state=RunState.CANCELLED))
        return ended

    @statement
    def lapsed_commits(self) -> list[str]:
        now = self.tx.now

        def waits(row: RunRow) -> bool:
            if row.state is RunState.COMMITTING:
                return row.lease_until < now
            return row.state is RunState.OPEN and row.last_progress_at < now - _UNTOLD_SECONDS

        rows = [row for row in self._all() if waits(row)]
        rows = [row for row in rows if row.state is RunState.COMMITTING or is_complete(self.tx, row)]
        return [row.run.batch_id for row in sorted(rows, key=lambda row: row.created_at)]

    @statement
    def forgotten_ai_phases(self, *, older_than_seconds: int) -> list[Run]:
        then = self.tx.now - older_than_seconds
        told = []
        for row in list(self._all()):
            state = row.run.ai_state
            is_idle = state == "pending" or (state == "running" and row.ai_lease_until < then)
            if row.state is not RunState.COMMITTED or row.last_progress_at >= then or not is_idle:
                continue
            if self.tx.try_lock("run", row.run.batch_id):
                self.tx.put("run", row.run.batch_id, replace(row, last_progress_at=self.tx.now))
                told.append(row.run)
        return told

    def _all(self) -> Iterable[RunRow]:
        return self.tx.rows("run").values()

    def _active(self, brand_slug: str, scope: str) -> RunRow | None:
        of_brand = (row for row in self._all() if (row.run.brand_slug, row.run.scope) == (brand_slug, scope))
        return next((row for row in of_brand if row.is_active), None)

    def _in_the_way(self, run: NewRun) -> RunRow | None:
        same = (row for row in self._all() if row.gather_key == run.gather_key or row.run.batch_id == run.batch_id)
        return self._active(run.brand_slug, run.scope) or next(same, None)

    def _locked_by_others(self) -> set[str]:
        return {key for (table, key), owner in self.tx.store.locks.items() if table == "run" and owner is not self.tx}

    def _row(self, run: NewRun, state: RunState) -> RunRow:
        stored = Run(run.batch_id, run.scope, run.brand_slug, state, run.expected_count, 0, "none", dict(run.source))
        return RunRow(stored, run.gather_key, self.tx.now, self.tx.now)

    def _end(self, batch_id: str, token: int, changes: Mapping[str, Any], **run_changes: Any) -> bool:
        row = self.tx.update(
            "run", batch_id, lambda row: holds_lease(row, token), lambda row: row.moved(changes, **run_changes)
        )
        return row is not None

    def _requests(self, row: RunRow) -> list[str]:
        linked = (request for request, batch_id in self.tx.rows("request_run") if batch_id == row.run.batch_id)
        return [self.tx.get("request", request) for request in linked]

    def _has(self, row: RunRow, status: str) -> bool:
        return status in self._requests(row)

    def _is_wanted(self, row: RunRow) -> bool:
        if row.state is not RunState.OPEN or "kept" in row.run.source:
            return True
        return any(status != "cancelled" for status in self._requests(row))


def holds_lease(row: RunRow, token: int) -> bool:
    """Whether the token is that of the newest lease of a run being committed."""
    return row.state is RunState.COMMITTING and row.run.fence == token


class MemoryLeases(Noun):
    """Who may commit."""

    @statement
    def grant(self, batch_id: str, *, lease_seconds: float) -> int | None:
        row = self.tx.update(
            "run",
            batch_id,
            lambda row: self._is_free(row) and is_complete(self.tx, row),
            lambda row: row.moved(
                {"lease_until": self.tx.now + lease_seconds}, state=RunState.COMMITTING, fence=row.run.fence + 1
            ),
        )
        return None if row is None else row.run.fence

    @statement
    def extend(self, batch_id: str, *, token: int, lease_seconds: float) -> bool:
        return self._set(batch_id, token, lease_seconds)

    @statement
    def release(self, batch_id: str, *, token: int) -> None:
        self._set(batch_id, token, -1)

    def _is_free(self, row: RunRow) -> bool:
        return row.state is RunState.OPEN or (row.state is RunState.COMMITTING and row.lease_until < self.tx.now)

    def _set(self, batch_id: str, token: int, seconds: float) -> bool:
        row = self.tx.update(
            "run",
            batch_id,
            lambda row: holds_lease(row, token),
            lambda row: replace(row, lease_until=self.tx.now + seconds),
        )
        return row is not None


class MemoryAiPhases(Noun):
    """Who reads."""

    @statement
    def claim(self, batch_id: str, *, lease_seconds: float) -> int | None:
        now = self.tx.now
        row = self.tx.update(
            "run",
            batch_id,
            lambda row: row.run.ai_state == "pending" or (row.run.ai_state == "running" and row.ai_lease_until < now),
            lambda row: row.moved(
                {"ai_fence": row.ai_fence + 1, "ai_lease_until": now + lease_seconds}, ai_state="running"
            ),
        )
        return None if row is None else row.ai_fence

    @statement
    def extend(self, batch_id: str, *, token: int, lease_seconds: float) -> bool:
        until = self.tx.now + lease_seconds
        return self._change(batch_id, token, lambda row: replace(row, ai_lease_until=until))

    @statement
    def release(self, batch_id: str, *, token: int) -> None:
        self._change(batch_id, token, lambda row: row.moved({}, ai_state="pending"))

    @statement
    def finish(self, batch_id: str, *, token: int | None) -> bool:
        if token is not None:
            return self._change(batch_id, token, lambda row: row.moved({}, ai_state="done"))
        row = self.tx.update(
            "run", batch_id, lambda row: row.run.ai_state != "none", lambda row: row.moved({}, ai_state="done")
        )
        return row is not None

    def _change(self, batch_id: str, token: int, change: Callable[[RunRow], RunRow]) -> bool:
        row = self.tx.update(
            "run", batch_id, lambda row: row.run.ai_state == "running" and row.ai_fence == token, change
        )
        return row is not None
