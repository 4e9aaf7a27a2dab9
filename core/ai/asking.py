"""The models there are, asked in order: how many calls at once, when a provider rests, who is asked in its place."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from core.ai.circuit import Circuit, Pass
from core.ai.methods.base import Exchange
from core.ai.prices import Prices
from core.ai.turns import Turns
from core.errors import (
    AdologyError,
    BadInputError,
    BudgetSpentError,
    NotAllowedError,
    QuotaSpentError,
    RetryableError,
    ThrottledError,
)
from core.observability.logs import get_logger
from core.ports import Clock, LanguageModel, ModelAnswer, ModelRequest, Notice, Notifier

QUOTA_PAUSE_SECONDS: Final = 900.0  # then one call finds out whether somebody has paid
AGAIN_AFTER_SECONDS: Final = 0.5
QUICK_SECONDS: Final = 5.0
_TRIES: Final = 2  # of each provider; the vendors' libraries try once each
_FALLS_OVER: Final = (RetryableError, NotAllowedError)  # no fault of what was asked: the next provider may answer
_log = get_logger(__name__)


class Models:
    """An ``Asker`` over providers, first choice first. One per process, whose threads run event loops of their own.

    The next provider is asked where one is throttled, out of quota, unreachable or refuses our credentials; never where
    the question is at fault or the asker's budget is spent. A provider is asked again only after it failed fast: twice
    at most, in all.
    """

    def __init__(
        self,
        models: Sequence[LanguageModel],
        *,
        concurrency: int,
        prices: Prices,
        clock: Clock,
        notifier: Notifier,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``concurrency``: calls to one provider at once."""
        self.models = tuple(models)
        self._prices, self._clock = prices, clock
        self._providers = [_Provider(model, concurrency, clock, notifier, pause) for model in models]

    async def ask(self, request: ModelRequest) -> Exchange:
        """The first answer, whoever gives it.

        Raises BadInputError, TerminalError and BudgetSpentError as the provider does. Where none could be asked:
        RetryableError after an outage, ThrottledError with the soonest time, QuotaSpentError, or NotAllowedError with
        what people must set.
        """
        failures: list[AdologyError] = []
        for provider in self._providers:
            try:
                answer, seconds = await provider.ask(request)
            except BudgetSpentError:
                raise
            except _FALLS_OVER as error:
                failures.append(error)
            else:
                return self._exchange(provider.model, request, answer, seconds)
        raise _told_together(failures)

    def _exchange(self, model: LanguageModel, request: ModelRequest, answer: ModelAnswer, seconds: float) -> Exchange:
        return Exchange(
            provider=model.provider,
            model=model.model,
            request=request,
            wire_request=model.wire_request(request),
            answer=answer,
            seconds=seconds,
            cost_usd=self._prices.cost_usd(model.provider, model.model, answer.usage),
        )


class _Provider:
    """One model with its circuit. What stops it stays known until the process ends: settings are read at its start."""

    def __init__(
        self,
        model: LanguageModel,
        concurrency: int,
        clock: Clock,
        notifier: Notifier,
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self.model = model
        self._clock, self._notifier, self._pause = clock, notifier, pause
        self._turns, self._circuit = Turns(concurrency), Circuit()
        self._lock = threading.Lock()
        self._refusal: NotAllowedError | None = None
        self._quota: QuotaSpentError | None = None

    async def ask(self, request: ModelRequest) -> tuple[ModelAnswer, float]:
        """The answer and how many seconds the call took. Raises what keeps it from answering."""
        for tries_left in reversed(range(_TRIES)):
            try:
                async with self._turns:
                    started = self._clock.now()
                    return await self._call(request)
            except RetryableError as error:
                was_quick = (self._clock.now() - started).total_seconds() < QUICK_SECONDS
                if not (tries_left and was_quick and type(error) is RetryableError):
                    raise
            await self._pause(AGAIN_AFTER_SECONDS)
        raise AssertionError("the last try returns or raises")

    async def _call(self, request: ModelRequest) -> tuple[ModelAnswer, float]:
        call, started = self._admitted(), self._clock.now()
        try:
            answer = await self.model.answer(request)
        except BadInputError:
            self._answered(call)  # the provider is well
            raise
        except BudgetSpentError:  # of an organisation, before anything was sent: the others go on asking
            self._circuit.abandoned(call)
            raise
        except _FALLS_OVER as error:
            self._failed(call, error)
            raise
        except BaseException:  # cancelled, or a mistake of ours
            self._circuit.abandoned(call)
            raise
        self._answered(call)
        return answer, (self._clock.now() - started).total_seconds()

    def _admitted(self) -> Pass:
        """Raises as long as there is no calling."""
        if self._refusal is not None:
            raise NotAllowedError(str(self._refusal))
        call = self._circuit.admit(self._clock.now())
        if call is None:
            raise self._resting(self._circuit.wait_seconds(self._clock.now()))
        return call

    def _resting(self, wait_seconds: float) -> ThrottledError | QuotaSpentError:
        if self._quota is not None:
            return QuotaSpentError(str(self._quota))
        said = f"{self.model.provider} rests for {wait_seconds:.0f} s: wait"
        return ThrottledError(said, retry_after_seconds=wait_seconds)

    def _answered(self, call: Pass) -> None:
        if self._circuit.succeeded(call):
            self._quota = None
            _log.info("provider answers again", provider=self.model.provider)

    def _failed(self, call: Pass, error: AdologyError) -> None:
        if isinstance(error, NotAllowedError):
            self._circuit.abandoned(call)
            self._stop(error)
            return
        pause_seconds = error.retry_after_seconds if isinstance(error, ThrottledError) else None
        if isinstance(error, QuotaSpentError):
            pause_seconds = QUOTA_PAUSE_SECONDS
            self._tell_of_quota(error)
        if self._circuit.failed(call, self._clock.now(), pause_seconds=pause_seconds):
            _log.warning("provider rests", provider=self.model.provider, reason=str(error))

    def _stop(self, error: NotAllowedError) -> None:
        with self._lock:
            is_news, self._refusal = self._refusal is None, error
        if is_news:
            self._tell("refuses our credentials or settings", f"{error}. Until then it isn't asked.")

    def _tell_of_quota(self, error: QuotaSpentError) -> None:
        with self._lock:
            is_news, self._quota = self._quota is None, error
        if is_news:
            self._tell("is out of quota", f"{error}. It is tried again every {QUOTA_PAUSE_SECONDS / 60:.0f} minutes.")

    def _tell(self, what: str, text: str) -> None:
        name = self.model.provider
        self._notifier.notify(Notice("error", f"The model provider {name} {what}", text, {"provider": name}))


def _told_together(failures: Sequence[AdologyError]) -> AdologyError:
    """What helps soonest: an outage may be over now, a pause at its end, a quota is for people to pay, a key to set."""
    for error in failures:
        if isinstance(error, RetryableError) and not isinstance(error, ThrottledError | QuotaSpentError):
            return error
    pauses = [error for error in failures if isinstance(error, ThrottledError)]
    if pauses:
        return min(pauses, key=lambda error: error.retry_after_seconds)
    return next((error for error in failures if isinstance(error, QuotaSpentError)), failures[0])
