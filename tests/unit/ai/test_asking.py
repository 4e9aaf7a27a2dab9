"""Which provider is asked, how often, and what is told when none can be: providers in memory, a moved clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.ai.asking import AGAIN_AFTER_SECONDS, QUOTA_PAUSE_SECONDS, Models
from core.ai.circuit import OUTAGE_PAUSE_SECONDS, OUTAGES_IN_A_ROW
from core.ai.methods.base import Asker, Exchange
from core.ai.prices import Price, Prices
from core.domain.label import Outcome
from core.errors import (
    BadInputError,
    BudgetSpentError,
    NotAllowedError,
    QuotaSpentError,
    RetryableError,
    TerminalError,
    ThrottledError,
    UnansweredError,
)
from core.ports import ModelAnswer, ModelRequest, ModelUsage, Notice

REQUEST = ModelRequest("Label.", "ad", "labels", {"type": "object"})
PRICES = Prices(date(2026, 11, 1), (Price(provider="first", model="*", input=2.0, output=10.0),))


@dataclass
class Clock:
    time: datetime = datetime(2026, 11, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Provider:
    """Answers, unless there is an error left to raise; ``meanwhile`` happens during each call."""

    provider: str
    errors: list[Exception] = field(default_factory=list)
    meanwhile: Callable[[], Any] = lambda: None
    calls: int = 0
    model: str = "m"

    def wire_request(self, request: ModelRequest) -> dict[str, Any]:
        return {"text": request.text}

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        self.calls += 1
        happening = self.meanwhile()
        if happening is not None:
            await happening
        if self.errors:
            raise self.errors.pop(0)
        return ModelAnswer(Outcome.OK, "{}", self.model, ModelUsage(1_000_000, 100_000))


@dataclass
class World:
    """Two providers and what was told."""

    clock: Clock = field(default_factory=Clock)
    first: Provider = field(default_factory=lambda: Provider("first"))
    second: Provider = field(default_factory=lambda: Provider("second"))
    told: list[Notice] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.models = self.of(self.first, self.second)

    def of(self, *providers: Provider, concurrency: int = 8) -> Models:
        return Models(
            providers, concurrency=concurrency, prices=PRICES, clock=self.clock, notifier=self, pause=self.pause
        )

    def notify(self, notice: Notice) -> None:
        self.told.append(notice)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def ask(self, models: Models | None = None) -> Exchange:
        asker: Asker = models or self.models
        return asyncio.run(asker.ask(REQUEST))


@pytest.fixture
def world() -> World:
    return World()


def throttled(seconds: float = 10) -> ThrottledError:
    return ThrottledError("busy", retry_after_seconds=seconds)


# --- who answers


def test_the_first_choice_answers_with_what_was_sent_and_what_it_costs(world: World) -> None:
    world.first.meanwhile = lambda: world.clock.advance(2)

    exchange = world.ask()

    assert (exchange.provider, exchange.model, exchange.seconds) == ("first", "m", 2)
    assert exchange.wire_request == {"text": "ad"}
    assert exchange.cost_usd == pytest.approx(3.0)
    assert world.second.calls == 0


def test_a_model_without_a_price_has_no_cost(world: World) -> None:
    assert world.ask(world.of(world.second)).cost_usd is None


@pytest.mark.parametrize(
    ("error", "calls_of_the_first"),
    [
        (throttled(), 1),
        (QuotaSpentError("no money"), 1),
        (NotAllowedError("wrong key"), 1),
        (UnansweredError("late"), 1),  # it may be billed: not asked again
        (RetryableError("503"), 2),  # it failed fast: once more
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_next_provider_answers_where_one_cannot(world: World, error: Exception, calls_of_the_first: int) -> None:
    world.first.errors = [error, error]

    assert world.ask().provider == "second"
    assert world.first.calls == calls_of_the_first


@pytest.mark.parametrize(
    "error", [BadInputError("too long"), TerminalError("endless"), BudgetSpentError("spent today")], ids=repr
)
def test_nobody_else_is_asked_what_is_at_fault_itself(world: World, error: Exception) -> None:
    world.first.errors = [error] * 9

    for _ in range(9):
        with pytest.raises(type(error)) as raised:
            world.ask()
        assert raised.value is error

    assert (world.first.calls, world.second.calls) == (9, 0)  # and no circuit opens for it


def test_who_failed_fast_is_asked_once_more_after_a_moment(world: World) -> None:
    world.first.errors = [RetryableError("reset")]

    assert world.ask().provider == "first"
    assert (world.first.calls, world.pauses) == (2, [AGAIN_AFTER_SECONDS])


def test_who_failed_slowly_is_not_asked_again(world: World) -> None:
    world.first.errors = [RetryableError("gateway")]
    world.first.meanwhile = lambda: world.clock.advance(30)

    assert world.ask().provider == "second"
    assert world.first.calls == 1


def test_waiting_for_a_turn_makes_no_failure_slow(world: World) -> None:
    models = world.of(world.first, concurrency=1)
    world.first.errors = [UnansweredError("late"), RetryableError("reset")]

    async def take_four_seconds() -> None:
        await asyncio.sleep(0)
        world.clock.advance(4)

    world.first.meanwhile = take_four_seconds

    async def together() -> list[Any]:
        return await asyncio.gather(*(models.ask(REQUEST) for _ in range(2)), return_exceptions=True)

    late, answered = asyncio.run(together())

    assert isinstance(late, UnansweredError)
    assert isinstance(answered, Exchange)
    assert world.first.calls == 3


def test_an_outage_of_all_costs_two_calls_each_at_most(world: World) -> None:
    world.first.errors, world.second.errors = ([RetryableError("503")] * 9 for _ in range(2))

    with pytest.raises(RetryableError) as raised:
        world.ask()

    assert type(raised.value) is RetryableError
    assert (world.first.calls, world.second.calls) == (2, 2)


# --- when a provider rests


def test_a_throttled_provider_is_left_alone_until_its_time_then_probed_by_one(world: World) -> None:
    world.first.errors = [throttled(10)]
    models = world.of(world.first)
    with pytest.raises(ThrottledError):
        world.ask(models)

    world.clock.advance(4)
    with pytest.raises(ThrottledError) as raised:
        world.ask(models)
    assert (raised.value.retry_after_seconds, world.first.calls) == (6, 1)

    world.clock.advance(6)
    assert world.ask(models).provider == "first"
    assert world.first.calls == 2


def test_while_one_probes_the_others_are_told_to_wait(world: World) -> None:
    models = world.of(world.first)
    world.first.errors = [throttled(10)]
    with pytest.raises(ThrottledError):
        world.ask(models)
    world.clock.advance(10)

    async def story() -> list[Any]:
        release = asyncio.Event()
        world.first.meanwhile = release.wait
        asking = [asyncio.create_task(models.ask(REQUEST)) for _ in range(5)]
        while sum(task.done() for task in asking) < 4:
            await asyncio.sleep(0)
        release.set()
        return await asyncio.gather(*asking, return_exceptions=True)

    answers = asyncio.run(story())

    assert [type(answer) for answer in answers].count(ThrottledError) == 4
    assert world.first.calls == 2


def test_outages_in_a_row_open_the_circuit_and_no_more_calls_are_made(world: World) -> None:
    models = world.of(world.first)
    world.first.errors = [RetryableError("503")] * 99

    for _ in range(9):
        with pytest.raises(RetryableError):
            world.ask(models)

    assert world.first.calls == OUTAGES_IN_A_ROW
    world.clock.advance(OUTAGE_PAUSE_SECONDS)
    with pytest.raises(ThrottledError):
        world.ask(models)
    assert world.first.calls == OUTAGES_IN_A_ROW + 1


def test_when_all_rest_the_soonest_time_is_told(world: World) -> None:
    world.first.errors, world.second.errors = [throttled(60)], [throttled(20)]
    with pytest.raises(ThrottledError):
        world.ask()

    world.clock.advance(5)
    with pytest.raises(ThrottledError) as raised:
        world.ask()

    assert raised.value.retry_after_seconds == 15
    assert (world.first.calls, world.second.calls) == (1, 1)


def test_a_cancelled_probe_leaves_the_probing_to_the_next(world: World) -> None:
    models = world.of(world.first)
    world.first.errors = [throttled(10)]
    with pytest.raises(ThrottledError):
        world.ask(models)
    world.clock.advance(10)

    async def cancel() -> None:
        world.first.meanwhile = asyncio.Event().wait
        asking = asyncio.create_task(models.ask(REQUEST))
        await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(cancel())
    world.first.meanwhile = lambda: None
    assert world.ask(models).provider == "first"


# --- what people are told


def test_refused_credentials_stop_the_provider_until_restart_and_are_told_once(world: World) -> None:
    world.first.errors = [NotAllowedError("401: set ADOLOGY_OPENAI_API_KEY")] * 9

    for _ in range(5):
        assert world.ask().provider == "second"
        world.clock.advance(86_400)

    [notice] = world.told
    assert (notice.level, world.first.calls) == ("error", 1)
    assert "ADOLOGY_OPENAI_API_KEY" in notice.text
    assert world.ask(world.of(world.first, world.second)).provider == "second"  # a restart asks again
    assert world.first.calls == 2


@pytest.mark.parametrize("error", [NotAllowedError("key"), QuotaSpentError("pay")], ids=repr)
def test_calls_that_are_refused_together_are_told_once(world: World, error: Exception) -> None:
    models = world.of(world.first)
    world.first.errors = [error] * 5

    async def together() -> list[Any]:
        everybody_in = asyncio.Event()

        async def wait() -> None:
            if world.first.calls == 5:
                everybody_in.set()
            await everybody_in.wait()

        world.first.meanwhile = wait
        return await asyncio.gather(*(models.ask(REQUEST) for _ in range(5)), return_exceptions=True)

    assert {type(answer) for answer in asyncio.run(together())} == {type(error)}
    assert len(world.told) == 1


def test_where_every_provider_refuses_the_fix_is_told(world: World) -> None:
    world.first.errors, world.second.errors = [NotAllowedError("fix a")], [NotAllowedError("fix b")]
    for _ in range(2):
        with pytest.raises(NotAllowedError, match="fix a"):
            world.ask()
    assert len(world.told) == 2


def test_a_spent_quota_is_told_once_and_tried_again_now_and_then(world: World) -> None:
    models = world.of(world.first)
    world.first.errors = [QuotaSpentError("pay")] * 2
    for _ in range(3):
        with pytest.raises(QuotaSpentError, match="pay"):
            world.ask(models)
    assert world.first.calls == 1

    world.clock.advance(QUOTA_PAUSE_SECONDS)
    with pytest.raises(QuotaSpentError):
        world.ask(models)
    assert len(world.told) == 1

    world.clock.advance(2 * QUOTA_PAUSE_SECONDS)
    assert world.ask(models).provider == "first"
    world.first.errors = [QuotaSpentError("pay")]
    with pytest.raises(QuotaSpentError):
        world.ask(models)
    assert len(world.told) == 2  # it worked in between: that is news


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (RetryableError("503"), throttled(), RetryableError),  # may be over now
        (QuotaSpentError("pay"), throttled(), ThrottledError),
        (NotAllowedError("key"), throttled(), ThrottledError),
        (NotAllowedError("key"), QuotaSpentError("pay"), QuotaSpentError),
    ],
    ids=repr,
)
def test_of_several_reasons_that_is_told_which_ends_soonest(
    world: World, first: Exception, second: Exception, told: type[Exception]
) -> None:
    world.first.errors, world.second.errors = [first] * 2, [second] * 2
    with pytest.raises(told) as raised:
        world.ask()
    assert raised.type is told


# --- how many at once


def test_calls_to_one_provider_at_once_are_bounded_over_all_threads(world: World) -> None:
    models, lock, inside, most = world.of(world.first, concurrency=3), threading.Lock(), [0], [0]

    async def call() -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        await asyncio.sleep(0.002)
        with lock:
            inside[0] -= 1

    world.first.meanwhile = call

    async def batch() -> None:
        await asyncio.gather(*(models.ask(REQUEST) for _ in range(10)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: asyncio.run(batch()), range(4)))

    assert (most[0], world.first.calls) == (3, 40)


def test_who_waits_for_a_turn_finds_the_circuit_open(world: World) -> None:
    models = world.of(world.first, concurrency=1)
    world.first.errors = [throttled()]

    async def batch() -> list[Any]:
        return await asyncio.gather(*(models.ask(REQUEST) for _ in range(6)), return_exceptions=True)

    answers = asyncio.run(batch())

    assert {type(answer) for answer in answers} == {ThrottledError}
    assert world.first.calls == 1
