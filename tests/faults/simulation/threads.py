"""Threads, timers and conditions of a simulated process, in the shapes that the product asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from core.errors import AdologyError
from tests.faults.simulation.scheduler import Process, Scheduler

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Threads:
    """The executor of a simulated process: as much of concurrent.futures.Executor as a consumer uses."""

    scheduler: Scheduler
    process: Process
    name: str

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Every item in a thread of its own; results in order, or the first error."""
        tasks = [
            self.scheduler.spawn(self.process, f"{self.name}.{number}", lambda item=item: function(item))
            for number, item in enumerate(items)
        ]
        for task in tasks:
            self.scheduler.join(task)
        for task in tasks:
            if task.error is not None:
                raise task.error
        return iter([task.result for task in tasks])

    def shutdown(self, *, wait: bool = True) -> None:
        """Nothing is held."""

    @contextmanager
    def repeat(self, seconds: float, action: Callable[[], None]) -> Iterator[None]:
        """What core.pipeline.repeat.every does with a thread."""
        scheduler, over = self.scheduler, [False]

        def keep() -> None:
            while True:
                scheduler.wait(over_key, seconds=seconds)
                if over[0]:
                    return
                try:
                    action()
                except AdologyError as error:
                    scheduler.say(self.name, f"not kept: {error}")
                except Exception as error:
                    scheduler.fail(f"a keeper ended by {error!r}")
                    raise

        over_key = object()
        keeper = scheduler.spawn(self.process, f"{self.name}.keeper", keep)
        try:
            yield
        finally:
            over[0] = True
            scheduler.notify(over_key)
            if self.process.is_alive:
                scheduler.join(keeper)


@dataclass(frozen=True)
class Waiting:
    """What the store's waiting transactions wait on."""

    scheduler: Scheduler

    def __enter__(self) -> None:
        """Nothing is shared between threads."""

    def __exit__(self, *_: object) -> None:
        """Nothing was taken."""

    def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Until it holds."""
        while not predicate():
            self.scheduler.wait(self)

    def notify_all(self) -> None:
        """It may hold now."""
        self.scheduler.notify(self)
