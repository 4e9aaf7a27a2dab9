"""One seed's world: processes of the product's own code, started again when they die, until all is at rest."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from core import crash_points
from core.errors import AdologyError
from core.messages import AI_QUEUE, BACKGROUND_SUFFIX, GATHER_QUEUE, PICTURE_QUEUE, URL_QUEUE, GatherMessage
from core.pipeline import relay
from core.pipeline.ai_phase import AiPhase
from core.pipeline.commit import Committer
from core.pipeline.gather import Gatherer
from core.pipeline.journal import RunJournal
from core.pipeline.sweep import Sweeper
from daemon.consumer import Consumer, Handler
from daemon.handlers.acquire import AcquireHandler
from daemon.handlers.dead_letters import DeadLetterHandler
from daemon.handlers.enrich import EnrichHandler
from daemon.handlers.gather import GatherHandler
from daemon.handlers.pictures import PictureHandler
from registry.active_brands import ActiveBrands
from tests.fakes.memory_run_store import MemoryRunStore
from tests.faults.simulation.database import Database, SimulatedPlace, SimulatedStore
from tests.faults.simulation.history import History
from tests.faults.simulation.knobs import draw
from tests.faults.simulation.network import Network, SimulatedClient, UnsharedLock
from tests.faults.simulation.queue import SimulatedQueue
from tests.faults.simulation.quiet import quiet
from tests.faults.simulation.scheduler import Chances, Process, Scheduler, Task
from tests.faults.simulation.threads import Threads, Waiting
from tests.faults.simulation.work import Acquirer, Documents, Market, Pictures, Reader, Source, write_record

_DEADLINE_SECONDS = 60
_HOLD_SECONDS = 5.0
_REST_SECONDS = 5_000.0  # after the faults: two forgotten readings, one after the other, and some
_LOOK_SECONDS = 3.0
_START_SECONDS = 5.0
_AT_A_CRASH_POINT = 0.2
_AT_ONCE = 0.4  # the share of requests that follow the one before within a second


@dataclass(frozen=True)
class Outcome:
    """What became of a seed."""

    seed: int
    failures: tuple[str, ...]
    steps: int
    crashes: int
    duplicates: int
    runs: int
    overdue: int


def simulate(seed: int, *, trace: Callable[[str], None] | None = None) -> Outcome:
    """One whole history."""
    world = World(seed, trace)
    with quiet(world.scheduler):
        crash_points.watch(world.pass_crash_point)
        try:
            world.run()
        finally:
            crash_points.watch(None)
            world.scheduler.end()
    return world.outcome()


class World:
    """Everything of a seed."""

    def __init__(self, seed: int, trace: Callable[[str], None] | None) -> None:
        self.seed = seed
        self.knobs = knobs = draw(seed, crash_points.CRASH_POINTS)
        self.scheduler = scheduler = Scheduler(seed, trace=trace)
        scheduler.chances = Chances(knobs.crash, knobs.stall, knobs.stall_seconds, knobs.step_seconds, knobs.slow_step)
        self.store = MemoryRunStore(lambda: scheduler.now, waiting=Waiting(scheduler))
        self.history = History(scheduler, self.store)
        self.cloud = Process("cloud")
        self.database = Database(scheduler, knobs, self.store, self.cloud)
        self.queue = SimulatedQueue(scheduler, knobs, on_last_copy=self.history.deleted)
        self.network = Network(scheduler, knobs, self.history)
        self.brands = [f"brand{n}" for n in range(knobs.brands)]
        self.market = Market.draw(seed, self.brands)
        self.is_hostile = {"now": True}

    def outcome(self) -> Outcome:
        """The figures."""
        return Outcome(
            self.seed,
            tuple(self.scheduler.failures),
            self.scheduler.steps,
            self.scheduler.crashes,
            self.queue.duplicates,
            len(self.store.tables["run"]),
            self.history.overdue,
        )

    def run(self) -> None:
        """Until all is at rest, or a rule is broken."""
        self.scheduler.say("knobs", str(self.knobs))
        for number in range(self.knobs.workers):
            self._keep_running(f"worker{number}", self._start_worker)
        for number in range(self.knobs.registries):
            self._keep_running(f"registry{number}", self._start_registry)
        for number in range(self.knobs.schedulers):
            self._keep_running(f"scheduler{number}", self._start_scheduler)
        people = self.scheduler.spawn(self.cloud, "people", self._ask)
        self._spawn(self.cloud, "time", lambda: self._watch(people))
        self.scheduler.run()
        if not self.scheduler.is_over:
            self.scheduler.fail("nothing can go on: every task waits")

    # --- processes

    def _keep_running(self, name: str, start: Callable[[Process], None]) -> None:
        process = Process(name)
        self.scheduler.mortal.add(name)
        process.on_death.append(lambda: self._restart(name, start))
        start(process)

    def _restart(self, name: str, start: Callable[[Process], None]) -> None:
        def wait_and_start() -> None:
            self.scheduler.pause(self.scheduler.random.random() * _START_SECONDS)
            self._keep_running(name, start)

        self._spawn(self.cloud, f"restart {name}", wait_and_start)

    def _start_worker(self, process: Process) -> None:
        runs = SimulatedStore(self.database, process)
        registry: Any = SimulatedClient(self.network)
        committer = self._committer(runs, process)
        sources = [Source(name, self.market, self.scheduler, self.is_hostile) for name in ("source-a", "source-b")]
        nothing: Any = None
        documents: Any = Documents(self.scheduler)
        acquirer: Any = Acquirer(self.scheduler, process, self.knobs, self.market)
        repeat = Threads(self.scheduler, process, f"{process.name} reading").repeat
        reader: Any = Reader(self.scheduler, self.history, AiPhase(runs, self.knobs.ai_lease_seconds, repeat))
        gather = GatherHandler(Gatherer(runs, nothing, documents, sources, registry), committer, registry)
        acquire = AcquireHandler(acquirer, committer, registry)
        enrich = EnrichHandler(reader, self.queue, nothing)
        seen: Any = Pictures(self.scheduler)
        for handler, names in (
            (gather, (GATHER_QUEUE,)),
            (acquire, (URL_QUEUE,)),
            (enrich, (AI_QUEUE, AI_QUEUE + BACKGROUND_SUFFIX)),
            (PictureHandler(seen, self.queue), (PICTURE_QUEUE + BACKGROUND_SUFFIX,)),
        ):
            for name in names:
                self._consume(process, handler, name, self.knobs.threads)
                dead = DeadLetterHandler(handler, name, runs)
                self._consume(process, dead, dead.queue, 1)

    def _consume(self, process: Process, handler: Handler, name: str, threads: int) -> None:
        pool: Any = Threads(self.scheduler, process, f"{process.name} {name}")
        consumer = Consumer(
            handler=handler,
            queue=self.queue,
            threads=threads,
            visibility_seconds=self.knobs.visibility_seconds,
            max_receive_count=self.knobs.max_receive_count,
            stop=threading.Event(),
            name=name,
            pool=pool,
            repeat=pool.repeat,
        )
        self._repeat(process, name, consumer.drain, lambda: self.scheduler.pause(0.2))

    def _start_registry(self, process: Process) -> None:
        place = SimulatedPlace.of(self.database, process)
        runs = SimulatedStore(self.database, process)
        random, scheduler = self.scheduler.random, self.scheduler
        journal = RunJournal(runs, place, self.knobs.lease_seconds, lambda: f"{random.getrandbits(64):x}")
        boot = 10_000 + random.uniform(-3600, 3600)  # no two machines agree what time it is
        brands = ActiveBrands(journal, monotonic=lambda: scheduler.now + boot, lease_seconds=self.knobs.lease_seconds)
        brands._lock = UnsharedLock(scheduler)  # type: ignore[assignment]
        self.network.registries[process] = brands
        process.on_death.append(lambda: self.network.registries.pop(process))
        self._repeat(process, "hold", brands.hold, lambda: scheduler.pause(_HOLD_SECONDS))

    def _start_scheduler(self, process: Process) -> None:
        runs = SimulatedStore(self.database, process)
        sweeper = Sweeper(runs, self._committer(runs, process), _DEADLINE_SECONDS)
        self._repeat(process, "relay", lambda: relay.send_outbox(runs, self.queue), self._wait_for_the_outbox)
        self._repeat(process, "sweep", sweeper.sweep, lambda: self.scheduler.pause(self.knobs.sweep_seconds))

    def _committer(self, runs: SimulatedStore, process: Process) -> Committer:
        repeat = Threads(self.scheduler, process, f"{process.name} commit").repeat
        return Committer(runs, write_record, self.knobs.lease_seconds, repeat)

    def _wait_for_the_outbox(self) -> None:
        self.scheduler.wait("outbox", seconds=1.0 if self.store.tables["outbox"] else None)

    def _repeat(self, process: Process, name: str, action: Callable[[], object], pause: Callable[[], None]) -> None:
        """As daemon.roles repeats it: an error of ours waits for the next time."""

        def repeat() -> None:
            while True:
                try:
                    action()
                except AdologyError as error:
                    self.scheduler.say(f"{process.name} {name}", f"repeated: {error}")
                except Exception as error:
                    self.scheduler.fail(f"{name} ended by {error!r}")
                    raise
                pause()

        self._spawn(process, f"{process.name} {name}", repeat)

    def _spawn(self, process: Process, name: str, action: Callable[[], None]) -> None:
        self.scheduler.spawn(process, name, action)

    def pass_crash_point(self, name: str) -> None:
        """A switch point; at one of them processes die more often."""
        scheduler = self.scheduler
        scheduler.step(name)
        process = scheduler.task.process
        if name == self.knobs.crash_at and self.is_hostile["now"] and scheduler.chance(_AT_A_CRASH_POINT):
            scheduler.kill(process)
            scheduler.step("dead")

    # --- people and time

    def _ask(self) -> None:
        """Ask for brands, and cancel some of it."""
        random, knobs = self.scheduler.random, self.knobs
        for number in range(knobs.requests):
            at_once = random.random() < _AT_ONCE
            self.scheduler.pause(random.random() ** 2 * (1.0 if at_once else knobs.fault_seconds * 0.8))
            self._request(f"request{number}")
            if random.random() < knobs.cancelled:
                self.scheduler.pause(random.random() ** 2 * knobs.fault_seconds * 0.2)
                self.store.add_request(f"request{number}", status="cancelled")
                self.scheduler.say("people", f"cancel request{number}")

    def _request(self, request_id: str) -> None:
        random = self.scheduler.random
        brand = random.choice([*self.brands, *self.brands, "unknown"])
        source = random.choice([None, None, "source-a", "source-b"])
        if random.random() < 0.1:  # as the specification has it, from outside
            self.queue.send_batch(GATHER_QUEUE, [GatherMessage(brand=brand).to_body()])
            return
        message = GatherMessage(brand=brand, source=source, request_id=request_id)
        with self.store.transaction() as store:
            self.store.add_request(request_id)
            store.outbox.add(GATHER_QUEUE, [message.to_body()])
        self.scheduler.say("people", f"ask {request_id}: {brand} of {source}")

    def _watch(self, people: Task) -> None:
        """End the faults; then wait for rest, twice: the second time after the dead have come again."""
        self.scheduler.pause(self.knobs.fault_seconds)
        self._end_the_faults()
        self.scheduler.join(people)
        self._wait_for_rest()
        self.queue.raise_the_dead(0.5)
        self._wait_for_rest()
        self.history.check_the_end()
        self.scheduler.is_over = True

    def _end_the_faults(self) -> None:
        self.scheduler.say("time", "the faults end")
        self.is_hostile["now"] = self.database.is_hostile = self.queue.is_hostile = self.network.is_hostile = False
        self.scheduler.chances = Chances(step_seconds=0.01)

    def _wait_for_rest(self) -> None:
        until = self.scheduler.now + _REST_SECONDS
        while reasons := list(self._unsettled()):
            if self.scheduler.now > until:
                self.scheduler.fail("it never comes to rest: " + "; ".join(reasons))
                return
            self.scheduler.pause(_LOOK_SECONDS)

    def _unsettled(self) -> Iterator[str]:
        yield from self.history.unsettled()
        if not self.queue.is_empty:
            yield f"in the queues: {self.queue.contents()}"
