"""The command line: ``--seeds N [--from N]``, ``--seed N [--trace]``, ``--mutations``."""

from __future__ import annotations

import argparse
import sys

from tests.faults.simulation.campaigns import MOST_SEEDS, run_mutations, run_seeds
from tests.faults.simulation.world import simulate


def main() -> int:
    """0 when no rule was broken, or every mutation was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=MOST_SEEDS)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--mutations", action="store_true")
    options = parser.parse_args()

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    if options.seed is not None:
        outcome = simulate(options.seed, trace=say if options.trace else None)
        say(str(outcome))
        return int(bool(outcome.failures))
    passed = run_mutations(say) if options.mutations else run_seeds(options.first, options.seeds, say)
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
