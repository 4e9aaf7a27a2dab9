"""Methods over real HTTP: every way an answer can end is a state, one more question at most, all of it paid for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from core.ai.methods.base import Method, MethodResult
from core.ai.methods.description import Describe
from core.ai.methods.labels import TextLabels, VisualLabels
from core.ai.methods.running import run
from core.domain.label import Outcome
from core.errors import BadInputError, QuotaSpentError, RetryableError, ThrottledError
from core.ports import LanguageModel
from tests.contract.language_models import AWS_ENVIRONMENT, PROVIDERS, openai
from tests.fakes.model_answers import (
    Answer,
    HttpError,
    Said,
    fenced,
    outage,
    quota_spent,
    rate_limited,
    refused,
    truncated,
)
from tests.fakes.model_server import ModelServer, model_server
from tests.reading_ads import AD, LABELS, READING, good_answer, models

METHODS: list[Method[Any]] = [TextLabels(READING), VisualLabels(READING), Describe()]
WORDS = METHODS[0]


@pytest.fixture(scope="module")
def vendor() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def server(vendor: ModelServer) -> ModelServer:
    vendor.reset()
    vendor.answer = good_answer
    return vendor


def read_by(method: Method[Any], *inner: LanguageModel) -> MethodResult[Any]:
    return asyncio.run(run(method, AD, models(*inner)))


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_works_with_every_provider(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, provider: str, method: Method[Any]
) -> None:
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    result = read_by(method, PROVIDERS[provider](server.url))
    assert (result.outcome, result.reason) == (Outcome.OK, "")
    assert result.provenance.model.startswith(f"{provider}/")
    [exchange] = result.exchanges
    assert (exchange.provider, exchange.answer.usage) == (provider, result.usage)
    [asked] = [each for each in server.asked if each.schema_name == method.name]
    assert len(asked.images) == (0 if method is WORDS else 1)


@pytest.mark.parametrize(
    ("answer", "outcome", "questions"),
    [
        (refused("I can't help with that."), Outcome.REFUSED, 1),
        (truncated('{"hook": {"value": "urg'), Outcome.TRUNCATED, 1),
        (Said('{"hook": ', "ok"), Outcome.INVALID, 2),  # not JSON
        ({"label": "urgency"}, Outcome.INVALID, 2),  # another schema
        ("Sure! It is urgency.", Outcome.INVALID, 2),
        (Said(""), Outcome.INVALID, 2),
        (fenced(LABELS), Outcome.OK, 1),
    ],
)
def test_each_ending_is_a_state_and_only_an_invalid_answer_is_asked_about_again(
    server: ModelServer, answer: Answer, outcome: Outcome, questions: int
) -> None:
    server.answer = lambda _: answer
    result = read_by(WORDS, openai(server.url))
    assert (result.outcome, len(server.asked), len(result.exchanges)) == (outcome, questions, questions)
    assert {label.outcome for label in result.value} == {outcome}
    assert (result.reason == "") == (outcome is Outcome.OK)
    assert result.usage.input_tokens == questions * 1_000


def test_the_second_answer_counts_when_it_is_valid(server: ModelServer) -> None:
    server.then("nonsense")
    result = read_by(WORDS, openai(server.url))
    assert (result.outcome, result.reason, len(server.asked)) == (Outcome.OK, "", 2)
    assert "it is not JSON" in server.asked[1].instructions
    assert server.asked[1].text == server.asked[0].text


def test_a_refusal_after_an_invalid_answer_is_a_refusal(server: ModelServer) -> None:
    server.then("nonsense", refused())
    assert read_by(WORDS, openai(server.url)).outcome is Outcome.REFUSED


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (rate_limited(), ThrottledError),
        (quota_spent(), QuotaSpentError),
        (outage(), RetryableError),
        (HttpError("bad_input"), BadInputError),
    ],
)
def test_what_keeps_a_model_from_answering_is_no_reading(
    server: ModelServer, failure: HttpError, error: type[Exception]
) -> None:
    server.answer = lambda _: failure
    with pytest.raises(error):
        read_by(WORDS, openai(server.url))


def test_cost_is_that_of_both_answers_and_unknown_without_a_price(server: ModelServer) -> None:
    server.then("nonsense")
    assert read_by(WORDS, openai(server.url)).cost_usd is None  # nobody sells a gpt-test
