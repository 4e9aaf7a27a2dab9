"""One's account: the organisation and its figures, its users, open sessions and API keys. No hash leaves the tables.

Users and keys are shown to whoever manages the organisation: the others get NotAllowedError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, DateTime, ScalarSelect, Table, func, literal, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import api_key, api_usage, organisation, session, user_account
from core.domain.principal import Permission, Principal, Role
from core.errors import NotFoundError
from core.queries.pages import AnySelect, Page, checked_limit, decode_cursor, make_page, time_in
from core.queries.users import UserView

ACTIVE_WITHIN = timedelta(minutes=30)
FIGURES_OVER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class AccountView:
    """The organisation now.

    ``user_count``: users who may sign in. ``active_sessions``: sessions that are open and were seen within 30 minutes.
    ``avg_response_time_ms``: mean time until an answer to the organisation's API calls began, over the last 24 hours
    to the minute; None without a call. A call enters it some seconds late.
    """

    organisation_id: str
    name: str
    user_count: int
    active_sessions: int
    avg_response_time_ms: float | None


@dataclass(frozen=True, slots=True)
class SessionView:
    """An open session. ``opened_by``: link or oidc. ``last_seen_at`` is up to a minute late."""

    session_id: str
    user_id: str
    email: str
    opened_by: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class KeyView:
    """An API key. ``scopes``: of read, write, admin. ``last_used_at`` is up to a minute late."""

    key_id: str
    name: str
    scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


def get_account(database: Database, principal: Principal, *, now: datetime) -> AccountView:
    """The organisation of the principal. Raises NotFoundError."""
    ours = principal.organisation_id
    recent = (api_usage.c.organisation_id == ours, api_usage.c.minute > now - FIGURES_OVER)
    mean_ms = func.sum(api_usage.c.total_ms) / func.sum(api_usage.c.requests)
    statement = select(
        organisation.c.organisation_id,
        organisation.c.name,
        _count(user_account, user_account.c.organisation_id == ours, user_account.c.disabled_at.is_(None)),
        _count(session, *_are_open(principal, now), session.c.last_seen_at > now - ACTIVE_WITHIN),
        select(mean_ms).where(*recent).scalar_subquery(),
    ).where(organisation.c.organisation_id == ours)
    with database.reader(principal) as connection:
        row = connection.execute(statement.prefix_with("/* get_account */")).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no organisation {ours!r}")
    organisation_id, name, users, sessions, mean = row
    return AccountView(organisation_id, name, users, sessions, None if mean is None else round(mean, 2))


def get_user(database: Database, principal: Principal, user_id: str) -> UserView:
    """A user of the organisation. Raises NotFoundError."""
    require(principal, Permission.ADMIN)
    statement = _users(principal).where(user_account.c.user_id == user_id)
    with database.reader(principal) as connection:
        row = connection.execute(statement.prefix_with("/* get_user */")).one_or_none()
    if row is None:
        raise NotFoundError("there is no such user in your organisation")
    return _user(row)


def users_page(
    database: Database, principal: Principal, *, cursor: str | None = None, limit: int = 50
) -> Page[UserView]:
    """The users of the organisation by e-mail address, disabled ones too."""
    require(principal, Permission.ADMIN)
    position = decode_cursor(cursor, "users", parts=1)
    statement = _users(principal).order_by(user_account.c.email).limit(checked_limit(limit) + 1)
    if position is not None:
        statement = statement.where(user_account.c.email > position[0])
    with database.reader(principal) as connection:
        found = [_user(row) for row in connection.execute(statement.prefix_with("/* users_page */"))]
    return make_page(found, limit, question="users", key=lambda item: (item.email,))


def list_sessions(
    database: Database, principal: Principal, *, now: datetime, cursor: str | None = None, limit: int = 50
) -> Page[SessionView]:
    """One's own open sessions, and for whoever manages the organisation all of it; newest first."""
    columns = [(user_account if name == "email" else session).c[name] for name in SessionView.__slots__]
    statement = select(*columns).join_from(session, user_account, user_account.c.user_id == session.c.user_id)
    statement = statement.where(*_are_open(principal, now))
    if not principal.may(Permission.ADMIN):
        statement = statement.where(session.c.user_id == principal.user_id)
    order = (session.c.created_at, session.c.session_id)
    statement = _newest_first(statement, order, decode_cursor(cursor, "sessions", parts=2), limit)
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* list_sessions */"))
        found = [SessionView(**row._mapping) for row in rows]
    return make_page(found, limit, question="sessions", key=lambda item: (item.created_at, item.session_id))


def list_keys(database: Database, principal: Principal, *, cursor: str | None = None, limit: int = 50) -> Page[KeyView]:
    """The keys of the organisation, newest first; revoked and expired ones too."""
    require(principal, Permission.ADMIN)
    columns = [api_key.c["permissions" if name == "scopes" else name].label(name) for name in KeyView.__slots__]
    statement = select(*columns).where(api_key.c.organisation_id == principal.organisation_id)
    order = (api_key.c.created_at, api_key.c.key_id)
    statement = _newest_first(statement, order, decode_cursor(cursor, "keys", parts=2), limit)
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* list_keys */"))
        found = [KeyView(**{**row._mapping, "scopes": tuple(row.scopes)}) for row in rows]
    return make_page(found, limit, question="keys", key=lambda item: (item.created_at, item.key_id))


def _users(principal: Principal) -> AnySelect:
    columns = [user_account.c[name] for name in UserView.__slots__]
    return select(*columns).where(user_account.c.organisation_id == principal.organisation_id)


def _user(row: Any) -> UserView:
    return UserView(**{**row._mapping, "role": Role(row.role)})


def _are_open(principal: Principal, now: datetime) -> tuple[ColumnElement[bool], ...]:
    ours = session.c.organisation_id == principal.organisation_id
    return ours, session.c.revoked_at.is_(None), session.c.expires_at > now


def _count(table: Table, *conditions: ColumnElement[bool]) -> ScalarSelect[int]:
    return select(func.count()).select_from(table).where(*conditions).scalar_subquery()


def _newest_first(
    statement: AnySelect, order: tuple[Column[Any], Column[str]], position: tuple[str, ...] | None, limit: int
) -> AnySelect:
    """The page after a position (time, id)."""
    if position is not None:
        there = (literal(time_in(position[0]), DateTime(timezone=True)), literal(position[1]))
        statement = statement.where(tuple_(*order) < tuple_(*there))
    return statement.order_by(*(column.desc() for column in order)).limit(checked_limit(limit) + 1)
