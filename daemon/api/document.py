"""The description of the API (OpenAPI 3.1), made from the code.

The views declare what is theirs: parameters, bodies, answers. What holds for every call is added here, once: how to
sign in, which errors there are, ``Idempotency-Key``, and the headers of every answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import Flask
from flask_openapi.models.info import Info
from flask_openapi.openapi import OpenAPI

from core.access.tokens import SESSION_COOKIE
from daemon.api import idempotency
from daemon.api.context import json_response
from daemon.api.errors import ErrorAnswer, invalid_input

ADDRESS: Final = "/api/v1/openapi.json"
_VERSION: Final = "3.1.1"
_CHANGING: Final = ("post", "put", "patch", "delete")
_Json = dict[str, Any]

_ABOUT: Final = """Ads that brands run, collected and kept; what they say, labelled; brands compared.

Send an API key as `Authorization: Bearer adk_…`. Lists come in pages: pass `next_cursor` back as `cursor`; `truncated`
says that fewer items came than were asked for, because an answer is at most 1 MB. Every error has one shape,
`{"error": {"code", "message", "request_id", "details"}}`: `code` is for programs, `message` says what to do next.
A POST repeated under its `Idempotency-Key` within 24 hours is done once."""

# status → (name of the component, what it means)
_ERRORS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("BadInput", "The question can't be answered as asked; `message` says what to change."),
    401: ("NotSignedIn", "No key or session, or one that doesn't count (any more)."),
    403: ("NotAllowed", "The key, session, page or address may not do this."),
    404: ("NotFound", "There is no such thing, or it isn't yours to see."),
    409: ("Conflict", "The place is taken, or a call under this Idempotency-Key is at work (then: `Retry-After`)."),
    410: ("Gone", "It was kept for a while, and is no more."),
    411: ("LengthRequired", "A body comes with its Content-Length."),
    413: ("BodyTooLarge", "A body is at most 1 MiB."),
    414: ("QuestionTooLong", "What follows the ? is at most 4,096 bytes."),
    422: (
        "Invalid",
        "Fields are missing or malformed: `details` names them. Or the Idempotency-Key is another call's.",
    ),
    429: ("Throttled", "Too many calls; `Retry-After` says in how many seconds to come back."),
    503: ("Unavailable", "A part of the system isn't ready; `Retry-After` says in how many seconds to come back."),
}
_OF_EVERY_CALL: Final = (400, 401, 403, 414, 422, 429, 503)
_OF_A_BODY: Final = (411, 413)
_WAIT: Final = (409, 429, 503)


def _integer(description: str) -> _Json:
    return {"description": description, "schema": {"type": "integer", "minimum": 0}}


_HEADERS: Final[Mapping[str, _Json]] = {
    "X-Request-Id": {
        "description": "Names this call in our log; yours if sent.",
        "schema": {"type": "string"},
    },
    "RateLimit-Limit": _integer("Calls allowed in a window, of the limit of which least is left."),
    "RateLimit-Remaining": _integer("Calls left in this window."),
    "RateLimit-Reset": _integer("Seconds until the window ends."),
    "Retry-After": _integer("Seconds to wait before the same call may succeed."),
    idempotency.REPLAYED: {"description": "`true`: an earlier call's answer.", "schema": {"const": "true"}},
}
_KEY_PARAMETER: Final[_Json] = {
    "name": idempotency.HEADER,
    "in": "header",
    "description": "Chosen by the caller, a UUID for instance, new for each call. Repeated with it within 24 hours, the"
    " call is done once and answered alike; with another path or body it is 422. What failed may be repeated under it.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": idempotency.PATTERN},
}
_PATH_PARAMETERS: Final[Mapping[str, _Json]] = {
    "ad_id": {"description": "An ad's id."},
    "concept_id": {"description": "A concept's id, as your organisation sees it."},
    "brandspace_id": {"description": "A brandspace's id; `all` holds every brand.", "example": "all"},
    "delivery_id": {"description": "A delivery's id."},
    "dimension": {"description": "A dimension of labels.", "example": "hook"},
    "frozen_id": {"description": "A frozen comparison's id."},
    "key_id": {"description": "A key's id; it stands in the key, too."},
    "request_id": {"description": "A request's id."},
    "session_id": {"description": "A session's id."},
    "sha256": {"description": "A file's hash, as media name it."},
    "slug": {"description": "A brand's slug.", "example": "kestrun"},
    "theme_id": {"description": "A theme's id."},
    "user_id": {"description": "A user's id."},
    "webhook_id": {"description": "A webhook's id."},
}
_SECURITY_SCHEMES: Final[Mapping[str, _Json]] = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, `adk_…`; shown once, when it is made."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The sign-in of the workbench. Changes are taken from pages of ours only.",
    },
}


def new_app(name: str) -> OpenAPI:
    """The application whose views describe themselves."""
    info = Info(title="Adology", version="1.0.0", description=_ABOUT)
    app = OpenAPI(
        name, info=info, doc_ui=False, validation_error_model=ErrorAnswer, validation_error_callback=invalid_input
    )
    app.openapi_version = _VERSION
    return app


def install_document(app: OpenAPI) -> None:
    """Serve the description of the views registered by now."""
    document = describe(app)
    app.add_url_rule(ADDRESS, "openapi", lambda: json_response(document))


def describe(app: OpenAPI) -> _Json:
    """The whole description."""
    document = app.api_doc
    names = _names(app)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation["operationId"] = names[path, method]
            _complete(operation, method)
    components = document["components"]
    components |= {
        "securitySchemes": _SECURITY_SCHEMES,
        "headers": _HEADERS,
        "parameters": {idempotency.HEADER: _KEY_PARAMETER},
        "responses": {name: _error(status, meaning) for status, (name, meaning) in _ERRORS.items()},
    }
    document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    return document


def _names(app: Flask) -> dict[tuple[str, str], str]:
    """(path, method) → operation id: the names of module and function, which stay when an address changes."""
    return {
        (re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule), method.lower()): rule.endpoint.replace(".", "_")
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def _complete(operation: _Json, method: str) -> None:
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        if parameter["in"] == "path":
            parameter.update(_PATH_PARAMETERS.get(parameter["name"], {}))
    answers = operation["responses"]
    for answer in answers.values():
        answer["headers"] = _refer("headers", ["X-Request-Id", *(name for name in _HEADERS if "RateLimit" in name)])
        if method == "post":
            answer["headers"] |= _refer("headers", [idempotency.REPLAYED])
    statuses = {int(status) for status in answers if int(status) in _ERRORS} | set(_OF_EVERY_CALL)
    if any(parameter["in"] == "path" for parameter in parameters):
        statuses.add(404)
    if method in _CHANGING:
        statuses |= set(_OF_A_BODY)
    if method == "post":
        statuses.add(409)
        parameters.append({"$ref": f"#/components/parameters/{idempotency.HEADER}"})
    for status in sorted(statuses):
        answers[str(status)] = {"$ref": f"#/components/responses/{_ERRORS[status][0]}"}


def _refer(kind: str, names: Iterable[str]) -> _Json:
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}


def _error(status: int, meaning: str) -> _Json:
    schema = {"$ref": f"#/components/schemas/{ErrorAnswer.__name__}"}
    headers = ["X-Request-Id", "Retry-After"] if status in _WAIT else ["X-Request-Id"]
    content = {"application/json": {"schema": schema}}
    return {"description": meaning, "headers": _refer("headers", headers), "content": content}
