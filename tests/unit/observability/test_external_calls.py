"""Each call that leaves the system is measured, counted and logged once, and its errors pass through untouched."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from core.domain.media import MediaStatus
from core.errors import (
    AdologyError,
    BadInputError,
    BudgetSpentError,
    ConflictError,
    InProgressError,
    MediaProblemError,
    NotAllowedError,
    NotFoundError,
    QuotaSpentError,
    RetryableError,
    SignInError,
    StaleError,
    TerminalError,
    ThrottledError,
    UnansweredError,
    UnavailableError,
    WaitingForTurnError,
)
from core.observability.external_calls import external, external_call, outcome_of
from core.observability.metrics import REGISTRY
from tests.unit.observability.conftest import Written

POLICY = [
    # an answer is no failure
    (NotFoundError("no such key"), "not_found", "info"),
    (ConflictError("exists"), "conflict", "info"),
    (WaitingForTurnError("another run first"), "waiting", "info"),
    # it will be tried again, or closed as a result with its reason
    (RetryableError("reset"), "retryable", "warning"),
    (ThrottledError("slow down", retry_after_seconds=3), "throttled", "warning"),
    (QuotaSpentError("pay first"), "quota_spent", "warning"),
    (BudgetSpentError("wait for tomorrow"), "budget_spent", "warning"),
    (UnansweredError("no answer within 60 s"), "unanswered", "warning"),
    (UnavailableError("rebuilding"), "unavailable", "warning"),
    (ConnectionResetError("reset"), "retryable", "warning"),
    (TimeoutError("no answer"), "retryable", "warning"),
    (InProgressError("the first call isn't over"), "in_progress", "info"),
    (StaleError("old epoch"), "stale", "warning"),
    (MediaProblemError(next(iter(MediaStatus)), "expired"), "media_problem", "warning"),
    # somebody has to do something
    (TerminalError("gone"), "terminal", "error"),
    (BadInputError("prompt too long"), "bad_input", "error"),
    (NotAllowedError("role lacks s3:PutObject"), "not_allowed", "error"),
    (SignInError("the provider refused"), "sign_in", "error"),
    (AdologyError("untyped"), "unexpected", "error"),
    (ValueError("a bug"), "unexpected", "error"),
    # the process stops; nothing failed
    (KeyboardInterrupt(), "cancelled", "info"),
    (asyncio.CancelledError(), "cancelled", "info"),
]


def calls_counted(service: str, operation: str, outcome: str) -> float:
    labels = {"service": service, "operation": operation, "outcome": outcome}
    return REGISTRY.get_sample_value("adology_external_calls_total", labels) or 0.0


@pytest.mark.parametrize(
    ("error", "outcome", "level"), POLICY, ids=lambda value: getattr(value, "code", None) or str(value)
)
def test_a_failed_call_has_an_outcome_and_a_level_and_is_raised_again(
    error: BaseException, outcome: str, level: str, written: Written
) -> None:
    before = calls_counted("vendor", "policy", outcome)
    with pytest.raises(type(error)) as raised, external_call("vendor", "policy"):
        raise error
    assert raised.value is error
    (event,) = written.events()
    assert (event["outcome"], event["level"], event["error_class"]) == (outcome, level, type(error).__name__)
    assert calls_counted("vendor", "policy", outcome) == before + 1


def test_every_error_of_ours_has_its_row_in_the_policy() -> None:
    def tree(kind: type[AdologyError]) -> Iterator[type[AdologyError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from tree(child)

    ours = {kind for kind in tree(AdologyError) if kind.__module__ == "core.errors"}
    assert ours == {type(error) for error, _, _ in POLICY if isinstance(error, AdologyError)}


def test_a_good_call_is_a_detail_with_everything_measured(written: Written) -> None:
    with external_call(
        "s3", "put_object", target="https://bucket.example.com/k?X-Amz-Signature=abc", attempt=2
    ) as call:
        call.status, call.size_bytes, call.cost_usd = 200, 5_000, 0.0001
    event = written.last()
    assert event.pop("duration_ms") >= 0
    assert call.duration_seconds >= 0
    del event["timestamp"], event["logger"]
    assert event == {
        "level": "debug",
        "event": "external call",
        "service": "s3",
        "operation": "put_object",
        "outcome": "ok",
        "target": "https://bucket.example.com/k",
        "status": 200,
        "size_bytes": 5_000,
        "cost_usd": 0.0001,
        "attempt": 2,
    }


def test_a_good_call_is_silent_in_production_but_a_slow_one_is_told(log_at: Callable[[str], Written]) -> None:
    written = log_at("INFO")
    with external_call("s3", "head_object"):
        pass
    assert written.events() == []
    with external_call("s3", "head_object", slow_after_seconds=0):
        pass
    assert (written.last()["level"], written.last()["slow"]) == ("info", True)


def test_slowness_never_makes_a_failure_look_lighter(written: Written) -> None:
    with pytest.raises(TerminalError), external_call("s3", "head_object", slow_after_seconds=0):
        raise TerminalError("gone")
    assert written.last()["level"] == "error"


def test_size_and_cost_are_added_up_even_when_the_call_fails(written: Written) -> None:
    def spent() -> tuple[float, float]:
        size = REGISTRY.get_sample_value(
            "adology_external_call_bytes_total", {"service": "spender", "operation": "embed"}
        )
        return REGISTRY.get_sample_value("adology_external_call_cost_usd_total", {"service": "spender"}) or 0, size or 0

    def cut_off_after_it_was_paid() -> None:
        with external_call("spender", "embed") as call:
            call.cost_usd, call.size_bytes = 0.5, 20
            raise RetryableError("cut off")

    with external_call("spender", "embed") as call:
        call.cost_usd, call.size_bytes = 0.25, 10
    with pytest.raises(RetryableError):
        cut_off_after_it_was_paid()
    assert spent() == (0.75, 30)


def test_async_calls_are_measured_the_same_way(written: Written) -> None:
    async def calls() -> None:
        async with external_call("openai", "embeddings") as call:
            call.status = 200
        async with external_call("openai", "embeddings"):
            raise ThrottledError("slow down", retry_after_seconds=1)

    with pytest.raises(ThrottledError):
        asyncio.run(calls())
    assert [(event["outcome"], event["level"]) for event in written.events()] == [
        ("ok", "debug"),
        ("throttled", "warning"),
    ]


def test_a_cancelled_task_is_told_apart_from_a_failure(written: Written) -> None:
    async def cancelled() -> None:
        entered = asyncio.Event()

        async def call() -> None:
            async with external_call("openai", "embeddings"):
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(call())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())
    assert (written.last()["outcome"], written.last()["level"]) == ("cancelled", "info")


def test_the_decorator_serves_functions_and_coroutines(written: Written) -> None:
    @external("vendor", "blocking")
    def blocking(number: int) -> int:
        """Its own words."""
        return number + 1

    @external("vendor", "waiting")
    async def waiting(number: int) -> int:
        raise ConnectionError(f"lost {number}")

    assert (blocking(1), blocking.__doc__) == (2, "Its own words.")
    assert inspect.iscoroutinefunction(waiting)
    with pytest.raises(ConnectionError):
        asyncio.run(waiting(1))
    assert [(event["operation"], event["outcome"]) for event in written.events()] == [
        ("blocking", "ok"),
        ("waiting", "retryable"),
    ]


def test_the_decorator_refuses_generators_for_their_calls_happen_later() -> None:
    def pages() -> Iterator[int]:
        yield 1

    async def pages_async() -> AsyncIterator[int]:
        yield 1

    for function in (pages, pages_async):
        with pytest.raises(TypeError, match="wrap each call"):
            external("vendor", "pages")(function)


@pytest.mark.parametrize("name", ["", "put object", "https://bucket/key", "x" * 41])
def test_names_that_would_flood_the_metrics_are_refused(name: str) -> None:
    with pytest.raises(BadInputError, match="short word"):
        external_call("s3", name)


def test_a_call_is_used_once() -> None:
    call = external_call("s3", "get_object")
    with call:
        pass
    with pytest.raises(RuntimeError, match="make a new one"), call:
        pass


def test_no_error_at_all_is_ok() -> None:
    assert outcome_of(None) == "ok"
