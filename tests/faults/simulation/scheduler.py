"""Simulated processes on simulated time: one real thread, switched at every call that leaves the product.

Each task is a greenlet. A step takes a random time, and whoever's time comes first goes on: that is the order of
things as well as the clock. The seed decides all of it, so a seed is a whole history.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet


class ProcessDiedError(BaseException):
    """Raised in every task of a process that is killed, and by every call such a task still tries to make."""


class SimulationOverError(BaseException):
    """Raised in what still runs when the simulation ends."""


@dataclass(eq=False)
class Process:
    """An operating system's process: it dies, or stands still, as a whole."""

    name: str
    is_alive: bool = True
    stands_until: float = 0.0
    tasks: list[Task] = field(default_factory=list)
    on_death: list[Callable[[], None]] = field(default_factory=list)


@dataclass(eq=False)
class Task:
    """A thread of a process."""

    process: Process
    name: str
    run: greenlet
    turn: int = 0  # a wake-up for an earlier turn is void
    is_over: bool = False
    result: Any = None
    error: BaseException | None = None


@dataclass
class Chances:
    """Per step, and how long a step takes. Only tasks of mortal processes die or stand still."""

    crash: float = 0.0
    stall: float = 0.0
    stall_seconds: float = 0.0
    step_seconds: float = 0.01
    slow_step: float = 0.0  # the chance of a step a hundred times as long


class Scheduler:
    """Runs tasks until told that it is over."""

    def __init__(self, seed: int, *, trace: Callable[[str], None] | None = None) -> None:
        self.random = random.Random(seed)
        self.chances = Chances()
        self.now = 0.0
        self.steps = 0
        self.crashes = 0
        self.is_over = False
        self.mortal: set[str] = set()
        self.failures: list[str] = []
        self.trace = trace
        self._calls: list[tuple[float, int, Task, int]] = []
        self._number = itertools.count()
        self._waiting: defaultdict[Any, list[tuple[Task, int]]] = defaultdict(list)
        self._tasks: dict[greenlet, Task] = {}
        self._hub = getcurrent()

    # --- processes and tasks

    def spawn(self, process: Process, name: str, action: Callable[[], Any]) -> Task:
        """Start a thread of a process."""
        task = Task(process, name, greenlet(lambda: self._run(task, action), parent=self._hub))
        self._tasks[task.run] = task
        process.tasks.append(task)
        self._call(task, self._step_seconds())
        return task

    def kill(self, process: Process) -> None:
        """End a process as kill -9 would. Called by the hub or from another process."""
        if not process.is_alive:
            return
        self.crashes += 1
        process.is_alive = False
        self.say(process.name, "killed")
        for action in process.on_death:
            action()
        # Its tasks end one by one, each in its own greenlet; none of their calls reaches anybody any more.
        for task in [task for task in process.tasks if not task.is_over]:
            self._call(task, 0.0)

    def end(self) -> None:
        """Let nothing go on."""
        self.is_over = True
        self.trace = None
        for task in list(self._tasks.values()):
            if not task.is_over:
                task.process.is_alive = False
                self._throw(task, SimulationOverError())
        self._tasks.clear()

    def run(self) -> None:
        """Until ``is_over``."""
        while not self.is_over and self._calls:
            time, _, task, turn = heapq.heappop(self._calls)
            if task.turn != turn or task.is_over:
                continue
            self.now = max(self.now, time)
            if task.process.stands_until > self.now and task.process.is_alive:
                self._call(task, task.process.stands_until - self.now + self._step_seconds(), turn=turn)
                continue
            task.turn += 1
            if task.process.is_alive:
                task.run.switch()
            else:
                self._throw(task, ProcessDiedError(task.process.name))

    def _run(self, task: Task, action: Callable[[], Any]) -> None:
        try:
            task.result = action()
        except (ProcessDiedError, SimulationOverError) as error:
            task.error = error
        except Exception as error:
            task.error = error
        self._finish(task)

    def _throw(self, task: Task, error: BaseException) -> None:
        if task.run:
            task.run.throw(error)
        else:  # it hasn't begun: there is nothing to unwind
            task.error = error
            self._finish(task)

    def _finish(self, task: Task) -> None:
        task.is_over = True
        del self._tasks[task.run]
        task.process.tasks.remove(task)
        self.notify(task)

    # --- what a task calls

    @property
    def task(self) -> Task:
        """The one that runs."""
        return self._tasks[getcurrent()]  # type: ignore[index]

    def step(self, what: str) -> None:
        """Something that leaves the process: others go on meanwhile, and the process may die or stand still."""
        task = self._tasks[getcurrent()]  # type: ignore[index]
        process = task.process
        if not process.is_alive:
            raise ProcessDiedError(process.name)
        self.steps += 1
        if self.trace is not None:
            self.say(task.name, what)
        seconds = self._step_seconds()
        if process.name in self.mortal:
            draw, chances = self.random.random(), self.chances
            if draw < chances.crash:
                self.kill(process)
                raise ProcessDiedError(process.name)
            if draw < chances.crash + chances.stall:
                process.stands_until = self.now + self.random.uniform(0.1, 1) * chances.stall_seconds
                self.say(process.name, f"stands still until {process.stands_until:.2f}")
        self._call(task, seconds)
        self._hub.switch()

    def pause(self, seconds: float) -> None:
        """Sleep."""
        task = self._alive()
        self._call(task, seconds + self._step_seconds())
        self._hub.switch()

    def wait(self, what: Any, *, seconds: float | None = None) -> None:
        """Until somebody notifies ``what``, or for so long. It may be true no more when the task goes on."""
        task = self._alive()
        self._waiting[what].append((task, task.turn))
        if seconds is not None:
            self._call(task, seconds)
        self._hub.switch()

    def notify(self, what: Any) -> None:
        """Wake who waits for it."""
        for task, turn in self._waiting.pop(what, ()):
            if task.turn == turn and not task.is_over:
                self._call(task, self._step_seconds())

    def join(self, task: Task, *, seconds: float | None = None) -> bool:
        """Until a task is over; False when that takes longer."""
        until = None if seconds is None else self.now + seconds
        while not task.is_over:
            left = None if until is None else until - self.now
            if left is not None and left <= 0:
                return False
            self.wait(task, seconds=left)
        return True

    def chance(self, probability: float) -> bool:
        """Drawn from the seed."""
        return probability > 0 and self.random.random() < probability

    def say(self, who: str, what: str) -> None:
        """A line of the trace."""
        if self.trace is not None:
            self.trace(f"{self.now:10.3f}  {who:<34} {what}")

    def fail(self, rule: str) -> None:
        """A rule is broken: the simulation ends."""
        self.say("CHECKER", rule)
        self.failures.append(rule)
        self.is_over = True

    def _alive(self) -> Task:
        task = self.task
        if not task.process.is_alive:
            raise ProcessDiedError(task.process.name)
        return task

    def _call(self, task: Task, seconds: float, *, turn: int | None = None) -> None:
        heapq.heappush(self._calls, (self.now + seconds, next(self._number), task, task.turn if turn is None else turn))

    def _step_seconds(self) -> float:
        seconds = self.random.random() * self.chances.step_seconds
        return seconds * 100 if self.chances.slow_step and self.random.random() < self.chances.slow_step else seconds
