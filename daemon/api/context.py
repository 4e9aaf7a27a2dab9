"""What a view needs beside its parameters: the services, who asks, and how an answer is written."""

from __future__ import annotations

from typing import Any, cast

from flask import Response, current_app, g
from pydantic_core import to_json

from core.bootstrap import Services
from core.domain.principal import Principal

SERVICES = "adology-services"


def services() -> Services:
    """The ports of this process."""
    return cast(Services, current_app.extensions[SERVICES])


def current_principal() -> Principal:
    """On whose behalf the request is answered; the door (``sign_in``) has asked already."""
    return cast(Principal, g.principal)


def json_response(value: Any, status: int = 200) -> Response:
    """JSON of plain values and dataclasses: field names as they are, times in ISO 8601."""
    return Response(to_json(value), status=status, mimetype="application/json")
