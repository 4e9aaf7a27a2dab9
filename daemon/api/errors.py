"""The one map from error class to HTTP status, and the one JSON shape errors have.

``{"error": {"code", "message", "request_id", "details"?}}``; ``request_id`` is the answer's ``X-Request-Id``, and
the id to look for in the log.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from flask import Flask, Response, g
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException

from core.errors import (
    AdologyError,
    BadInputError,
    BudgetSpentError,
    ConflictError,
    InProgressError,
    MediaProblemError,
    NotAllowedError,
    NotFoundError,
    QuotaSpentError,
    RetryableError,
    SignInError,
    StaleError,
    TerminalError,
    ThrottledError,
    UnansweredError,
    UnavailableError,
    WaitingForTurnError,
)
from core.observability.logs import get_logger
from core.observability.redaction import redact
from daemon.api.context import json_response

log = get_logger(__name__)

STATUS: Final[Mapping[type[AdologyError], int]] = {
    AdologyError: 500,
    BadInputError: 400,
    NotAllowedError: 403,
    SignInError: 401,
    NotFoundError: 404,
    ConflictError: 409,
    InProgressError: 409,
    StaleError: 410,
    TerminalError: 422,
    MediaProblemError: 422,
    ThrottledError: 429,
    RetryableError: 503,
    QuotaSpentError: 503,
    BudgetSpentError: 503,
    WaitingForTurnError: 503,
    UnansweredError: 503,
    UnavailableError: 503,
}
INVALID_BODY: Final = 422
SERVER_ERROR: Final = 500
_RETRY_AFTER_SECONDS: Final = 1.0  # where the error doesn't say
_NO_OBJECT: Final = "send a JSON object, with the header Content-Type: application/json"


class ErrorDetail(BaseModel):
    """A field of the input that must be changed."""

    field: str
    problem: str


class ErrorBody(BaseModel):
    """``code`` is for programs, ``message`` tells a person what to do next."""

    code: str
    message: str
    request_id: str | None = None
    details: list[ErrorDetail] | None = None


class ErrorAnswer(BaseModel):
    """What every failed call answers."""

    error: ErrorBody


def register_errors(app: Flask) -> None:
    """Give every failure the one shape."""
    app.register_error_handler(AdologyError, _known)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def error_response(
    status: int, code: str, message: str, details: list[ErrorDetail] | None = None, **headers: str
) -> Response:
    """An answer in the one shape; ``headers`` with underscores for hyphens."""
    body = ErrorBody(code=code, message=redact(message), request_id=g.get("trace_id"), details=details)
    response = json_response(ErrorAnswer(error=body).model_dump(exclude_none=True), status)
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response


def invalid_input(error: ValidationError) -> Response:
    """Names the wrong fields, never repeats their values."""
    items = error.errors(include_url=False, include_context=False, include_input=False)
    details = [
        ErrorDetail(
            field=".".join(map(str, item["loc"])) or "body",
            problem=item["msg"] if item["loc"] or item["type"] != "model_type" else _NO_OBJECT,
        )
        for item in items
    ]
    fields = ", ".join(detail.field for detail in details)
    return error_response(INVALID_BODY, BadInputError.code, f"check {fields}", details)


def _known(error: AdologyError) -> Response:
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    if status == SERVER_ERROR:
        return _unexpected(error)
    headers: dict[str, Any] = {}
    if isinstance(error, RetryableError | InProgressError):
        seconds = getattr(error, "retry_after_seconds", _RETRY_AFTER_SECONDS)
        headers["Retry_After"] = str(max(1, math.ceil(seconds)))
        log.warning("request can't be answered yet", code=error.code, reason=str(error))
    if isinstance(error, SignInError):
        headers["WWW_Authenticate"] = "Bearer"
    return error_response(status, error.code, str(error), **headers)


def _http(error: HTTPException) -> Response:
    """What Flask itself refuses: no such route, wrong method, too large, not to be parsed."""
    status = error.code or SERVER_ERROR
    response = error_response(status, error.name.lower().replace(" ", "_"), error.description or error.name)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "Content-Range"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    log.error("request failed", exc_info=error)
    message = "something went wrong on our side; the operator finds it in the log under this request_id"
    return error_response(SERVER_ERROR, "internal_error", message)
