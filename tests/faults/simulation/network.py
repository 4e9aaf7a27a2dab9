"""The registry over a network: requests and answers get lost, and a client asks again as urllib3 does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from core.domain.run import Item, ItemKind, ItemResult
from core.errors import AdologyError, RetryableError, UnavailableError
from registry.active_brands import ActiveBrands, Answer
from tests.faults.simulation.history import History
from tests.faults.simulation.knobs import Knobs
from tests.faults.simulation.scheduler import Process, Scheduler

T = TypeVar("T")
_ATTEMPTS = 3  # the first and two more
_BACKOFF_SECONDS = 0.25


class _NoAnswerError(Exception):
    """Refused, lost or too late: nobody knows whether it was done."""


@dataclass
class Network:
    """Finds a registry behind its one address. Faults stop when ``is_hostile`` does."""

    scheduler: Scheduler
    knobs: Knobs
    history: History
    is_hostile: bool = True
    registries: dict[Process, ActiveBrands] = field(default_factory=dict)

    def call(self, operation: str, ask: Callable[[ActiveBrands], T]) -> T:
        """Ask until there is an answer other than 503. Raises what the registry raised, or UnavailableError."""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self.scheduler.pause(_BACKOFF_SECONDS * 2 ** (attempt - 1))
            try:
                return self._once(operation, ask)
            except (_NoAnswerError, RetryableError) as error:
                reason = error
        raise UnavailableError(f"the registry doesn't answer: {reason}")

    def _once(self, operation: str, ask: Callable[[ActiveBrands], T]) -> T:
        scheduler = self.scheduler
        scheduler.step(f"POST /{operation}")
        if self._chance(self.knobs.request_lost):
            scheduler.pause(scheduler.random.random() * self.knobs.request_timeout_seconds)
            raise _NoAnswerError("the request was lost")
        alive = [process for process in self.registries if process.is_alive]
        if not alive:
            raise _NoAnswerError("connection refused")
        process = scheduler.random.choice(alive)
        brands = self.registries[process]
        handling = scheduler.spawn(process, f"{process.name} /{operation}", lambda: ask(brands))
        if not scheduler.join(handling, seconds=self.knobs.request_timeout_seconds):
            raise _NoAnswerError("timeout")
        error = handling.error
        if error is not None and not isinstance(error, Exception):
            raise _NoAnswerError("connection reset")
        if self._chance(self.knobs.reply_lost):
            scheduler.pause(scheduler.random.random() * self.knobs.request_timeout_seconds)
            raise _NoAnswerError("the answer was lost")
        scheduler.step(f"answer to /{operation}: {error or handling.result}")
        if error is None:
            answer: T = handling.result
            return answer
        if not isinstance(error, AdologyError):
            scheduler.fail(f"the registry answered 500 to /{operation}: {error!r}")
        raise error

    def _chance(self, probability: float) -> bool:
        return self.is_hostile and self.scheduler.chance(probability)


@dataclass(frozen=True)
class SimulatedClient:
    """What registry.client.RegistryClient promises."""

    network: Network

    def start(self, *, brand: str, expected_count: int, batch_id: str, scope: str) -> int | None:
        """A lease token when it is complete already."""
        answer = self.network.call(
            "start",
            lambda brands: brands.start(brand=brand, expected_count=expected_count, batch_id=batch_id, scope=scope),
        )
        return answer.token

    def submit(self, *, brand: str, scope: str, batch_id: str | None, result: ItemResult) -> tuple[str, int | None]:
        """(batch_id, lease token if the caller must commit)."""
        item = Item(result.item_id, ItemKind.MEDIA, "image", result.url)

        def ask(brands: ActiveBrands) -> Answer:
            return brands.submit(brand=brand, scope=scope, item=item, result=result, batch_id=batch_id)

        answer = self.network.call("submit", ask)
        self.network.history.acknowledged(answer.batch_id, result.item_id)
        return answer.batch_id, answer.token

    def commit_complete(self, *, brand: str, scope: str, batch_id: str) -> None:
        """A hint."""
        self.network.call(
            "commit-complete", lambda brands: brands.commit_complete(brand=brand, scope=scope, batch_id=batch_id)
        )


class UnsharedLock:
    """In place of the registry's lock: in one real thread it may never be found taken, else all would stand still."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler, self._is_taken = scheduler, False

    def __enter__(self) -> None:
        if self._is_taken:
            self._scheduler.fail("the registry's lock is held while the store is asked")
            raise RuntimeError("the registry's lock is taken")
        self._is_taken = True

    def __exit__(self, *_: Any) -> None:
        self._is_taken = False
