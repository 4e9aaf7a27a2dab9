"""What is known of every request: its trace id on each log record and answer, its duration by route template."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import Flask, Response, g, request

from core.observability import metrics
from core.observability.logs import fresh_context, get_logger

log = get_logger(__name__)

_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ENVIRON_KEY: Final = "adology.trace_id"

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def install_measures(app: Flask) -> None:
    """Trace and count every request."""
    app.wsgi_app = _traced(app.wsgi_app)  # type: ignore[method-assign, assignment]
    app.before_request(_begin)
    app.after_request(_end)


def _traced(wsgi_app: Wsgi) -> Wsgi:
    """Around the whole call, so that nothing stays bound to the thread of the pool afterwards."""

    def run(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        given = environ.get("HTTP_X_REQUEST_ID", "")
        environ[_ENVIRON_KEY] = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex
        with fresh_context(trace_id=environ[_ENVIRON_KEY]):
            return wsgi_app(environ, start_response)

    return run


def _begin() -> None:
    g.trace_id = request.environ[_ENVIRON_KEY]
    g.started = time.monotonic()


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.trace_id
    rule = request.url_rule
    if rule is not None and rule.websocket:  # lasts as long as the client stays: no duration of ours
        return response
    seconds = time.monotonic() - g.started
    route = rule.rule if rule else None
    metrics.http_request(request.method, route, response.status_code, seconds=seconds)
    log.debug("http request", method=request.method, route=route, status=response.status_code, seconds=seconds)
    return response
