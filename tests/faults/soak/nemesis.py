"""What goes wrong, when, and to whom: a seed decides. Whatever it breaks for a while it also mends."""

from __future__ import annotations

import heapq
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from tests.faults.soak.history import History
from tests.faults.soak.journal import Witness
from tests.faults.soak.media import FlakyMedia
from tests.faults.soak.processes import DaemonProcess
from tests.faults.soak.queues import FaultySqs

_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 3.0
_DOWN_SECONDS = 1.5  # at most: then a supervisor has started it again
_FROZEN_SECONDS = 5.0
_STORM_SECONDS = 3.0  # at most
_TEND_SECONDS = 0.1
_AIMED = 0.5  # of the faults: at who is busy
_DOUBLED, _REMEMBERED = 10, 2_000  # messages
_LIKELY = {"kill": 5, "freeze": 2, "cut": 3, "storm": 1, "queue": 2}


@dataclass
class Nemesis:
    """Strikes the processes, the connections, the media and the queue."""

    seed: int
    processes: Sequence[DaemonProcess]
    clients: Sequence[int]  # process ids whose connections are cut, too
    witness: Witness
    media: FlakyMedia
    history: History
    sqs: FaultySqs | None = None  # None: the queues are in PostgreSQL
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed} nemesis")
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._remembered: list[dict[str, str]] = []

    def strike_for(self, seconds: float) -> None:
        """A fault every now and then, and a supervisor's care, until the time is over; then everything is mended."""
        until, next_fault = time.monotonic() + seconds, time.monotonic()
        while (now := time.monotonic()) < until:
            if now >= next_fault:
                self._strike()
                next_fault = now + self._random.uniform(_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
            self.tend()
            time.sleep(_TEND_SECONDS)
        self._mend()

    def tend(self) -> None:
        """Mend what is due, and start again what ended by itself."""
        while self._due and self._due[0][0] <= time.monotonic():
            heapq.heappop(self._due)[2]()
        for process in self.processes:
            if process.has_died():
                self.counts["deaths"] += 1
                self._later(_DOWN_SECONDS, process.start)

    def _mend(self) -> None:
        for _, _, action in sorted(self._due):
            action()
        self._due.clear()
        self.media.is_calm = True
        if self.sqs is not None:
            self.sqs.calm()
        self.history.add("mended")

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), action))

    def _strike(self) -> None:
        fault = self._random.choices(list(_LIKELY), list(_LIKELY.values()))[0]
        {"kill": self._kill, "freeze": self._freeze, "cut": self._cut, "storm": self._storm, "queue": self._trouble}[
            fault
        ]()

    def _victim(self) -> DaemonProcess | None:
        """Who is in the middle of a transaction, or anybody."""
        up = [process for process in self.processes if not process.is_down and not process.is_frozen]
        if self._random.random() < _AIMED:
            busy = self.witness.busy()
            up = [process for process in up if busy.intersection(process.pids)] or up
        return self._random.choice(up) if up else None

    def _kill(self) -> None:
        if (victim := self._victim()) is None:
            return
        dead = victim.victims(self._random)
        victim.kill(dead)
        self._note("kill", process=victim.name, pids=[process.pid for process in dead], down=victim.is_down)
        if victim.is_down:
            self._later(self._random.random() * _DOWN_SECONDS, victim.start)

    def _freeze(self) -> None:
        if (victim := self._victim()) is None:
            return
        victim.freeze()
        self._note("stop", process=victim.name)
        self._later(_FROZEN_SECONDS, victim.thaw)

    def _cut(self) -> None:
        victim = self._victim() if self._random.random() < 0.8 else None
        pids = victim.pids if victim else list(self.clients)
        self._note("cut", process=victim.name if victim else "client", connections=self.witness.cut(pids))

    def _storm(self) -> None:
        self.media.is_storming = True
        self._note("storm")
        self._later(self._random.uniform(1, _STORM_SECONDS), lambda: setattr(self.media, "is_storming", False))

    def _trouble(self) -> None:
        """Of the queue: its own faults where it has some, else messages of now and of long ago delivered once more."""
        if self.sqs is not None:
            self.sqs.trouble(True)
            self._note("trouble")
            self._later(self._random.uniform(1, _STORM_SECONDS), partial(self.sqs.trouble, False))
            return
        fresh = self.witness.some_messages(_DOUBLED)
        late = self._random.sample(self._remembered, min(_DOUBLED, len(self._remembered)))
        self._remembered = (self._remembered + fresh)[-_REMEMBERED:]
        if fresh + late:
            self.witness.send(fresh + late)
        self._note("double", fresh=len(fresh), late=len(late))

    def _note(self, fault: str, **facts: object) -> None:
        self.counts[fault] += 1
        self.history.add(fault, **facts)
