"""The one wrapper around every call that leaves the system, for blocking and for async code alike.

    with external_call("s3", "put_object", target=bucket) as call:
        try:
            answer = client.put_object(…)
        except ClientError as error:
            raise translated(error) from error      # inside the block: the category comes from core.errors
        call.status, call.size_bytes = 200, size

It measures, counts and logs; it never swallows an error, never retries and never sees a payload.
Our own PostgreSQL is our store, not an external service: SQLAlchemy is not wrapped.
"""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, cast

from core.errors import AdologyError, BadInputError
from core.observability import metrics
from core.observability.logs import get_logger

P = ParamSpec("P")
R = TypeVar("R")

SLOW_AFTER_SECONDS: Final = 5.0
MAX_NAME_CHARACTERS: Final = 40

# The written policy (docs/logging.md): an answer is no failure; what will be tried again warns; the rest is an error.
_LEVEL_OF_OUTCOME: Final = {
    "ok": logging.DEBUG,
    "not_found": logging.INFO,
    "conflict": logging.INFO,
    "in_progress": logging.INFO,
    "waiting": logging.INFO,
    "cancelled": logging.INFO,
    "retryable": logging.WARNING,
    "throttled": logging.WARNING,
    "quota_spent": logging.WARNING,
    "budget_spent": logging.WARNING,
    "unanswered": logging.WARNING,
    "unavailable": logging.WARNING,
    "stale": logging.WARNING,
    "media_problem": logging.WARNING,
}
_log = get_logger(__name__)


def outcome_of(error: BaseException | None) -> str:
    """``ok``, the code of a typed error, ``retryable`` (connection lost, timeout), ``cancelled`` or ``unexpected``."""
    if error is None:
        return "ok"
    if isinstance(error, AdologyError):
        return error.code if type(error) is not AdologyError else "unexpected"
    if isinstance(error, ConnectionError | TimeoutError):
        return "retryable"
    return "unexpected" if isinstance(error, Exception) else "cancelled"


class ExternalCall:
    """One call. Set ``status``, ``size_bytes`` and ``cost_usd`` as they become known; use it once."""

    def __init__(
        self, service: str, operation: str, *, target: str | None, attempt: int, slow_after_seconds: float
    ) -> None:
        for name in (service, operation):
            if len(name) > MAX_NAME_CHARACTERS or not name.replace("-", "_").isidentifier():
                raise BadInputError(f"{name!r} can't name a service or operation: use a short word such as put_object.")
        self.service = service
        self.operation = operation
        self.target = target.partition("?")[0] if target else None
        self.attempt = attempt
        self.status: int | str | None = None
        self.size_bytes: int | None = None
        self.cost_usd: float | None = None
        self.duration_seconds = 0.0
        self._slow_after_seconds = slow_after_seconds
        self._started: float | None = None

    def __enter__(self) -> Self:
        if self._started is not None:
            raise RuntimeError("An ExternalCall is one call: make a new one with external_call(…).")
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.duration_seconds = time.perf_counter() - (self._started or 0.0)
        outcome = outcome_of(error)
        metrics.external_call(
            self.service,
            self.operation,
            outcome=outcome,
            seconds=self.duration_seconds,
            size_bytes=self.size_bytes,
            cost_usd=self.cost_usd,
        )
        self._write(outcome, error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, trace)

    def _write(self, outcome: str, error: BaseException | None) -> None:
        slow = self.duration_seconds >= self._slow_after_seconds
        level = _LEVEL_OF_OUTCOME.get(outcome, logging.ERROR)
        if slow:
            level = max(level, logging.INFO)
        if not logging.getLogger(__name__).isEnabledFor(level):
            return
        facts: dict[str, Any] = {
            "service": self.service,
            "operation": self.operation,
            "outcome": outcome,
            "duration_ms": round(self.duration_seconds * 1000, 1),
            "target": self.target,
            "status": self.status,
            "size_bytes": self.size_bytes,
            "cost_usd": self.cost_usd,
            "attempt": self.attempt if self.attempt > 1 else None,
            "slow": slow or None,
            "error_class": type(error).__name__ if error is not None else None,
            "error": str(error) if error is not None else None,
        }
        _log.log(level, "external call", **{name: fact for name, fact in facts.items() if fact is not None})


def external_call(
    service: str,
    operation: str,
    *,
    target: str | None = None,
    attempt: int = 1,
    slow_after_seconds: float = SLOW_AFTER_SECONDS,
) -> ExternalCall:
    """Wrap one call: ``with`` or ``async with``.

    ``service`` and ``operation`` are fixed words (they label metrics); ``target`` (a bucket, host or URL) goes to the
    log only, without its query. Slow means slower than one should expect: long work, such as a batch of labels,
    gets its own limit.
    """
    return ExternalCall(service, operation, target=target, attempt=attempt, slow_after_seconds=slow_after_seconds)


def external(
    service: str, operation: str, *, slow_after_seconds: float = SLOW_AFTER_SECONDS
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """The same as a decorator of a function or coroutine function that is one call."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function.__qualname__} yields: wrap each call inside it with external_call instead.")

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with external_call(service, operation, slow_after_seconds=slow_after_seconds):
                return function(*args, **kwargs)

        @functools.wraps(function)
        async def call_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            async with external_call(service, operation, slow_after_seconds=slow_after_seconds):
                return await cast(Any, function)(*args, **kwargs)

        return cast(Callable[P, R], call_async) if inspect.iscoroutinefunction(function) else call

    return decorate
