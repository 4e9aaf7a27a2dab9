"""R5's moonshot: how far the commit's write path is from a bare COPY of the same rows.

``python -m benchmarks.commit_copy [--ads 20000] [--pairs 5]``.

Ours is what a commit does per brand, in one transaction of the role worker: build the rows of six tables from the
manifest and the item results (``core/pipeline/rows.py``), compare with what is known, COPY each to a temporary table,
INSERT … ON CONFLICT under row-level security into tables with primary keys, foreign keys and indexes (the trigram index
of the contents included). Bare COPY writes the same rows, built beforehand, to six equal tables without keys, indexes,
conflicts or row-level security, in one transaction per brand. execute_values does the same with INSERT … VALUES.
Both format the values themselves; fsync and synchronous_commit are on for all; tables are emptied before each round.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from statistics import median
from typing import Any

from psycopg2.extras import execute_values
from sqlalchemy import Connection, Engine, create_engine, text

from benchmarks.harness import System, ratio_of, report, server_settings, temporary_system
from core.adapters.file_secrets import FileSecretStore
from core.adapters.postgres import record_store as store
from core.adapters.postgres.bulk import copy_rows
from core.adapters.postgres.roles import describe_cluster
from core.bootstrap import DATABASE_NAME, SAMPLE_AS_OF, admin_url
from core.domain.media import MediaStatus
from core.domain.principal import SHARED_SCOPE
from core.domain.run import ItemResult, ItemState
from core.pipeline.manifest import build_manifest
from core.pipeline.rows import (
    ManifestAd,
    RunContext,
    content_rows,
    creative_rows,
    find_avatars,
    manifest_ad,
    scan_rows,
)
from core.sources.records import record_from_json
from core.sources.sample import SampleMarket

COLUMNS = {
    "ad": store.AD_COLUMNS,
    "ad_version": store.VERSION_COLUMNS,
    "observation": store.OBSERVATION_COLUMNS,
    "ad_media": store.MEDIA_COLUMNS,
    "creative": store.CREATIVE_COLUMNS,
    "content": store.CONTENT_COLUMNS,
}
Rows = dict[str, list[store.Row]]


@dataclass(frozen=True, slots=True)
class BrandRun:
    """What the commit of one brand starts from."""

    brand: str
    ads: Sequence[ManifestAd]
    results: dict[str, ItemResult]


def main() -> int:
    """Measure in pairs (A-B-B-A), check every round, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ads", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    runs = brand_runs(options.ads)
    built = [rows_of(run) for run in runs]
    counts = {name: len({tuple(row[:2]) for rows in built for row in rows[name]}) for name in COLUMNS}
    with temporary_system() as system:
        owner = _owner(system)
        _make_bare_tables(owner)
        sides: dict[str, Callable[[], None]] = {
            "commit": lambda: commit(system, runs),
            "copy": lambda: bare(owner, built, copy_bare),
            "execute_values": lambda: bare(owner, built, insert_bare),
        }
        seconds = measure(owner, sides, counts, options.pairs)
        settings = server_settings(system)
        owner.dispose()
    tell(seconds, counts, settings)
    return 0


def brand_runs(ads: int) -> list[BrandRun]:
    """The manifests of one scan of the sample market, every medium stored."""
    market = SampleMarket(as_of=SAMPLE_AS_OF, ads=ads)
    runs = []
    for brand in market.brands:
        manifest = build_manifest(market.scan(brand.slug, market.as_of), SHARED_SCOPE)
        found = [(i, json.loads(json.dumps(body)), items) for i, body, items in manifest.entries]
        results = {item.item_id: _stored(item.item_id, item.url, str(item.kind)) for item in manifest.items.values()}
        runs.append(
            BrandRun(brand.slug, [manifest_ad(i, body, ids, record_from_json(body)) for i, body, ids in found], results)
        )
    return runs


def _stored(item_id: str, url: str, kind: str) -> ItemResult:
    if kind == "text":
        return ItemResult(item_id, url, ItemState.OK, None, None, {}, None)
    digest = hashlib.sha256(url.encode()).hexdigest()
    facts = {"sha256": digest, "content_type": "image/png", "size_bytes": 50_000, "width": 1080, "height": 1080}
    return ItemResult(item_id, url, ItemState.OK, MediaStatus.OK, None, facts, None)


def rows_of(run: BrandRun) -> Rows:
    """The rows of one brand, as the commit builds them."""
    context = RunContext(SHARED_SCOPE, run.brand, run.results, find_avatars(run.ads, run.results))
    scans = scan_rows(run.ads, context)
    return {
        "ad": [row for scan in scans for row in scan.ads],
        "ad_version": [row for scan in scans for row in scan.versions],
        "observation": [row for scan in scans for row in scan.observations],
        "ad_media": [row for scan in scans for row in scan.media],
        "creative": creative_rows(run.results.values(), SHARED_SCOPE),
        "content": content_rows(run.ads, SHARED_SCOPE),
    }


# --- the sides -----------------------------------------------------------------------------------------


