"""Logs as a test reads them: every line parsed, and the root logger as it was afterwards."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from core.observability.logs import configure_logging


class Written(io.StringIO):
    """A stream that gives back what was logged."""

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def last(self) -> dict[str, Any]:
        return self.events()[-1]


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(False)
    structlog.reset_defaults()
    root.setLevel(level)
    for handler in [h for h in root.handlers if h not in handlers]:
        root.removeHandler(handler)


@pytest.fixture
def log_at() -> Callable[[str], Written]:
    """Configure logging as JSON at a level and return what it writes."""

    def configure(level: str) -> Written:
        written = Written()
        configure_logging(level=level, json=True, stream=written)
        return written

    return configure


@pytest.fixture
def written(log_at: Callable[[str], Written]) -> Written:
    """Everything logged from DEBUG up."""
    return log_at("DEBUG")
