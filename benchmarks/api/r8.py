"""R8: while one client doesn't read, the p99 of what 50 healthy ones hear stays below 250 ms; 500 are reported.

``python -m benchmarks.api.r8``. Measured from before the event is stored (fsync on) until a client in another process
has read it. A client that is stuck is made sure of: it subscribes to everything, reads nothing, and gets events until
its buffers are full; when the server sends it away the next one comes. Each client hears each event: that is checked.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass

from benchmarks.api.listeners import Listener
from benchmarks.harness import (
    Figure,
    System,
    goal,
    report,
    result_line,
    running_daemon,
    server_settings,
    temporary_system,
)
from core.access.keys import create_key
from core.adapters.postgres.event_feed import announce
from core.adapters.postgres.request_store import insert_request
from core.domain.principal import LOCAL_PRINCIPAL, Permission
from core.settings import child_environment

GOAL_MS = 250.0
HEALTHY, MANY = 50, 500
_ROUNDS, _EVENTS = 5, 40  # events of a round, each heard by every client
_EVENTS_A_SECOND = 10
_FILLING, _FILLER = 80, "x" * 60_000  # more than the buffers of a connection take
_SETTLE_SECONDS = 1.0
_SMALL_BUFFER = 4_096
_READY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Lateness:
    """Milliseconds from before an event is stored until a client has read it."""

    p50: float
    p99: float
    most: float
    heard: int

    @classmethod
    def of(cls, late: Sequence[float]) -> Lateness:
        """Of every event at every client."""
        hundredths = statistics.quantiles(late, n=100)
        return cls(hundredths[49], hundredths[98], max(late), len(late))

    def figures(self, name: str) -> dict[str, Figure]:
        """For a result line."""
        return {f"{name}_p50_ms": self.p50, f"{name}_p99_ms": self.p99, f"{name}_most_ms": self.most}


@dataclass(frozen=True, slots=True)
class Publisher:
    """Stores events of a request that nobody works on."""

    system: System
    request_id: str

    @classmethod
    def of(cls, system: System) -> Publisher:
        """With a request of its own."""
        with system.services.database.machinery() as connection:
            return cls(system, insert_request(connection, LOCAL_PRINCIPAL, kind="benchmark", params={}))

    def send(self, **result: object) -> None:
        """One event."""
        announce(self.system.services.database, request_id=self.request_id, status="processing", result=result)

    def send_round(self) -> None:
        """Counted events at a steady pace."""
        due = time.monotonic()
        for _ in range(_EVENTS):
            time.sleep(max(0.0, due - time.monotonic()))
            self.send(sent_at=time.monotonic())
            due += 1 / _EVENTS_A_SECOND


def measure() -> str:
    """Start a system, measure, report; the result line."""
    with temporary_system() as system, running_daemon(system, ADOLOGY_SOCKET_CAP=str(MANY + 2 * _ROUNDS)):
        alone = lateness(system, HEALTHY, beside_a_stuck_one=False)
        beside = lateness(system, HEALTHY, beside_a_stuck_one=True)
        many = lateness(system, MANY, beside_a_stuck_one=True)
        settings = server_settings(system)
    figures: dict[str, Figure] = {"clients": HEALTHY, "p99_ms": beside.p99, "p50_ms": beside.p50}
    figures |= {"most_ms": beside.most, **alone.figures("alone"), **many.figures(f"of_{MANY}")}
    figures |= goal(at_most=GOAL_MS, of=beside.p99)
    details = {"heard": [alone.heard, beside.heard, many.heard], "events_a_second": _EVENTS_A_SECOND}
    report("R8", figures, details, settings)
    return result_line("R8", figures)


def lateness(system: System, clients: int, *, beside_a_stuck_one: bool) -> Lateness:
    """Of every event at every one of so many clients, in a process of theirs."""
    publisher, port, key = Publisher.of(system), system.settings.api_port, a_key(system)
    arguments = (str(port), publisher.request_id, str(clients), str(_ROUNDS * _EVENTS))
    command = [sys.executable, "-m", "benchmarks.api.listeners", *arguments]
    environment = child_environment(ADOLOGY_KEY=key)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as listeners:
        assert listeners.stdout is not None
        try:
            assert listeners.stdout.readline() == "ready\n"
            for _ in range(_ROUNDS):
                with stuck_client(publisher, port, key) if beside_a_stuck_one else nullcontext():
                    publisher.send_round()
            late = json.loads(listeners.stdout.readline())
        finally:
            listeners.kill()
    assert len(late) == clients * _ROUNDS * _EVENTS, "an event was not heard, or twice"
    return Lateness.of(late)


def a_key(system: System) -> str:
    """One that may listen."""
    database, now = system.services.database, system.services.clock.now()
    return create_key(database, LOCAL_PRINCIPAL, name="listeners", permissions=(Permission.READ,), now=now).key


@contextmanager
def stuck_client(publisher: Publisher, port: int, key: str) -> Iterator[None]:
    """Hears what the others hear and never reads, its buffers full: the server's send to it waits until it gives up."""
    filling = Publisher.of(publisher.system)
    wanted = [publisher.request_id, filling.request_id]
    with closing(Listener(port, key, wanted, receive_buffer=_SMALL_BUFFER)) as stuck:
        for _ in range(_FILLING):
            filling.send(filler=_FILLER)
        time.sleep(_SETTLE_SECONDS)
        yield
        assert _heard(stuck) < _FILLING, "the client was not stuck: it was sent everything"


def _heard(stuck: Listener) -> int:
    """How much it was sent before the server gave it up."""
    count = 0
    with suppress(OSError):
        while count < _FILLING:
            count += len(stuck.read())
    return count


if __name__ == "__main__":
    measure()
