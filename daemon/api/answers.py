"""What the questions to a brandspace share: the filters read, the answer dated, its shape described."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from types import GenericAlias
from typing import Any, get_type_hints

from flask import Response, g, request
from pydantic import BaseModel, create_model

from core.queries.filters import AdFilters
from daemon.api.ads import FilterParams
from daemon.api.context import IS_CUT, AnswerTooLargeError, json_response, services


def filters_of(query: FilterParams) -> AdFilters:
    """The filters of the address; what the question has beside them is its own. Raises BadInputError."""
    own = type(query).model_fields.keys() - FilterParams.model_fields.keys()
    return AdFilters.from_params(request.args.to_dict(flat=False), ignore=own)


def dated_response(value: Any) -> Response:
    """The fields of a dataclass and ``as_of``, when it was asked; a list also says whether it was cut to fit.

    Raises AnswerTooLargeError.
    """
    answer = {"as_of": services().clock.now(), **{field.name: getattr(value, field.name) for field in fields(value)}}
    is_list = "next_cursor" in answer
    if is_list:
        answer["truncated"] = bool(g.get(IS_CUT))
    try:
        return json_response(answer)
    except AnswerTooLargeError:
        raise AnswerTooLargeError(is_list) from None


def dated(kind: type[Any]) -> type[BaseModel]:
    """The model of ``dated_response`` of that dataclass, for the description of the API."""
    return _model(kind.__name__, kind.__doc__, get_type_hints(kind))


def dated_page(kind: type[Any], name: str) -> type[BaseModel]:
    """The model of ``dated_response`` of a ``Page`` of these."""
    return _model(name, kind.__doc__, {"items": GenericAlias(tuple, (kind, ...)), "next_cursor": str | None})


def _model(name: str, doc: str | None, types: dict[str, Any]) -> type[BaseModel]:
    cut = {"truncated": bool} if "next_cursor" in types else {}
    named: dict[str, Any] = {field: (kind, ...) for field, kind in {**types, **cut}.items()}
    return create_model(f"{name}Answer", __doc__=doc, as_of=(datetime, ...), **named)
