"""All providers of the settings in order, over real HTTP: what the vendor counts is what was paid for."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from core.ai.asking import Models
from core.ai.circuit import OUTAGES_IN_A_ROW
from core.ai.methods.base import Exchange
from core.ai.prices import Prices
from core.bootstrap import SystemClock, language_model
from core.domain.label import Outcome
from core.errors import RetryableError, ThrottledError
from core.ports import Notice
from core.settings import Settings
from tests.contract.language_models import AWS_ENVIRONMENT, KEY, request
from tests.fakes.model_answers import HttpError, Slow, outage, rate_limited, refused
from tests.fakes.model_server import ModelServer, model_server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    for name, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with model_server() as server:
        yield server


class Told(list[Notice]):
    notify = list[Notice].append


def models(server: ModelServer, home: Path, providers: str, concurrency: int = 8) -> tuple[Models, Told]:
    settings = Settings(
        _env_file=None,
        home=home,
        ai_providers=providers,
        ai_concurrency=concurrency,
        ai_timeout_seconds=20,
        openai_api_key=KEY,
        openai_model="gpt-test",
        openai_base_url=server.openai_url,
        compatible_base_url=server.openai_url,
        compatible_model="qwen-test",
        bedrock_region="eu-west-1",
        bedrock_model="eu.anthropic.test-v1:0",
        bedrock_endpoint=server.url,
    )
    told = Told()
    chosen = [language_model(settings, name) for name in settings.ai_provider_names]
    prices = Prices(date(2026, 11, 1), ())
    asked = Models(
        chosen,
        concurrency=concurrency,
        prices=prices,
        clock=SystemClock(),
        notifier=told,
        pause=lambda _: asyncio.sleep(0),
    )
    return asked, told


def ask(asked: Models) -> Exchange:
    return asyncio.run(asked.ask(request()))


def calls(server: ModelServer) -> Counter[str]:
    return Counter(asked.dialect for asked in server.asked)


def test_the_first_of_the_settings_answers_alone(server: ModelServer, tmp_path: Path) -> None:
    asked, _ = models(server, tmp_path, "bedrock,openai")

    assert ask(asked).provider == "bedrock"
    assert calls(server) == {"converse": 1}


def test_the_next_answers_for_who_is_throttled_and_for_who_lost_its_key(server: ModelServer, tmp_path: Path) -> None:
    asked, told = models(server, tmp_path, "openai,bedrock,compatible")
    server.then(rate_limited(retry_after="60"), HttpError("forbidden"))

    first, second = ask(asked), ask(asked)

    assert (first.provider, second.provider) == ("compatible", "compatible")
    assert calls(server) == {"responses": 1, "converse": 1, "chat": 3}  # one of them finds out what it can do
    assert len(told) == 1
    assert "bedrock:InvokeModel" in told[0].text


def test_a_refusal_is_an_answer_that_nobody_is_asked_to_better(server: ModelServer, tmp_path: Path) -> None:
    asked, _ = models(server, tmp_path, "openai,bedrock")
    server.then(refused())

    assert ask(asked).answer.outcome is Outcome.REFUSED
    assert len(server.asked) == 1


def test_an_outage_costs_as_many_calls_as_it_takes_to_open_the_circuits(server: ModelServer, tmp_path: Path) -> None:
    asked, _ = models(server, tmp_path, "openai,bedrock")
    server.answer = lambda _: outage(500)

    async def storm() -> list[Any]:
        return [await asyncio.gather(asked.ask(request()), return_exceptions=True) for _ in range(12)]

    answers = [answer for [answer] in asyncio.run(storm())]

    assert all(isinstance(answer, RetryableError) for answer in answers)
    assert isinstance(answers[-1], ThrottledError)
    assert calls(server) == {"responses": OUTAGES_IN_A_ROW, "converse": OUTAGES_IN_A_ROW}


@pytest.mark.parametrize("provider", ["openai", "compatible", "bedrock"])
def test_the_vendor_never_sees_more_at_once_than_the_settings_allow(
    server: ModelServer, tmp_path: Path, provider: str
) -> None:
    asked, _ = models(server, tmp_path, provider, concurrency=3)
    ask(asked)
    server.answer = lambda _: Slow(0.02)

    async def batch() -> None:
        await asyncio.gather(*(asked.ask(request()) for _ in range(8)))

    with ThreadPoolExecutor(3) as threads:  # as workers do: each with a loop of its own
        list(threads.map(lambda _: asyncio.run(batch()), range(3)))

    assert server.most_at_once == 3
