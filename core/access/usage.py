"""How much an organisation asks of the API: counted in memory, written every few seconds."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime

from core.adapters.postgres.engine import Database
from core.adapters.postgres.usage_store import MinuteOfCalls, add_calls
from core.errors import RetryableError
from core.ports import Clock

MAX_MINUTES = 10_000  # of all organisations, while the database is away; then the oldest go

_Minutes = dict[tuple[str, datetime], tuple[int, float]]  # organisation, minute → calls, milliseconds


class ApiUsage:
    """The calls of one process. Safe to use from every thread."""

    def __init__(self, database: Database, clock: Clock, max_minutes: int = MAX_MINUTES) -> None:
        self._database = database
        self._clock = clock
        self._max_minutes = max_minutes
        self._lock = threading.Lock()
        self._minutes: _Minutes = {}

    def count(self, organisation_id: str, *, seconds: float) -> None:
        """One answered call."""
        minute = self._clock.now().replace(second=0, microsecond=0)
        with self._lock:
            self._add({(organisation_id, minute): (1, seconds * 1000)})

    def flush(self) -> None:
        """Write what was counted. What can't be written now is written next time; raises RetryableError then."""
        with self._lock:
            taken, self._minutes = self._minutes, {}
        try:
            with self._database.machinery() as connection:
                add_calls(connection, (MinuteOfCalls(*key, *counted) for key, counted in taken.items()))
        except RetryableError:
            with self._lock:
                newer, self._minutes = self._minutes, taken
                self._add(newer)
            raise

    def _add(self, minutes: Mapping[tuple[str, datetime], tuple[int, float]]) -> None:
        for key, (calls, milliseconds) in minutes.items():
            known_calls, known_milliseconds = self._minutes.get(key, (0, 0.0))
            self._minutes[key] = (known_calls + calls, known_milliseconds + milliseconds)
        while len(self._minutes) > self._max_minutes:
            del self._minutes[next(iter(self._minutes))]
