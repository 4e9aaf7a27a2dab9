"""``python -m daemon`` that times its phases: calls, seconds and processor seconds of each, without the phases inside.

Functions of the shipped code are wrapped from outside; a few microseconds a call. Every half second the sums so far are
written to the file that ``BENCH_TIMES`` names.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import daemon.__main__
from daemon.server import DaemonServer

# What is timed: the phase, and where its function is found by whoever calls it.
PHASES: Mapping[str, tuple[str, ...]] = {
    "gather": ("core.pipeline.gather:Gatherer.gather",),
    "queue: send": (
        "core.adapters.postgres.pg_queue:PostgresQueue.send_batch",
        "core.adapters.sqs_queue:SqsQueue.send_batch",
    ),
    "queue: receive (waits for messages)": (
        "core.adapters.postgres.pg_queue:PostgresQueue.receive",
        "core.adapters.sqs_queue:SqsQueue.receive",
    ),
    "queue: delete": (
        "core.adapters.postgres.pg_queue:PostgresQueue.delete_batch",
        "core.adapters.sqs_queue:SqsQueue.delete_batch",
    ),
    "queue: extend": (
        "core.adapters.postgres.pg_queue:PostgresQueue.change_visibility",
        "core.adapters.sqs_queue:SqsQueue.change_visibility",
    ),
    "outbox relay, the rest": ("daemon.roles:send_outbox",),
    "URL job, the rest": ("daemon.handlers.acquire:AcquireHandler.handle",),
    "known_creative": ("core.pipeline.acquire:known_creative",),
    "fetch": ("core.adapters.guarded_fetch:GuardedMediaFetcher.open",),
    "object put, the rest": ("core.adapters.folder_objects:FolderObjectStore.put",),
    "object put: fsync": ("os:fsync",),
    "decode (waits for its process)": ("core.adapters.decoder_pool:DecoderPool.describe",),
    "registry client (waits for the server)": ("registry.client:RegistryClient._post",),
    "registry server: HTTP": ("gunicorn.workers.gthread:ThreadWorker.handle_request",),
    "registry server: memory": ("registry.active_brands:ActiveBrands.submit",),
    "registry server: journal write": ("core.pipeline.journal:RunJournal.record",),
    "commit": ("core.pipeline.commit:Committer.commit",),
    "AI phase": ("daemon.handlers.enrich:EnrichHandler.handle",),
    "progress": ("daemon.roles:report_progress",),
    "sweeps": ("core.pipeline.sweep:Sweeper.sweep",),
}
_WRITE_SECONDS = 0.5


class PhaseTimer:
    """Sums by phase; a phase's own time is without the timed calls inside it. Thread-safe."""

    def __init__(self, wall: Callable[[], float], processor: Callable[[], float]) -> None:
        self._wall, self._processor = wall, processor
        self._lock = threading.Lock()
        self._sums: dict[str, list[float]] = {}
        self._stack = threading.local()

    def sums(self) -> dict[str, dict[str, float]]:
        """``calls``, ``seconds`` and ``cpu_seconds`` by phase."""
        with self._lock:
            return {
                name: dict(zip(("calls", "seconds", "cpu_seconds"), s, strict=True)) for name, s in self._sums.items()
            }

    def timed(self, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, timed."""

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            outer = getattr(self._stack, "inner", None)
            self._stack.inner = inner = [0.0, 0.0]
            began, began_cpu = self._wall(), self._processor()
            try:
                return function(*args, **kwargs)
            finally:
                passed, used = self._wall() - began, self._processor() - began_cpu
                self._stack.inner = outer
                if outer is not None:
                    outer[0] += passed
                    outer[1] += used
                self._add(phase, passed - inner[0], used - inner[1])

        return call

    def _add(self, phase: str, seconds: float, cpu_seconds: float) -> None:
        with self._lock:
            sums = self._sums.setdefault(phase, [0, 0.0, 0.0])
            for position, amount in enumerate((1, seconds, cpu_seconds)):
                sums[position] += amount


def wrap(timer: PhaseTimer, phases: Mapping[str, tuple[str, ...]]) -> None:
    """Put the timer around every function named."""
    for phase, places in phases.items():
        for place in places:
            owner, name = _owner(place)
            setattr(owner, name, timer.timed(phase, getattr(owner, name)))


def function_at(place: str) -> Any:
    """What ``module:Class.method`` names. Raises AttributeError when it isn't there any more."""
    owner, name = _owner(place)
    return getattr(owner, name)


def _owner(place: str) -> tuple[Any, str]:
    module, _, path = place.partition(":")
    *owners, name = path.split(".")
    return functools.reduce(getattr, owners, importlib.import_module(module)), name


def write_times(timer: PhaseTimer, file: Path) -> None:
    """Begin to write; after gunicorn's fork, which threads don't survive."""
    threading.Thread(target=_write_for_ever, args=(timer, file), name="times", daemon=True).start()


def _write_for_ever(timer: PhaseTimer, file: Path) -> None:
    while True:
        writing = file.with_suffix(".writing")
        writing.write_text(json.dumps(timer.sums()))
        writing.rename(file)
        time.sleep(_WRITE_SECONDS)


class TimedServer(DaemonServer):
    """The daemon's server, which also writes its times."""

    def start(self) -> None:
        """In the worker, after the fork."""
        write_times(TIMER, Path(os.environ["BENCH_TIMES"]))
        super().start()


TIMER = PhaseTimer(time.perf_counter, time.thread_time)

if __name__ == "__main__":
    wrap(TIMER, PHASES)
    setattr(daemon.__main__, "DaemonServer", TimedServer)  # noqa: B010 - to a type checker it is a type
    sys.exit(daemon.__main__.main())
