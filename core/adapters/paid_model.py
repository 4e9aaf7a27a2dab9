"""A language model whose calls somebody pays for: no call without a reservation, none without a row in the ledger.

    with paying(Purpose("acme-analytics", "shared", "labels", brand_slug="kestrun")) as bill:
        await models.ask(request)
    bill.cost_usd

It wraps each provider, so that whoever is asked in another's place, or once more, pays for each call alone. A process
that dies in a call leaves its reservation behind, which is booked at its most when it expires.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.adapters.postgres.ai_ledger import PostgresAiLedger, exact
from core.ai.prices import Price, Prices
from core.domain.label import Outcome
from core.domain.spending import Purpose, Reservation, Settlement
from core.errors import AdologyError, NotAllowedError, UnansweredError
from core.observability.logs import get_logger
from core.ports import LanguageModel, ModelAnswer, ModelRequest


@dataclass(slots=True)
class Bill:
    """What was booked: ``calls`` that were made, answered or not."""

    calls: int = 0
    cost_usd: Decimal = Decimal(0)

    def add(self, cost_usd: Decimal) -> None:
        """One more call."""
        self.calls += 1
        self.cost_usd += cost_usd


_log = get_logger(__name__)
_paying: ContextVar[tuple[Purpose, Bill]] = ContextVar("paying")
_GRACE_SECONDS = 60.0  # what settling may take beyond the call itself
_TRIES = 2  # the vendor's library may ask once more within one call


@contextmanager
def paying(purpose: Purpose) -> Iterator[Bill]:
    """Whatever models are asked inside, by this thread or task, is paid for this; the bill grows with each call."""
    bill = Bill()
    token = _paying.set((purpose, bill))
    try:
        yield bill
    finally:
        _paying.reset(token)


@dataclass(frozen=True, slots=True)
class PaidModel:
    """The ``inner`` model. Raises LookupError for a call that nobody pays for."""

    inner: LanguageModel
    ledger: PostgresAiLedger
    prices: Prices
    timeout_seconds: float

    @property
    def provider(self) -> str:
        """As settings and the price file name it."""
        return self.inner.provider

    @property
    def model(self) -> str:
        """The configured model's id."""
        return self.inner.model

    def wire_request(self, request: ModelRequest) -> Mapping[str, Any]:
        """The exact body that would be sent."""
        return self.inner.wire_request(request)

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """As the inner model; BudgetSpentError where the payer's budget has no room, before anything is sent."""
        (purpose, bill), price = _paying.get(), self._price()
        held = await asyncio.to_thread(self._reserve, purpose, price.most_usd(request))
        started = time.monotonic()
        try:
            answer = await self.inner.answer(request)
        except AdologyError as error:
            bill.add(await self._settle(held, purpose, self._of_failure(held, error, time.monotonic() - started)))
            raise
        bill.add(await self._settle(held, purpose, self._of_answer(held, price, answer, time.monotonic() - started)))
        return answer

    def _price(self) -> Price:
        price = self.prices.of(self.provider, self.model)
        if price is None:
            raise NotAllowedError(
                f"no price is known of {self.provider}'s model {self.model!r}, so no budget could stop it:"
                " add it to core/ai/prices.yaml (0 if it costs nothing), then restart"
            )
        return price

    def _reserve(self, purpose: Purpose, most_usd: float) -> Reservation:
        lasting_seconds = _TRIES * self.timeout_seconds + _GRACE_SECONDS
        return self.ledger.reserve(purpose, most_usd=most_usd, lasting_seconds=lasting_seconds, **self._call)

    async def _settle(self, held: Reservation, purpose: Purpose, settlement: Settlement) -> Decimal:
        """What is booked in the end."""
        try:
            await asyncio.to_thread(self.ledger.settle, held, purpose, settlement, **self._call)
        except AdologyError as error:  # what was answered is paid for: it isn't lost for a row that comes later
            _log.warning("a call is booked at its most when its reservation expires", reason=str(error))
            return held.most_usd
        return settlement.cost_usd

    @property
    def _call(self) -> dict[str, str]:
        return {"provider": self.provider, "model": self.model, "prices": self.prices.as_of.isoformat()}

    @staticmethod
    def _of_failure(held: Reservation, error: AdologyError, seconds: float) -> Settlement:
        """A vendor bills no error it answers with, and may bill what it didn't answer in time."""
        cost = held.most_usd if isinstance(error, UnansweredError) else Decimal(0)
        return Settlement(Outcome.FAILED, cost, seconds)

    @staticmethod
    def _of_answer(held: Reservation, price: Price, answer: ModelAnswer, seconds: float) -> Settlement:
        usage = answer.usage
        is_counted = (usage.input_tokens and usage.output_tokens) or answer.outcome is Outcome.REFUSED
        return Settlement(
            answer.outcome,
            exact(price.cost_usd(usage)) if is_counted else held.most_usd,  # some servers count no tokens
            seconds,
            usage.input_tokens,
            usage.cached_tokens,
            usage.output_tokens,
            answer.vendor_request_id,
        )
