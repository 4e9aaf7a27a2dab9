"""No call to a model without a payer, a price and a reservation; every call that was made is a row."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from core.adapters.openai_responses import OpenAiResponses
from core.adapters.paid_model import PaidModel, paying
from core.adapters.postgres.ai_ledger import PostgresAiLedger, exact
from core.adapters.postgres.engine import Database
from core.ai.asking import Models
from core.ai.prices import Price, Prices
from core.bootstrap import SystemClock
from core.domain.label import Outcome
from core.domain.spending import Purpose
from core.errors import BudgetSpentError, NotAllowedError, RetryableError, ThrottledError, UnansweredError
from core.ports import ModelAnswer, ModelRequest, ModelUsage, Notice
from tests.fakes.model_answers import Answer, Raw, Said, huge
from tests.fakes.model_server import model_server

PURPOSE = Purpose("ours", "shared", "labels", brand_slug="acme")
REQUEST = ModelRequest("Read.", "Fresh coffee", "labels", {"type": "object"}, max_output_tokens=1_000)
PRICES = Prices(date(2026, 11, 21), (Price(provider="openai", model="small", input=100.0, output=100.0),))
ANSWER = ModelAnswer(Outcome.OK, "{}", "small-2026", ModelUsage(400, 100), "v1")
COST = Decimal("0.05")


@dataclass
class Scripted:
    """A model that gives its answers in turn."""

    answers: list[ModelAnswer | BaseException]
    provider: str = "openai"
    model: str = "small"

    def wire_request(self, request: ModelRequest) -> Mapping[str, Any]:
        return {}

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


class Silent:
    def notify(self, notice: Notice) -> None:
        pass


def paid(database: Database, *answers: ModelAnswer | BaseException, usd: float = 5.0, **named: str) -> PaidModel:
    return PaidModel(Scripted(list(answers), **named), PostgresAiLedger(database, usd), PRICES, timeout_seconds=60)


def ask(model: PaidModel, payer: str = "ours") -> ModelAnswer:
    with paying(Purpose(payer, "shared", "labels")):
        return asyncio.run(model.answer(REQUEST))


def rows(database: Database) -> list[tuple[str, Decimal]]:
    with database.machinery() as connection:
        found = connection.execute(text("SELECT outcome, cost_usd FROM ai_call ORDER BY ai_call_id"))
        return [(row.outcome, row.cost_usd) for row in found]


def reserved(database: Database) -> list[Decimal]:
    with database.machinery() as connection:
        return list(connection.execute(text("SELECT most_usd FROM ai_reservation")).scalars())


def test_a_call_costs_what_its_tokens_cost(database: Database) -> None:
    assert ask(paid(database, ANSWER)) == ANSWER
    assert (rows(database), reserved(database)) == ([("ok", COST)], [])


def test_the_bill_is_what_was_booked_with_what_failed(database: Database) -> None:
    model = paid(database, ANSWER, UnansweredError("no answer within 60 s"))
    with paying(PURPOSE) as bill:
        asyncio.run(model.answer(REQUEST))
        with pytest.raises(UnansweredError):
            asyncio.run(model.answer(REQUEST))
    assert bill.calls == 2
    assert bill.cost_usd == sum(cost for _, cost in rows(database)) > COST


def test_nobody_is_asked_without_a_payer(database: Database) -> None:
    model = paid(database, ANSWER)
    with pytest.raises(LookupError):
        asyncio.run(model.answer(REQUEST))
    assert isinstance(model.inner, Scripted)
    assert model.inner.answers == [ANSWER]


def test_a_model_without_a_price_is_not_asked(database: Database) -> None:
    """No budget could stop it."""
    with pytest.raises(NotAllowedError, match="no price is known of openai's model 'large'"):
        ask(paid(database, ANSWER, model="large"))
    assert rows(database) == []


def test_an_error_that_the_vendor_answers_costs_nothing(database: Database) -> None:
    with pytest.raises(ThrottledError):
        ask(paid(database, ThrottledError("slow down", retry_after_seconds=3)))
    assert (rows(database), reserved(database)) == ([("failed", Decimal(0))], [])


def test_a_call_without_an_answer_is_booked_at_its_most(database: Database) -> None:
    with pytest.raises(UnansweredError):
        ask(paid(database, UnansweredError("no answer within 60 s")))
    [(outcome, cost)] = rows(database)
    assert outcome == "failed"
    assert cost > COST
    assert reserved(database) == []


@pytest.mark.parametrize(
    ("answered", "outcome"),
    [
        (Raw(b"<html>Welcome</html>"), "failed"),
        (Raw({"status": "queued"}), "failed"),
        (Raw({"status": "completed", "output": ["hi"]}), "failed"),
        (huge(0.2), "failed"),
        (Said("{}", input_tokens=-(10**6)), "ok"),
        (Said("{}", output_tokens=-1), "ok"),
        (Said("{}", input_tokens=10**10), "ok"),
        (Said("{}", output_tokens=0), "ok"),
    ],
    ids=str,
)
def test_a_200_of_which_nobody_can_say_what_it_cost_is_booked_at_its_most(
    database: Database, monkeypatch: pytest.MonkeyPatch, answered: Answer, outcome: str
) -> None:
    """The budget stops it, however often the vendor does it."""
    monkeypatch.setattr("core.adapters.openai_server.MAX_ANSWER_BYTES", 100_000)
    with model_server() as server:
        server.answer = lambda _: answered
        openai = OpenAiResponses("small", api_key="k", base_url=server.openai_url, timeout_seconds=20)
        most = exact(PRICES.list[0].most_usd(REQUEST))
        model = PaidModel(openai, PostgresAiLedger(database, usd_per_day=2 * float(most)), PRICES, timeout_seconds=60)
        for _ in range(5):
            with suppress(UnansweredError, BudgetSpentError):
                ask(model)
        assert rows(database) == [(outcome, most)] * 2
        assert len(server.asked) == 2


def test_a_call_that_was_cut_off_stays_reserved_until_it_expires(database: Database) -> None:
    with pytest.raises(asyncio.CancelledError):
        ask(paid(database, asyncio.CancelledError()))
    assert rows(database) == []
    assert len(reserved(database)) == 1


def test_an_answer_whose_tokens_nobody_counted_is_booked_at_its_most(database: Database) -> None:
    ask(paid(database, ModelAnswer(Outcome.OK, "{}", "small", ModelUsage())))
    [(_, cost)] = rows(database)
    assert cost > COST


def test_a_filtered_request_that_used_no_token_costs_nothing(database: Database) -> None:
    ask(paid(database, ModelAnswer(Outcome.REFUSED, "no", "small", ModelUsage())))
    assert rows(database) == [("refused", Decimal(0))]


def test_a_spent_budget_of_one_leaves_the_provider_to_the_others(database: Database) -> None:
    """It says nothing of the provider: its circuit stays closed."""
    model = paid(database, ANSWER)
    with database.machinery() as connection:
        connection.execute(text("INSERT INTO ai_budget VALUES ('poor', 0, 'x')"))
    models = Models([model], concurrency=1, prices=PRICES, clock=SystemClock(), notifier=Silent())

    async def both() -> Outcome:
        with paying(Purpose("poor", "shared", "labels")), pytest.raises(BudgetSpentError):
            await models.ask(REQUEST)
        with paying(PURPOSE):
            return (await models.ask(REQUEST)).answer.outcome

    assert asyncio.run(both()) is Outcome.OK


def test_each_try_of_each_provider_is_a_call_of_its_own(database: Database) -> None:
    first = paid(database, RetryableError("503"), RetryableError("503"))
    second = paid(database, ANSWER, provider="openai")
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    models = Models([first, second], concurrency=1, prices=PRICES, clock=SystemClock(), notifier=Silent(), pause=pause)

    async def go() -> None:
        with paying(PURPOSE):
            await models.ask(REQUEST)

    asyncio.run(go())
    assert rows(database) == [("failed", Decimal(0)), ("failed", Decimal(0)), ("ok", COST)]
