"""A vendor whose answers have any other shape: an error of ours, or an answer with sane figures; no surprise."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from core.adapters.vendor_answers import MOST_TOKENS, counts, vendor_id
from core.errors import AdologyError, UnansweredError
from core.ports import LanguageModel, ModelAnswer, ModelUsage
from tests.contract.language_models import ask, request
from tests.fakes.model_answers import Asked, Raw, Said
from tests.fakes.model_dialects import put_together
from tests.fakes.model_server import ModelServer

WORST: list[Any] = ["12", ["hi"], {"a": [1]}, -5, 10**400, None, "\ud800\0"]


def body_of(asked: Asked) -> dict[str, Any]:
    return put_together(asked, Said("{}"), 1)


def changed(value: Any, worst: Any) -> list[Any]:
    """The value with each of its parts, itself too, replaced."""
    inner: list[Any] = []
    if isinstance(value, dict):
        inner = [{**value, name: put} for name, part in value.items() for put in changed(part, worst)]
    elif isinstance(value, list):
        inner = [[*value[:at], put, *value[at + 1 :]] for at, part in enumerate(value) for put in changed(part, worst)]
    return [worst, *inner]


def answers_to(model: LanguageModel, times: int) -> list[ModelAnswer | BaseException]:
    async def all_at_once() -> list[ModelAnswer | BaseException]:
        return await asyncio.gather(*(model.answer(request()) for _ in range(times)), return_exceptions=True)

    return asyncio.run(all_at_once())


def test_no_value_in_any_place_of_an_answer_is_a_surprise(model: LanguageModel, server: ModelServer) -> None:
    ask(model)
    good = body_of(server.asked[0])
    bodies = [body for worst in WORST for body in changed(good, worst)]
    server.then(*(Raw(json.dumps(body).encode()) for body in bodies))

    told = answers_to(model, len(bodies))

    surprises = [each for each in told if isinstance(each, BaseException) and not isinstance(each, AdologyError)]
    assert surprises == []
    answers = [each for each in told if isinstance(each, ModelAnswer)]
    assert len(answers) > len(WORST)
    for answer in answers:
        tokens = (answer.usage.input_tokens, answer.usage.output_tokens, answer.usage.cached_tokens)
        assert all(0 <= each <= 3 * MOST_TOKENS for each in tokens)
        assert answer.vendor_request_id is None or answer.vendor_request_id.isprintable()


@pytest.mark.parametrize("worst", [-5, 10**10, 10**400], ids=lambda worst: str(worst)[:12])
def test_tokens_that_are_no_number_of_tokens_count_as_uncounted(
    model: LanguageModel, server: ModelServer, worst: int
) -> None:
    ask(model)
    usage = body_of(server.asked[0])["usage"]
    name = next(name for name in ("output_tokens", "completion_tokens", "outputTokens") if name in usage)
    server.then(Raw({**body_of(server.asked[0]), "usage": {**usage, name: worst}}))

    assert ask(model).usage == ModelUsage()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 100_000, b"[]", b"7", b'{"a":', b"\xff\xfe{}"], ids=repr)
def test_a_200_that_nobody_can_read_may_be_billed(model: LanguageModel, server: ModelServer, body: bytes) -> None:
    server.then(Raw(body))
    with pytest.raises(UnansweredError, match=model.provider):
        ask(model)


@pytest.mark.parametrize("status", [400, 429])
def test_an_error_in_any_shape_is_an_error_of_ours(model: LanguageModel, server: ModelServer, status: int) -> None:
    for worst in WORST:
        error = {"message": worst, "type": worst, "code": worst, "param": worst}
        for body in ({"error": error}, {"error": worst}, error):
            server.then(Raw(body, status))
            with pytest.raises(AdologyError):
                ask(model)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"in": 7, "details": {"cached": 3}}, [7, 3]),
        ({"in": 7, "details": None}, [7, 0]),
        ({}, [0, 0]),
        (None, [0, 0]),
        ({"in": 7, "details": 3}, [0, 0]),
        ({"in": 7.0, "details": {"cached": 3}}, [0, 0]),
        ({"in": "7"}, [0, 0]),
        ({"in": True}, [0, 0]),
        ({"in": -1, "details": {"cached": 3}}, [0, 0]),
        ({"in": MOST_TOKENS + 1}, [0, 0]),
        ("12", [0, 0]),
    ],
)
def test_what_is_counted_is_whole_or_nothing(usage: object, expected: list[int]) -> None:
    assert counts(usage, "in", "details.cached") == expected


@pytest.mark.parametrize("given", ["", "a\0b", "\ud800", "x" * 201, 7, {"a": 1}, None], ids=repr)
def test_an_id_that_no_database_would_take_is_none(given: object) -> None:
    assert vendor_id(given) is None
    assert vendor_id("resp_1") == "resp_1"
