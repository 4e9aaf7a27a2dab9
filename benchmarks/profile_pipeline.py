"""Where the time of the pipeline goes, by phase: ``make bench-profile_pipeline``.

Small pictures from a server on loopback go through gather → acquire → commit in the role ``all``. The daemon is the
shipped one, with a timer around the functions that are its phases (``benchmarks/pipeline/timed_daemon.py``): *thread*
is how long a thread was in a phase, waits included; *CPU* is what it computed. Both are without the phases inside.
pg_stat_statements says what PostgreSQL did: a statement's time holds its wait for locks, not the flush of its commit.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from benchmarks.harness import System, report, server_settings, temporary_system, tree_usage
from benchmarks.pipeline.media_host import media_host
from benchmarks.pipeline.ours import Setup, ours
from benchmarks.pipeline.sides import Bench, Side, await_commits, check, superuser
from benchmarks.pipeline.timed_daemon import PHASES

_WARM_UP_URLS = 200
_TIMES_WRITTEN_SECONDS = 1.5  # they are every half second
_STATEMENTS = text("""
    SELECT calls, round(total_exec_time::numeric, 1)::float8 AS milliseconds,
           regexp_replace(left(query, 400), '\\s+', ' ', 'g') AS query
    FROM pg_stat_statements JOIN pg_database ON oid = dbid
    WHERE datname = current_database() ORDER BY total_exec_time DESC LIMIT 12
""")

Sums = Mapping[str, Mapping[str, float]]
"""Calls, seconds and processor seconds by phase."""


def main() -> int:
    """Run, check the record, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--urls", type=int, default=2_000)
    parser.add_argument("--queue", choices=("postgresql", "sqs"), default="postgresql")
    options = parser.parse_args()
    with temporary_system({"shared_preload_libraries": "pg_stat_statements"}) as system, media_host() as host:
        bench, times = Bench(system, host), system.settings.home / "times.json"
        environment = {"BENCH_TIMES": str(times)} | ({"ADOLOGY_QUEUE_URL": ""} if options.queue == "postgresql" else {})
        setup = Setup(environment, module="benchmarks.pipeline.timed_daemon")
        with bench.running(ours(bench, setup)) as (side, _):
            go(bench, side, _WARM_UP_URLS)
            reset_statements(system)
            before = read(times)
            used = Counter(processor_seconds(system))
            seconds = go(bench, side, options.urls)
            after = read(times)
            used = Counter(processor_seconds(system)) - used
        statements, settings = statements_of(system), server_settings(system)
    rows = table(before, after, urls=options.urls)
    tell(rows, statements, options.urls)
    figures = {"urls": options.urls, "seconds": seconds, "urls_per_second": options.urls / seconds}
    cpu = {f"{name}_cpu_ms_a_url": 1000 * seconds / options.urls for name, seconds in used.items()}
    report("profile_pipeline", {**figures, **cpu}, {"phases": rows, "statements": statements}, settings)
    return 0


def go(bench: Bench, side: Side, urls: int) -> float:
    """Ask and wait; seconds until the last commit."""
    brands = bench.brands(urls)
    side.ask(brands)
    seconds = await_commits(side, brands, seconds=600)
    if seconds is None:
        sys.exit("void: not committed")
    check(side, brands, failed=0)
    return seconds


def read(times: Path) -> Sums:
    """The sums once everything until now is among them."""
    time.sleep(_TIMES_WRITTEN_SECONDS)
    sums: Sums = json.loads(times.read_text())
    return sums


def processor_seconds(system: System) -> dict[str, float]:
    """What our processes have used so far: the daemon itself, its decoders, PostgreSQL."""
    daemon = next(child.pid for child in psutil.Process().children() if "all" in child.cmdline())
    together = tree_usage(daemon).cpu_seconds
    own = 0.0
    for process in (psutil.Process(daemon), *psutil.Process(daemon).children()):
        times = process.cpu_times()
        own += times.user + times.system
    return {"daemon": own, "decoders": together - own, "postgresql": tree_usage(system.server_pid).cpu_seconds}


def table(before: Sums, after: Sums, *, urls: int) -> dict[str, dict[str, float]]:
    """Calls, thread and processor milliseconds a URL by phase; the most computing first."""
    rows = {}
    for phase in PHASES:
        then = before.get(phase, {})
        spent = {key: value - then.get(key, 0.0) for key, value in after.get(phase, {}).items()}
        if spent.get("calls"):
            rows[phase] = {
                "cpu_ms_a_url": round(1000 * spent["cpu_seconds"] / urls, 3),
                "thread_ms_a_url": round(1000 * spent["seconds"] / urls, 3),
                "calls_a_url": round(spent["calls"] / urls, 3),
            }
    return dict(sorted(rows.items(), key=lambda row: -row[1]["cpu_ms_a_url"]))


def tell(rows: Mapping[str, Mapping[str, float]], statements: list[dict[str, Any]], urls: int) -> None:
    """The tables."""
    print(f"{'milliseconds a URL, by phase':<42}{'CPU':>8}{'thread':>9}{'calls':>8}")
    for name, row in rows.items():
        print(f"{name:<42}{row['cpu_ms_a_url']:>8.2f}{row['thread_ms_a_url']:>9.2f}{row['calls_a_url']:>8.2f}")
    print(f"\n{'PostgreSQL: ms a URL':>22}{'calls':>8}")
    for row in statements:
        print(f"{row['milliseconds'] / urls:>22.3f}{row['calls']:>8}   {row['query']:.120}")


def reset_statements(system: System) -> None:
    """Count PostgreSQL's statements from now."""
    engine = superuser(system)
    with engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_stat_statements"))
        connection.execute(text("SELECT pg_stat_statements_reset()"))
    engine.dispose()


def statements_of(system: System) -> list[dict[str, Any]]:
    """The dearest statements since then."""
    engine = superuser(system)
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(_STATEMENTS)]
    engine.dispose()
    return rows


if __name__ == "__main__":
    sys.exit(main())
