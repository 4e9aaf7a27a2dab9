"""What OpenAI's Responses API has of its own: answers that failed, filters before the model, nothing stored."""

from __future__ import annotations

from typing import Any

import pytest

from core.adapters.openai_responses import OpenAiResponses
from core.domain.label import Outcome
from core.errors import BadInputError, NotAllowedError, QuotaSpentError, RetryableError, ThrottledError, UnansweredError
from tests.contract.language_models import ask, openai, request
from tests.fakes.model_answers import HttpError, Raw, huge
from tests.fakes.model_server import ModelServer


def test_the_vendor_is_told_to_store_nothing(server: ModelServer) -> None:
    ask(openai(server.url))
    assert server.asked[0].body["store"] is False


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("server_error", RetryableError),
        ("rate_limit_exceeded", ThrottledError),
        ("insufficient_quota", QuotaSpentError),
        ("invalid_image", BadInputError),
        ("image_too_large", BadInputError),
        ("invalid_prompt", BadInputError),
    ],
)
def test_an_answer_that_failed_is_an_error(server: ModelServer, code: str, error: type[Exception]) -> None:
    server.then(Raw({"id": "resp_1", "status": "failed", "error": {"code": code, "message": "m"}}))

    with pytest.raises(error) as raised:
        ask(openai(server.url))
    assert raised.type is error


@pytest.mark.parametrize("status", ["queued", "in_progress", "cancelled", None])
def test_an_answer_that_is_not_finished_is_none(server: ModelServer, status: str | None) -> None:
    server.then(Raw({"id": "resp_1", "status": status, "output": []}))

    with pytest.raises(UnansweredError, match="finished"):
        ask(openai(server.url))


@pytest.mark.parametrize(
    ("details", "outcome"),
    [
        ({"reason": "max_output_tokens"}, Outcome.TRUNCATED),
        ({"reason": "content_filter"}, Outcome.REFUSED),
        (None, Outcome.TRUNCATED),
    ],
)
def test_why_an_answer_is_incomplete_decides(server: ModelServer, details: Any, outcome: Outcome) -> None:
    server.then(Raw({"id": "resp_1", "status": "incomplete", "incomplete_details": details, "output": []}))
    assert ask(openai(server.url)).outcome is outcome


def test_a_filter_before_the_model_is_a_refusal(server: ModelServer) -> None:
    server.then(HttpError("flagged", "your prompt was flagged"))

    answer = ask(openai(server.url))

    assert (answer.outcome, answer.text) == (Outcome.REFUSED, "your prompt was flagged")
    assert answer.usage.input_tokens == 0


def test_an_answer_without_end_is_given_up(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.adapters.openai_server.MAX_ANSWER_BYTES", 1_000_000)
    server.then(huge(2))
    with pytest.raises(UnansweredError, match="bytes"):  # and billed
        ask(openai(server.url))


def test_half_a_character_is_for_the_asker_to_take_out(server: ModelServer) -> None:
    with pytest.raises(BadInputError, match="surrogate"):
        ask(openai(server.url), request("ad \ud83d"))
    assert server.asked == []


@pytest.mark.parametrize("param", ["model", "text.format", "text.format.schema", "max_output_tokens"])
def test_what_the_model_cannot_do_at_all_is_for_people_to_set_right(server: ModelServer, param: str) -> None:
    server.then(HttpError("bad_input", "not supported with this model", param))
    with pytest.raises(NotAllowedError, match="ADOLOGY_OPENAI_MODEL"):
        ask(openai(server.url))


def test_a_key_that_nobody_can_have_is_for_people_to_set_right(server: ModelServer) -> None:
    model = OpenAiResponses("gpt-test", api_key="schlüssel", base_url=server.openai_url, timeout_seconds=20)
    with pytest.raises(NotAllowedError, match="ADOLOGY_OPENAI_API_KEY"):
        ask(model)
    assert server.asked == []


def test_blanks_around_a_key_are_no_part_of_it(server: ModelServer) -> None:
    ask(OpenAiResponses("gpt-test", api_key=" the-key-it-is\n", base_url=server.openai_url, timeout_seconds=20))
    assert server.asked[0].headers["authorization"] == "Bearer the-key-it-is"
