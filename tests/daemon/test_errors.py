"""Every failure becomes one JSON shape with the right status, and tells nothing of our insides."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, request
from pydantic import BaseModel, ValidationError

from core.domain.media import MediaStatus
from core.errors import (
    AdologyError,
    ConflictError,
    MediaProblemError,
    NotFoundError,
    RetryableError,
    SignInError,
    ThrottledError,
    UnavailableError,
)
from daemon.api.errors import STATUS, invalid_input, register_errors
from daemon.api.measures import install_measures
from daemon.api.sign_in import identify

JSON = "application/json"


def _answer(error: Exception, **headers: str) -> Any:
    app = Flask(__name__)
    install_measures(app)
    register_errors(app)

    @app.get("/fail")
    def fail() -> str:
        raise error

    return app.test_client().get("/fail", headers={name.replace("_", "-"): value for name, value in headers.items()})


def _tree(kind: type[AdologyError]) -> Iterator[type[AdologyError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _tree(child)


def test_every_class_of_the_error_tree_has_a_status() -> None:
    assert {kind for kind in _tree(AdologyError) if kind.__module__ == "core.errors"} == set(STATUS)


@pytest.mark.parametrize(
    ("error", "status", "code", "retry_after"),
    [
        (NotFoundError("no such thing"), 404, "not_found", None),
        (ConflictError("taken"), 409, "conflict", None),
        (MediaProblemError(MediaStatus.REMOVED, "gone"), 422, "media_problem", None),
        (ThrottledError("slow down", retry_after_seconds=2.2), 429, "throttled", "3"),  # rounded up: never too early
        (RetryableError("again"), 503, "retryable", "1"),
        (UnavailableError("rebuilding", retry_after_seconds=7), 503, "unavailable", "7"),
    ],
)
def test_an_error_answers_status_code_message_and_when_to_retry(
    error: AdologyError, status: int, code: str, retry_after: str | None
) -> None:
    answer = _answer(error)
    assert answer.status_code == status
    assert (answer.json["error"]["code"], answer.json["error"]["message"]) == (code, str(error))
    assert answer.headers.get("Retry-After") == retry_after


def test_a_500_tells_nothing_but_the_id_under_which_the_log_has_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="daemon.api.errors"):
        answer = _answer(RuntimeError("row 17 of table ad"), X_Request_Id="trace-7")
    assert answer.status_code == 500
    assert "row 17" not in answer.text
    assert answer.json["error"]["request_id"] == answer.headers["X-Request-Id"] == "trace-7"
    assert any("row 17" in str(record.msg) for record in caplog.records)


def test_a_secret_in_an_error_message_does_not_leave() -> None:
    assert "hunter2hunter2" not in _answer(ConflictError("postgresql://app:hunter2hunter2@db/x is taken")).text


def test_an_odd_request_id_is_replaced() -> None:
    assert _answer(ConflictError("taken"), X_Request_Id="a b<script>").headers["X-Request-Id"].isalnum()


def test_who_shows_no_key_is_told_the_whole_of_what_to_send() -> None:
    with Flask(__name__).test_request_context("/api/v1/brands"), pytest.raises(SignInError) as refusal:
        identify()
    assert _answer(refusal.value).json["error"]["message"] == str(refusal.value)  # nothing taken for a secret


class _Body(BaseModel):
    brand: str


@pytest.mark.parametrize("sent", [{"data": '{"brand": "x"}'}, {"json": []}, {"data": "{", "content_type": JSON}, {}])
def test_who_sends_no_json_object_is_told_how(sent: dict[str, Any]) -> None:
    app = Flask(__name__)

    @app.post("/brands")
    def post() -> Any:
        try:
            return _Body.model_validate(request.get_json(silent=True)).brand  # as flask_openapi does
        except ValidationError as error:
            return invalid_input(error)

    answer: Any = app.test_client().post("/brands", **sent)
    problem = "send a JSON object, with the header Content-Type: application/json"
    assert answer.json["error"]["details"] == [{"field": "body", "problem": problem}]
