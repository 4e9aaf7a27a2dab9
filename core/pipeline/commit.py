"""Phase 2, per run: whoever holds the lease commits all of it in one transaction."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from core.adapters.postgres.content_store import store_vectors
from core.adapters.postgres.engine import Connection, Database
from core.adapters.postgres.record_store import (
    demote_avatars,
    known_avatars,
    write_contents,
    write_creatives,
    write_scan,
)
from core.adapters.postgres.run_store import (
    RunRow,
    clear_manifest,
    close_run,
    find_run,
    insert_messages,
    records_of,
    results_of,
)
from core.domain.run import ItemResult, RunState
from core.errors import NotFoundError, RetryableError, StaleError
from core.messages import AI_QUEUE, AiPhaseMessage
from core.observability.logs import get_logger
from core.pipeline.rows import (
    AVATAR_ONLY,
    ManifestAd,
    RunContext,
    content_rows,
    creative_rows,
    find_avatars,
    manifest_ad,
    media_ledger,
    scan_rows,
    vector_rows,
)
from core.sources.records import record_from_json

_log = get_logger(__name__)
_VECTOR_ITEM_BYTES = 4  # float32


@dataclass(frozen=True, slots=True)
class Committer:
    """Commit with its port."""

    database: Database

    def commit(self, batch_id: str, *, token: int) -> dict[str, Any]:
        """Write the run and its AI message in one transaction; returns the ledger.

        Raises StaleError when another holds the lease by now: nothing was written. A connection lost during
        COMMIT is resolved by reading the run, never by a blind retry.
        """
        try:
            return self._commit(batch_id, token)
        except RetryableError:
            if self._state(batch_id) is RunState.COMMITTED:
                _log.warning("commit was acknowledged late", batch_id=batch_id)
                return {}
            raise

    def _state(self, batch_id: str) -> RunState:
        with self.database.machinery() as connection:
            run = find_run(connection, batch_id=batch_id)
        if run is None:
            raise NotFoundError(f"no run {batch_id}")
        return run.state

    def _commit(self, batch_id: str, token: int) -> dict[str, Any]:
        with self.database.machinery() as connection:
            run = find_run(connection, batch_id=batch_id)
        if run is None:
            raise NotFoundError(f"no run {batch_id}")
        with self.database.worker(run.scope) as connection:
            ledger = self._write(connection, run)
            # Last, so that the row is locked for a moment only: a stale token rolls everything back.
            if not close_run(connection, batch_id, token=token, ledger=ledger, ai_state="pending"):
                raise StaleError(f"the lease on run {batch_id} is lost; another worker commits it")
            message = AiPhaseMessage(brand=run.brand_slug, scope=run.scope, batch_id=batch_id)
            insert_messages(connection, AI_QUEUE, [message.to_body()])
            clear_manifest(connection, batch_id)
        _log.info("run committed", brand=run.brand_slug, batch_id=batch_id, **_flat(ledger))
        return ledger

    def _write(self, connection: Connection, run: RunRow) -> dict[str, Any]:
        results = {result.item_id: result for result in results_of(connection, run.batch_id)}
        ads = [
            manifest_ad(ad_id, document, item_ids, record_from_json(document))
            for ad_id, document, item_ids in records_of(connection, run.batch_id)
        ]
        avatars = find_avatars(ads, results) | known_avatars(connection, run.scope, _hashes(results))
        context = RunContext(run.scope, run.brand_slug, results, avatars)
        ledger = {
            "rows": sum(max(len(ad.record.lines), 1) for ad in ads),
            "creatives_new": write_creatives(connection, creative_rows(results.values(), run.scope)),
            "contents_new": write_contents(connection, content_rows(ads, run.scope)),
            "vectors_new": _write_vectors(connection, run.scope, results),
            "media": media_ledger(results.values(), context.avatars),
            **_write_scans(connection, ads, context, run.batch_id),
        }
        demote_avatars(connection, run.scope, avatars, reason=AVATAR_ONLY)
        return ledger


def _hashes(results: dict[str, ItemResult]) -> list[str]:
    return [str(result.facts["sha256"]) for result in results.values() if "sha256" in result.facts]


def _write_scans(connection: Connection, ads: list[ManifestAd], context: RunContext, batch_id: str) -> dict[str, Any]:
    totals: Counter[str] = Counter()
    scans = scan_rows(ads, context)
    for rows in scans:
        totals.update(write_scan(connection, rows, batch_id=batch_id))
    return {"scans": len(scans), **totals}


def _write_vectors(connection: Connection, scope: str, results: dict[str, ItemResult]) -> int:
    written = 0
    for model, vectors in vector_rows(results.values()).items():
        dimension = len(next(iter(vectors.values()))) // _VECTOR_ITEM_BYTES
        written += store_vectors(connection, scope=scope, model=model, vectors=vectors.items(), dimension=dimension)
    return written


def _flat(ledger: dict[str, Any]) -> dict[str, Any]:
    return {name: ledger[name] for name in ("ads", "new", "changed", "seen_again", "not_seen") if name in ledger}
