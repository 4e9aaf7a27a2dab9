"""``python -m tests.faults.soak --seconds 60 --seed 7``: soak the system, tell what became of its record.

The exit status is 1 when something was lost, doubled, invented or stuck; the histories are kept then.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

from core.observability.logs import configure_logging
from tests.faults.soak.daemon_process import BREAKS
from tests.faults.soak.soak import Options, Outcome, prepared_soak

_SHOWN = 5


def main() -> int:
    """Soak once per seed."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long faults strike")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--queue", choices=("postgres", "sqs"), default="postgres")
    parser.add_argument("--brands", type=int, default=30)
    parser.add_argument("--urls", type=int, default=100, help="pictures of a scan")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--heal-seconds", type=float, default=120.0, help="how long it may take after the last fault")
    parser.add_argument("--break-by", choices=("", *BREAKS), default="", help="soak a system broken on purpose")
    parser.add_argument("--folder", type=Path, help="where the histories go; else a new one")
    given = vars(parser.parse_args())
    given["folder"] = given["folder"] or Path(tempfile.mkdtemp(prefix="soak-"))
    configure_logging(level="ERROR", json=False)
    with prepared_soak(Options(**{field.name: given[field.name] for field in fields(Options)})) as soak:
        outcome = soak.run()
    tell(outcome, soak.options)
    return 0 if outcome.is_good else 1


def tell(outcome: Outcome, options: Options) -> None:
    """The result line, and the first of what is wrong."""
    figures = {"seconds": f"{options.seconds:g}", "seed": options.seed, "queue": options.queue, **outcome.figures()}
    verdict = outcome.verdict
    for name, elements in (
        ("lost", verdict.lost), ("duplicated", verdict.duplicated), ("unexpected", verdict.unexpected)
    ):  # fmt: skip
        for element in elements[:_SHOWN]:
            sys.stdout.write(f"{name}: {' '.join(element)}\n")
    if outcome.undone:
        sys.stdout.write(f"stuck: {outcome.undone}\n")
    if outcome.left_behind:
        sys.stdout.write(f"processes left behind: {outcome.left_behind}\n")
    sys.stdout.write(f"histories: {options.folder}\n")
    sys.stdout.write(f"RESULT L4 {' '.join(f'{name}={value}' for name, value in figures.items())}\n")


if __name__ == "__main__":
    sys.exit(main())
