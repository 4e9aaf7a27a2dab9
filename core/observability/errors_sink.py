"""Hands errors that were logged to a Notifier, so that the operations page shows the latest ones.

Logging must never wait or fail because of it: a bounded queue, one background thread, and what doesn't fit is
counted and forgotten (it is in the log all the same).
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from typing import Any, Final

from core.observability import metrics
from core.observability.logs import log_formatter
from core.ports import Notice, Notifier

CAPACITY: Final = 200
_ENVELOPE: Final = ("event", "exception", "level", "timestamp")


class ErrorsSink(logging.Handler):
    """Use it as a context manager, or ``start()`` after a server has forked and ``stop()`` at the end."""

    def __init__(self, notifier: Notifier, *, capacity: int = CAPACITY) -> None:
        super().__init__(logging.ERROR)
        self.setFormatter(log_formatter(json=True))
        self._notifier = notifier
        self._waiting: queue.Queue[Notice | None] = queue.Queue(capacity)
        self._thread = threading.Thread(target=self._deliver, name="errors-sink", daemon=True)

    def start(self) -> None:
        """Take every record of ERROR and above from now on."""
        self._thread.start()
        logging.getLogger().addHandler(self)

    def stop(self, *, timeout_seconds: float = 5.0) -> None:
        """Take no more, deliver what waits, end the thread; gives up after the timeout."""
        logging.getLogger().removeHandler(self)
        try:
            self._waiting.put(None, timeout=timeout_seconds)
        except queue.Full:
            return
        self._thread.join(timeout_seconds)

    def __enter__(self) -> ErrorsSink:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record as a notice; what the notifier itself logs is left out, or it would never end."""
        if threading.current_thread() is self._thread:
            return
        try:
            self._waiting.put_nowait(_notice(json.loads(self.format(record))))
        except Exception:  # whatever is wrong with a record, the caller who logged it goes on
            metrics.error_notice_dropped()

    def _deliver(self) -> None:
        while (notice := self._waiting.get()) is not None:
            try:
                self._notifier.notify(notice)
            except Exception:  # the port says it never raises; the thread must outlive one that does
                metrics.error_notice_dropped()


def _notice(event: dict[str, Any]) -> Notice:
    context = {name: str(value) for name, value in event.items() if name not in _ENVELOPE}
    context |= {"severity": str(event["level"]), "logged_at": str(event["timestamp"])}
    return Notice(level="error", subject=str(event["event"]), text=_summary(event), context=context)


def _summary(event: dict[str, Any]) -> str:
    """The error's own words, outermost first; the traceback stays in the log."""
    stacks = event.get("exception")
    if not isinstance(stacks, list):
        return str(stacks or event.get("error", ""))
    return "\ncaused by ".join(f"{stack['exc_type']}: {stack['exc_value']}" for stack in stacks)
