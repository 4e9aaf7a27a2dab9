"""Logs and metrics cost most of a simulated history's time: they go to the trace, or nowhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import ModuleType
from typing import Any

import core.pipeline.ai_phase
import core.pipeline.commit
import core.pipeline.gather
import core.pipeline.relay
import core.pipeline.sweep
import daemon.consumer
import daemon.handlers.acquire
import daemon.handlers.dead_letters
import daemon.handlers.enrich
import daemon.handlers.gather
from core.observability import metrics
from tests.faults.simulation.scheduler import Scheduler
from tests.faults.simulation.work import PlantedFaultError

_MODULES = (
    core.pipeline.ai_phase,
    core.pipeline.commit,
    core.pipeline.gather,
    core.pipeline.relay,
    core.pipeline.sweep,
    daemon.consumer,
    daemon.handlers.acquire,
    daemon.handlers.dead_letters,
    daemon.handlers.enrich,
    daemon.handlers.gather,
)


class TraceLog:
    """A logger that writes the trace. What the product logs as unexpected, and nobody planted, is a finding."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler

    def info(self, event: str, **fields: Any) -> None:
        self._scheduler.say("log", f"{event} {fields}" if self._scheduler.trace else "")

    debug = warning = error = info

    def exception(self, event: str, **fields: Any) -> None:
        self.info(event, **fields)
        error = sys.exc_info()[1]
        if not isinstance(error, PlantedFaultError):
            self._scheduler.fail(f"{event}: {error!r}")


def _no_context(**_: Any) -> AbstractContextManager[None]:
    return nullcontext()


def _not_counted(*_: Any, **__: Any) -> None:
    pass


@contextmanager
def quiet(scheduler: Scheduler) -> Iterator[None]:
    """While one history goes on."""
    log = TraceLog(scheduler)
    changes: list[tuple[ModuleType, str, Any]] = [(metrics, "queue_message", _not_counted)]
    for module in _MODULES:
        changes += [(module, name, new) for name, new in (("_log", log), ("bound_context", _no_context))]
    old = [(module, name, getattr(module, name)) for module, name, _ in changes if hasattr(module, name)]
    try:
        for module, name, new in changes:
            if hasattr(module, name):
                setattr(module, name, new)
        yield
    finally:
        for module, name, value in old:
            setattr(module, name, value)
