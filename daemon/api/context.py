"""What a view needs beside its parameters: the services, who asks, and how an answer is written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, cast

from flask import Response, current_app, g
from pydantic_core import to_json

from core.bootstrap import Services
from core.domain.principal import Principal
from core.errors import BadInputError
from core.queries.pages import Page

SERVICES = "adology-services"
MAX_ANSWER_BYTES: Final = 1_000_000
IS_CUT: Final = "is_cut"  # in g: the list holds fewer items than were asked for


class AnswerTooLargeError(BadInputError):
    """A list is asked for again with fewer items (``daemon/api/sizes.py``); of anything else less must be asked."""

    code = "answer_too_large"

    def __init__(self, is_list: bool) -> None:
        super().__init__("the answer would be larger than 1 MB: narrow it, with filters or fewer brands")
        self.is_list = is_list


def services() -> Services:
    """The ports of this process."""
    return cast(Services, current_app.extensions[SERVICES])


def current_principal() -> Principal:
    """On whose behalf the request is answered; the door (``sign_in``) has asked already."""
    return cast(Principal, g.principal)


def json_response(value: Any, status: int = 200) -> Response:
    """JSON of plain values and dataclasses: field names as they are, times in ISO 8601.

    Raises AnswerTooLargeError beyond 1 MB.
    """
    if isinstance(value, Page) and g.get(IS_CUT):
        value = replace(value, truncated=True)
    body = to_json(value)
    if len(body) > MAX_ANSWER_BYTES:
        raise AnswerTooLargeError(isinstance(value, Page))
    return Response(body, status=status, mimetype="application/json")
