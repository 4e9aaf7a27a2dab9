"""What an organisation asked for: requests with progress, and their rejected rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import DateTime, literal, select, tuple_

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import rejected_row, request
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.queries.pages import AnySelect, Page, checked_limit, decode_cursor, make_page, number_in, time_in


@dataclass(frozen=True, slots=True)
class RequestView:
    """``status``: queued, processing, completed, failed or cancelled. ``result`` and ``error`` when it is over."""

    request_id: str
    kind: str
    status: str
    params: Mapping[str, Any]
    progress: Mapping[str, Any]
    result: Mapping[str, Any] | None
    error: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was not stored: 1-based ``line`` of ``file``, a code for machines, a reason for people."""

    position: int
    file: str
    line: int | None
    code: str
    reason: str
    excerpt: str


def get_request(database: Database, principal: Principal, request_id: str) -> RequestView:
    """Raises NotFoundError."""
    statement = _requests(principal).where(request.c.request_id == request_id)
    with database.reader(principal) as connection:
        row = connection.execute(statement.prefix_with("/* get_request */")).one_or_none()
    if row is None:
        raise NotFoundError("there is no such request")
    return RequestView(**row._mapping)


def list_requests(
    database: Database, principal: Principal, *, cursor: str | None = None, limit: int = 50
) -> Page[RequestView]:
    """The organisation's requests, newest first."""
    position = decode_cursor(cursor, "requests", parts=2)
    order = (request.c.created_at, request.c.request_id)
    statement = _requests(principal).order_by(*(column.desc() for column in order)).limit(checked_limit(limit) + 1)
    if position is not None:
        there = (literal(time_in(position[0]), DateTime(timezone=True)), literal(position[1]))
        statement = statement.where(tuple_(*order) < tuple_(*there))
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* list_requests */"))
        found = [RequestView(**row._mapping) for row in rows]
    return make_page(found, limit, question="requests", key=lambda item: (item.created_at, item.request_id))


def rejected_rows(
    database: Database, principal: Principal, request_id: str, *, cursor: str | None = None, limit: int = 50
) -> Page[RejectedRow]:
    """The rows of a request that were not stored, in the order they were met. Raises NotFoundError."""
    get_request(database, principal, request_id)
    question = ("rejected", request_id)
    position = decode_cursor(cursor, question, parts=1)
    columns = [rejected_row.c[name] for name in RejectedRow.__dataclass_fields__]
    statement = (
        select(*columns)
        .where(rejected_row.c.organisation_id == principal.organisation_id, rejected_row.c.request_id == request_id)
        .where(rejected_row.c.position > (number_in(position[0]) if position else -1))
        .order_by(rejected_row.c.position)
        .limit(checked_limit(limit) + 1)
        .prefix_with("/* rejected_rows */")
    )
    with database.reader(principal) as connection:
        found = [RejectedRow(**row._mapping) for row in connection.execute(statement)]
    return make_page(found, limit, question=question, key=lambda item: (item.position,))


def _requests(principal: Principal) -> AnySelect:
    columns = [request.c[name] for name in RequestView.__dataclass_fields__]
    return select(*columns).where(request.c.organisation_id == principal.organisation_id)
