"""Something repeated beside the work that needs it: a lease or a visibility that is kept while work goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from core.errors import AdologyError
from core.observability.logs import get_logger

_log = get_logger(__name__)

Repeat = Callable[[float, Callable[[], None]], AbstractContextManager[None]]


@contextmanager
def every(seconds: float, action: Callable[[], None]) -> Iterator[None]:
    """Call ``action`` in a thread of its own each ``seconds`` until the body ends. What it raises is logged."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(seconds):
            try:
                action()
            except AdologyError as error:
                _log.warning("not kept; the next try may", reason=str(error))
            except Exception:  # the end of one repetition: the next one must come
                _log.exception("repeated work failed unexpectedly")

    thread = threading.Thread(target=repeat, name="keeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
