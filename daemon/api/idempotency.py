"""``Idempotency-Key``: a POST that is repeated under its key is done once, and answered alike.

The key is claimed, the work done and the answer kept in one transaction: a call that fails or dies in the middle
leaves neither, and may be tried again under the same key. Only success is kept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from flask import Flask, Response, abort, current_app, request

from core.adapters.postgres.idempotency_store import StoredAnswer, claim, settle, unsealed
from core.domain.principal import Principal
from core.errors import BadInputError, TerminalError
from daemon.api.context import current_principal, services

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
PATTERN: Final = r"^[!-~]{1,255}$"
_BAD_REQUEST: Final = 400

View = Callable[..., Any]


class OtherCallError(TerminalError):
    """The key belongs to a call that asked for something else."""

    code = "idempotency_key_reused"


def install_idempotency(app: Flask) -> None:
    """Every POST under /api/v1 that is registered by now; no view needs to know."""
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/api/v1/") and "POST" in (rule.methods or ()):
            app.view_functions[rule.endpoint] = once(app.view_functions[rule.endpoint])


def once(view: View) -> View:
    """The view, done once for each key it is called with."""

    @wraps(view)
    def run(**path: Any) -> Any:
        key = request.headers.get(HEADER)
        if key is None:
            return view(**path)
        if not re.fullmatch(PATTERN, key):
            raise BadInputError(f"{HEADER}: send 1 to 255 visible ASCII characters, a UUID for instance")
        return _keyed(view, path, key, current_principal())

    return run


def _keyed(view: View, path: dict[str, Any], key: str, principal: Principal) -> Response:
    with services().database.together(principal) as connection:
        asked = _fingerprint()
        stored = claim(connection, principal, key, fingerprint=asked, now=services().clock.now())
        if stored is not None:
            return _replay(stored, asked)
        response = current_app.make_response(view(**path))
        if response.status_code >= _BAD_REQUEST:
            abort(response)  # leaves through the transaction, which is rolled back
        sealed = services().answer_cipher.encrypt(response.get_data())
        settle(connection, principal, key, status=response.status_code, answer=sealed)
    return response


def _replay(stored: StoredAnswer, asked: str) -> Response:
    if stored.fingerprint != asked:
        raise OtherCallError(f"this {HEADER} was used for another call: use a new key for each")
    answer = unsealed(bytes(stored.answer), services().answer_cipher)
    response = Response(answer, status=stored.status, mimetype="application/json")
    response.headers[REPLAYED] = "true"
    return response


def _fingerprint() -> str:
    asked = f"{request.method} {request.full_path}\n".encode("utf-8", "surrogatepass")
    return hashlib.sha256(asked + request.get_data()).hexdigest()
