"""``python -m benchmarks.api [--ads 10000 100000 1000000]``: R10, with its tables."""

from __future__ import annotations

import argparse
import sys

import benchmarks.api
from benchmarks.api import r10


def main() -> int:
    """Measure each size, report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.api", description=benchmarks.api.__doc__)
    parser.add_argument("--ads", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", nargs="+", default=[], help="names of endpoints")
    options = parser.parse_args()
    r10.measure(options.ads, pairs=options.pairs, only=options.only)
    return 0


if __name__ == "__main__":
    sys.exit(main())
