"""What a commit writes: the record of a run's ads, in the transaction that also checks the lease."""

from __future__ import annotations

from collections import Counter
from typing import Any

from core.adapters.postgres.brand_figures import recount
from core.adapters.postgres.content_store import store_vectors
from core.adapters.postgres.engine import Connection
from core.adapters.postgres.record_store import (
    demote_avatars,
    known_avatars,
    repair_media,
    write_contents,
    write_creatives,
    write_scan,
)
from core.domain.run import ItemResult, Run
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
from core.pipeline.store import Transaction
from core.sources.records import record_from_json

_VECTOR_ITEM_BYTES = 4  # float32


def write_record(store: Transaction, run: Run) -> dict[str, Any]:
    """Write the run's ads, creatives, contents and vectors; returns the ledger. Twice changes nothing."""
    results = {result.item_id: result for result in store.items.results(run.batch_id)}
    write = _write_ads if run.repairs is None else _write_repair
    return write(store, run, results)


def _write_ads(store: Transaction, run: Run, results: dict[str, ItemResult]) -> dict[str, Any]:
    connection = store.connection
    ads = [
        manifest_ad(ad_id, document, item_ids, record_from_json(document))
        for ad_id, document, item_ids in store.items.records(run.batch_id)
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
    recount(connection, run.scope, run.brand_slug, [ad.ad_id for ad in ads])
    return ledger


def _write_repair(store: Transaction, run: Run, results: dict[str, ItemResult]) -> dict[str, Any]:
    """Media that an earlier run could not have: the ads they belong to are stored, and no scan took place."""
    connection = store.connection
    avatars = known_avatars(connection, run.scope, _hashes(results))
    ledger = {
        "creatives_new": write_creatives(connection, creative_rows(results.values(), run.scope)),
        "vectors_new": _write_vectors(connection, run.scope, results),
        "media": media_ledger(results.values(), avatars),
        "repaired": repair_media(connection, run.scope, results.values()),
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
    return {"scans": len({rows.scan_id for rows in scans}), **totals}


def _write_vectors(connection: Connection, scope: str, results: dict[str, ItemResult]) -> int:
    written = 0
    for model, vectors in vector_rows(results.values()).items():
        dimension = len(next(iter(vectors.values()))) // _VECTOR_ITEM_BYTES
        written += store_vectors(connection, scope=scope, model=model, vectors=vectors.items(), dimension=dimension)
    return written
