"""``python -m benchmarks.pipeline``: R1 and R7, with their tables."""

from __future__ import annotations

import argparse
import sys

import benchmarks.pipeline
from benchmarks.harness import server_settings, temporary_system
from benchmarks.pipeline import r1, r7
from benchmarks.pipeline.celery_peer import PYTHON
from benchmarks.pipeline.media_host import media_host
from benchmarks.pipeline.sides import Bench


def main() -> int:
    """Measure, check every record, report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pipeline", description=benchmarks.pipeline.__doc__)
    parser.add_argument("--only", choices=("r1", "r7"))
    parser.add_argument("--urls", type=int, default=600, help="R1: a run")
    parser.add_argument("--pairs", type=int, default=3, help="R1: runs of each side")
    options = parser.parse_args()
    if not PYTHON.exists():
        sys.exit("Celery isn't installed: run `make bench-pipeline`")
    with temporary_system() as system, media_host() as host:
        bench, settings = Bench(system, host), server_settings(system)
        if options.only in (None, "r1"):
            r1.measure(bench, urls=options.urls, pairs=options.pairs, settings=settings)
        if options.only in (None, "r7"):
            r7.measure(bench, settings=settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
