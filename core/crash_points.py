"""Named places where a process may die between two effects: nothing happens there unless a proof arms one.

``arm("commit.committed", hit=2)`` ends the process at its second passage, as kill -9 would: no ``finally``, no flush.
With ``stop`` it stands still there instead, until somebody sends SIGCONT.
"""

from __future__ import annotations

import mmap
import os
import signal
import threading
from collections.abc import Callable
from typing import Final

from core.errors import BadInputError

CRASH_STATUS: Final = 137  # what a shell reports for kill -9
_COUNT_BYTES: Final = 8

CRASH_POINTS: Final = (
    "consumer.received",
    "consumer.handled",
    "consumer.deleted",
    "gather.asked",
    "gather.storing",
    "gather.stored",
    "gather.started",
    "relay.taken",
    "relay.sent",
    "acquire.fetched",
    "acquire.done",
    "acquire.submitted",
    "registry.recorded",
    "registry.leased",
    "commit.begun",
    "commit.written",
    "commit.closing",
    "commit.committed",
    "commit.completed",
    "sweep.leased",
    "ai.by_rules",
    "ai.handed_on",
    "ai.claimed",
    "ai.read",
    "ai.finished",
    "export.begun",
    "export.written",
    "export.stored",
    "export.finished",
    "webhook.claimed",
    "webhook.sent",
    "dead_letter.closed",
    "dead_letter.filed",
)


def _nothing(name: str) -> None:
    """Unarmed."""


_passed: Callable[[str], None] = _nothing


def crash_point(name: str) -> None:
    """The process may end here; whatever isn't stored by now is lost."""
    _passed(name)


def arm(name: str, *, hit: int = 1, stop: bool = False) -> None:
    """End (or ``stop``) the process at the ``hit``-th passage of ``name``. Raises BadInputError for a name there isn't.

    Children forked afterwards count on together: the worker that gunicorn starts in place of a dead one isn't armed.
    """
    if name not in CRASH_POINTS:
        raise BadInputError(f"no crash point {name!r}: {', '.join(CRASH_POINTS)}")
    passages, lock = mmap.mmap(-1, _COUNT_BYTES), threading.Lock()

    def act_at_the_hit(passed: str) -> None:
        if passed != name:
            return
        with lock:
            count = int.from_bytes(passages[:]) + 1
            passages[:] = count.to_bytes(_COUNT_BYTES)
        if count == hit:
            _stop() if stop else os._exit(CRASH_STATUS)

    watch(act_at_the_hit)


def _stop() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


def watch(passed: Callable[[str], None] | None) -> None:
    """Call ``passed`` with the name at every passage; None for nothing. For proofs."""
    global _passed  # noqa: PLW0603 - one switch for the whole process, as a crash is
    _passed = passed or _nothing