def commit(system: System, runs: Sequence[BrandRun]) -> None:
    """Ours: rows built and written, a transaction per brand."""
    for run in runs:
        with system.services.database.worker(SHARED_SCOPE) as connection:
            ads = [replace(ad) for ad in run.ads]  # afresh: an ad remembers its hashes
            context = RunContext(SHARED_SCOPE, run.brand, run.results, find_avatars(ads, run.results))
            store.write_creatives(connection, creative_rows(run.results.values(), SHARED_SCOPE))
            store.write_contents(connection, content_rows(ads, SHARED_SCOPE))
            for rows in scan_rows(ads, context):
                store.write_scan(connection, rows, batch_id="benchmark")


def bare(owner: Engine, built: Sequence[Rows], write: Callable[[Connection, str, list[store.Row]], None]) -> None:
    """The peers: rows built beforehand, a transaction per brand."""
    for rows in built:
        with owner.begin() as connection:
            for name, of_table in rows.items():
                write(connection, name, of_table)


def copy_bare(connection: Connection, name: str, rows: list[store.Row]) -> None:
    """COPY straight into the bare table."""
    copy_rows(connection, f"COPY bare_{name} ({_names(name)}) FROM STDIN", rows)


def insert_bare(connection: Connection, name: str, rows: list[store.Row]) -> None:
    """INSERT … VALUES, a thousand rows a statement (its best here)."""
    cursor: Any = connection.connection.cursor()
    plain = [tuple(json.dumps(value) if isinstance(value, dict) else value for value in row) for row in rows]
    execute_values(cursor, f"INSERT INTO bare_{name} ({_names(name)}) VALUES %s", plain, page_size=1000)
    cursor.close()


def _names(name: str) -> str:
    return ", ".join(f'"{column}"' for column in COLUMNS[name])


# --- measuring -----------------------------------------------------------------------------------------


def measure(
    owner: Engine, sides: dict[str, Callable[[], None]], counts: dict[str, int], pairs: int
) -> dict[str, list[float]]:
    """Seconds of each side, pair by pair in the order A-B-B-A; the first round of each warms up and doesn't count."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(pairs + 1):
        for name in list(sides) if number % 2 else list(sides)[::-1]:
            _empty(owner)
            began = time.perf_counter()
            sides[name]()
            took = time.perf_counter() - began
            check(owner, "" if name == "commit" else "bare_", counts)
            if number:
                seconds[name].append(took)
    return seconds


def check(owner: Engine, prefix: str, counts: dict[str, int]) -> None:
    """Every row is there, else the round is void."""
    with owner.connect() as connection:
        for name, expected in counts.items():
            found = connection.execute(
                text(f"SELECT count(*) FROM (SELECT DISTINCT {_key(name)} FROM {prefix}{name}) AS d")
            ).scalar_one()
            assert found == expected, f"void: {prefix}{name} has {found} rows, not {expected}"


def _key(name: str) -> str:
    return ", ".join(f'"{column}"' for column in COLUMNS[name][:2])


def _owner(system: System) -> Engine:
    cluster = describe_cluster(admin_url(system.settings), DATABASE_NAME, FileSecretStore(system.settings.home))
    # The administrator of the server: the owner itself is bound by row-level security and would count nothing.
    return create_engine(cluster.owner.set(username="postgres"))


def _make_bare_tables(owner: Engine) -> None:
    with owner.begin() as connection:
        for name in COLUMNS:
            connection.execute(text(f"CREATE TABLE bare_{name} (LIKE {name} INCLUDING DEFAULTS)"))


def _empty(owner: Engine) -> None:
    tables = ", ".join([*COLUMNS, "scan", *(f"bare_{name}" for name in COLUMNS)])
    with owner.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"TRUNCATE {tables} CASCADE"))
        connection.execute(text("CHECKPOINT"))  # nobody pays for what another wrote


def tell(seconds: dict[str, list[float]], counts: dict[str, int], settings: dict[str, str]) -> None:
    """The table, then the result: rows per second of ours ÷ those of a bare COPY, over the same rows."""
    rows = sum(counts.values())
    print(", ".join(f"{count} {name}" for name, count in counts.items()) + f": {rows} rows")
    rates = {name: rows / median(took) for name, took in seconds.items()}
    for name, rate in rates.items():
        print(f"{name:<16}{rate:>10.0f} rows/s {counts['ad'] / median(seconds[name]):>10.0f} ads/s")
    ratio = ratio_of(seconds["copy"], seconds["commit"])
    inserts = ratio_of(seconds["execute_values"], seconds["commit"])
    figures = {
        "ratio": ratio.median,
        "min": ratio.smallest,
        "max": ratio.largest,
        "pairs": ratio.pairs,
        "rows_per_second": round(rates["commit"]),
        "copy_rows_per_second": round(rates["copy"]),
        "to_execute_values": inserts.median,
    }
    report("COMMIT", figures, {"seconds": seconds, "rows": counts, "as_of": date.isoformat(SAMPLE_AS_OF)}, settings)


if __name__ == "__main__":
    sys.exit(main())
