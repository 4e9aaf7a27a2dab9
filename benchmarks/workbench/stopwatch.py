"""How long the script of a page runs, measured around it: both sides wear the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

measured_ms: list[float] = []


@contextmanager
def stopwatch() -> Iterator[None]:
    """Add the milliseconds of the block to ``measured_ms``."""
    began = time.perf_counter()
    yield
    measured_ms.append(1000 * (time.perf_counter() - began))
