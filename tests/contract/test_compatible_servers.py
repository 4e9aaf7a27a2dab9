"""Where servers that speak chat completions differ: how far they keep to a schema, and how Gemini and others end."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from core.domain.label import Outcome
from core.errors import NotAllowedError, RetryableError, ThrottledError
from tests.contract.language_models import SCHEMA, ask, compatible, picture, request
from tests.fakes.model_answers import HttpError, Raw, fenced, rate_limited
from tests.fakes.model_server import ModelServer


@pytest.mark.parametrize(
    ("knows", "ignores", "asked_as", "questions"),
    [
        ({"json_schema", "json_object"}, False, "json_schema", 1),
        ({"json_object"}, False, "json_object", 2),
        ({"json_object"}, True, "json_object", 2),  # a server that says nothing about what it passes over
        (set(), False, None, 3),
        (set(), True, None, 3),
    ],
)
def test_what_a_server_knows_of_schemas_is_found_out_once(
    server: ModelServer, knows: set[str], ignores: bool, asked_as: str | None, questions: int
) -> None:
    server.response_formats, server.ignores_unknown_formats = frozenset(knows), ignores
    model = compatible(server.url)

    async def batch() -> None:
        await asyncio.gather(*(model.answer(request()) for _ in range(3)))

    with ThreadPoolExecutor(3) as threads:  # each with a loop of its own, all at once
        list(threads.map(lambda _: asyncio.run(batch()), range(3)))

    assert len(server.asked) == questions + 9
    last = server.asked[-1]
    assert last.body.get("response_format", {}).get("type") == asked_as
    assert last.schema == SCHEMA  # in the format or in words
    assert last.body == model.wire_request(request())


def test_a_server_that_fences_its_json_is_told_the_schema_in_words(server: ModelServer) -> None:
    server.then(*[fenced({"is_wet": "yes"})] * 3)

    ask(compatible(server.url))

    assert "response_format" not in server.asked[-1].body
    assert json.dumps(SCHEMA) in server.asked[-1].instructions


def test_nothing_is_concluded_from_a_question_that_was_throttled(server: ModelServer) -> None:
    model = compatible(server.url)
    server.then(rate_limited())
    with pytest.raises(ThrottledError):
        ask(model)

    ask(model)

    assert server.asked[-1].body["response_format"]["type"] == "json_schema"


def test_a_server_that_refuses_even_a_plain_question_is_for_people_to_set_right(server: ModelServer) -> None:
    server.then(*[HttpError("bad_input", "temperature is not supported")] * 3)
    with pytest.raises(NotAllowedError, match=r"ADOLOGY_COMPATIBLE_MODEL.*temperature"):
        ask(compatible(server.url))
    assert len(server.asked) == 3


def test_text_alone_is_sent_as_text_and_with_pictures_in_parts(server: ModelServer) -> None:
    model = compatible(server.url)
    ask(model, request("ad"))
    ask(model, request("ad", images=(picture(),)))

    plain, parts = (asked.body["messages"][1]["content"] for asked in server.asked[-2:])
    assert plain == "ad"
    assert [part["type"] for part in parts] == ["text", "image_url"]


def test_a_server_without_a_key_gets_some_key(server: ModelServer) -> None:
    ask(compatible(server.url, key=""))

    assert server.asked[-1].headers["authorization"] == "Bearer none"


def completion(**changes: Any) -> Raw:
    choice = {"index": 0, "message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"}
    return Raw({"object": "chat.completion", "model": "m", "choices": [choice], **changes})


@pytest.mark.parametrize(
    ("choices", "outcome", "text"),
    [
        ([], Outcome.REFUSED, ""),  # Gemini: the prompt was blocked
        ([{"message": {}, "finish_reason": "content_filter: RECITATION"}], Outcome.REFUSED, ""),
        ([{"message": {"content": "{"}, "finish_reason": "SAFETY"}], Outcome.REFUSED, "{"),
        ([{"message": {"content": None}, "finish_reason": "length"}], Outcome.TRUNCATED, ""),  # all of it was thinking
        ([{"message": {"content": "{}"}, "finish_reason": None}], Outcome.OK, "{}"),
        ([{"message": {"content": [{"type": "text", "text": "{"}, {"type": "text", "text": "}"}]}}], Outcome.OK, "{}"),
    ],
)
def test_other_endings_than_openais_are_understood(
    server: ModelServer, choices: list[dict[str, Any]], outcome: Outcome, text: str
) -> None:
    model = compatible(server.url)
    ask(model)
    server.then(completion(choices=choices))

    answer = ask(model)

    assert (answer.outcome, answer.text) == (outcome, text)


def test_thinking_that_only_the_total_counts_is_output(server: ModelServer) -> None:
    model = compatible(server.url)
    ask(model)
    server.then(completion(usage={"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 620}))

    assert ask(model).usage.output_tokens == 520


@pytest.mark.parametrize(
    ("failure", "error"),
    [({"code": 429, "message": "busy"}, ThrottledError), ({"code": 502}, RetryableError), ("no", RetryableError)],
)
def test_an_error_that_comes_with_200_is_an_error(server: ModelServer, failure: Any, error: type[Exception]) -> None:
    model = compatible(server.url)
    ask(model)
    server.then(Raw({"error": failure}))

    with pytest.raises(error) as raised:
        ask(model)
    assert raised.type is error
