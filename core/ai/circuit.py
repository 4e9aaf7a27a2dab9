"""Whether a provider may be called just now. Times are given, nothing waits here; safe under threads.

Closed, every call passes. A provider that asks for a pause opens the circuit for that long, three outages in a row open
it for a while; then one call passes as a probe: it closes the circuit, or opens it for twice as long.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

OUTAGES_IN_A_ROW = 3
OUTAGE_PAUSE_SECONDS = 15.0
LONGEST_PAUSE_SECONDS = 300.0  # that we choose; a provider may ask for more
PROBE_SECONDS = 5.0  # when to ask again while the probe is under way


@dataclass(frozen=True, slots=True)
class Pass:
    """The right to make one call, to be settled by ``succeeded``, ``failed`` or ``abandoned``."""

    generation: int
    is_probe: bool


class Circuit:
    """One provider's. What a call that began before the last opening tells of the provider is old news."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._generation = 0  # how often it has opened
        self._openings = 0  # … in a row
        self._outages = 0
        self._open_until: datetime | None = None
        self._probing = False

    def admit(self, now: datetime) -> Pass | None:
        """None while it is open."""
        with self._lock:
            if self._open_until is None:
                return Pass(self._generation, is_probe=False)
            if self._probing or now < self._open_until:
                return None
            self._probing = True
            return Pass(self._generation, is_probe=True)

    def wait_seconds(self, now: datetime) -> float:
        """Until a call may pass; 0 if one may now."""
        with self._lock:
            if self._open_until is None:
                return 0.0
            left_seconds = max(0.0, (self._open_until - now).total_seconds())
            return max(left_seconds, PROBE_SECONDS) if self._probing else left_seconds

    def succeeded(self, call: Pass) -> bool:
        """Returns whether that closed the circuit."""
        with self._lock:
            if call.generation != self._generation:
                return False
            self._open_until, self._probing, self._openings, self._outages = None, False, 0, 0
            return call.is_probe

    def failed(self, call: Pass, now: datetime, *, pause_seconds: float | None = None) -> bool:
        """``pause_seconds``: as the provider asks; None for an outage. Returns whether that opened the circuit."""
        with self._lock:
            if call.generation != self._generation:
                self._extend(now, pause_seconds or 0.0)
                return False
            self._outages += 1
            if pause_seconds is None and not call.is_probe and self._outages < OUTAGES_IN_A_ROW:
                return False
            self._open(now, OUTAGE_PAUSE_SECONDS if pause_seconds is None else pause_seconds)
            return True

    def abandoned(self, call: Pass) -> None:
        """Nothing was learnt: the next call may probe."""
        with self._lock:
            if call.is_probe and call.generation == self._generation:
                self._probing = False

    def _open(self, now: datetime, asked_seconds: float) -> None:
        seconds = max(asked_seconds, min(asked_seconds * 2**self._openings, LONGEST_PAUSE_SECONDS))
        self._open_until = now + timedelta(seconds=seconds)
        self._generation += 1
        self._openings = min(self._openings + 1, 10)
        self._outages, self._probing = 0, False

    def _extend(self, now: datetime, seconds: float) -> None:
        """Calls made together are throttled together: the longest of their pauses counts."""
        if self._open_until is not None:
            self._open_until = max(self._open_until, now + timedelta(seconds=seconds))
