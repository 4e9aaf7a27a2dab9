"""Users, links, sessions, keys. The doors (SECURITY DEFINER functions) are asked by whoever isn't known yet.

Everything else names the organisation itself, row-level security or not.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Row, text

from core.domain.principal import Principal

__all__ = ["Connection"]  # those who decide hand it on without SQLAlchemy

AnyRow = Row[*tuple[Any, ...]]


class UserRow(Protocol):
    """Somebody who may come in."""

    organisation_id: str
    user_id: str
    email: str
    role: str


# --- doors --------------------------------------------------------------------------------------------


def find_session(connection: Connection, *, token_hash: str, now: datetime) -> AnyRow | None:
    """Columns: session_id, organisation_id, user_id, email, role, is_operator."""
    return connection.execute(
        text("SELECT * FROM session_bearer(:token, :now)"), {"token": token_hash, "now": now}
    ).one_or_none()


def find_key(connection: Connection, *, secret_hash: str, now: datetime) -> AnyRow | None:
    """Columns: key_id, organisation_id, permissions."""
    return connection.execute(
        text("SELECT * FROM api_key_bearer(:secret, :now)"), {"secret": secret_hash, "now": now}
    ).one_or_none()


def redeem_link(connection: Connection, *, token_hash: str, now: datetime) -> UserRow | None:
    """The user of a link that is used up by this."""
    row: Any = connection.execute(
        text("SELECT * FROM redeem_sign_in_link(:token, :now)"), {"token": token_hash, "now": now}
    ).one_or_none()
    found: UserRow | None = row
    return found


def find_identity(connection: Connection, *, issuer: str, subject: str, email: str, now: datetime) -> UserRow | None:
    """The user an identity is bound to, or is bound to now by its verified address."""
    row: Any = connection.execute(
        text("SELECT * FROM identity_bearer(:issuer, :subject, :email, :now)"),
        {"issuer": issuer, "subject": subject, "email": email, "now": now},
    ).one_or_none()
    found: UserRow | None = row
    return found


# --- users --------------------------------------------------------------------------------------------


def find_user(
    connection: Connection, principal: Principal, *, user_id: str | None = None, email: str | None = None
) -> AnyRow | None:
    """A user of the organisation by id or address; columns: user_id, email, role, disabled_at."""
    statement = text(
        "SELECT user_id, email, role, disabled_at FROM user_account"
        " WHERE (user_id = :id OR email = :email) AND organisation_id = :organisation"
    )
    values = {"id": user_id, "email": email, "organisation": principal.organisation_id}
    return connection.execute(statement, values).one_or_none()


def insert_user(
    connection: Connection, principal: Principal, *, user_id: str, email: str, role: str, now: datetime
) -> bool:
    """False for an address that is taken."""
    statement = text(
        "INSERT INTO user_account (user_id, organisation_id, email, role, created_at)"
        " VALUES (:id, :organisation, :email, :role, :now) ON CONFLICT DO NOTHING"
    )
    values = {"id": user_id, "organisation": principal.organisation_id, "email": email, "role": role, "now": now}
    return bool(connection.execute(statement, values).rowcount)


def set_role(connection: Connection, principal: Principal, *, user_id: str, role: str) -> bool:
    """Whether there is such a user."""
    _lock_owners(connection, principal)
    statement = text("UPDATE user_account SET role = :role WHERE user_id = :id AND organisation_id = :organisation")
    values = {"id": user_id, "role": role, "organisation": principal.organisation_id}
    return bool(connection.execute(statement, values).rowcount)


def set_disabled(connection: Connection, principal: Principal, *, user_id: str, disabled_at: datetime | None) -> bool:
    """Whether there is such a user."""
    _lock_owners(connection, principal)
    statement = text(
        "UPDATE user_account SET disabled_at = :at WHERE user_id = :id AND organisation_id = :organisation"
    )
    values = {"id": user_id, "at": disabled_at, "organisation": principal.organisation_id}
    return bool(connection.execute(statement, values).rowcount)


def count_owners(connection: Connection, principal: Principal) -> int:
    """Owners who may sign in."""
    statement = text(
        "SELECT count(*) FROM user_account"
        " WHERE role = 'owner' AND disabled_at IS NULL AND organisation_id = :organisation"
    )
    return int(connection.execute(statement, {"organisation": principal.organisation_id}).scalar_one())


def _lock_owners(connection: Connection, principal: Principal) -> None:
    statement = text(
        "SELECT user_id FROM user_account WHERE role = 'owner' AND organisation_id = :organisation"
        " ORDER BY user_id FOR UPDATE"
    )
    connection.execute(statement, {"organisation": principal.organisation_id})


# --- links and sessions -------------------------------------------------------------------------------


def insert_link(
    connection: Connection, principal: Principal, *, user_id: str, token_hash: str, now: datetime, expires_at: datetime
) -> None:
    """A link that signs the user in once."""
    connection.execute(
        text(
            "INSERT INTO sign_in_link (token_hash, organisation_id, user_id, created_at, expires_at)"
            " VALUES (:token, :organisation, :user, :now, :expires)"
        ),
        {
            "token": token_hash,
            "organisation": principal.organisation_id,
            "user": user_id,
            "now": now,
            "expires": expires_at,
        },
    )


def spoil_links(connection: Connection, principal: Principal, *, user_id: str, now: datetime) -> None:
    """No unused link of the user opens anything any more."""
    statement = text(
        "UPDATE sign_in_link SET used_at = :now"
        " WHERE user_id = :user AND used_at IS NULL AND organisation_id = :organisation"
    )
    connection.execute(statement, {"user": user_id, "now": now, "organisation": principal.organisation_id})


def mark_sign_in(connection: Connection, principal: Principal, *, now: datetime) -> bool:
    """False for a user who is disabled. It waits for whoever is just disabling them: no session slips through."""
    statement = text(
        "UPDATE user_account SET last_sign_in_at = :now"
        " WHERE user_id = :user AND disabled_at IS NULL AND organisation_id = :organisation"
    )
    values = {"user": principal.user_id, "now": now, "organisation": principal.organisation_id}
    return bool(connection.execute(statement, values).rowcount)


def insert_session(
    connection: Connection,
    principal: Principal,
    *,
    token_hash: str,
    opened_by: str,
    user_agent: str,
    now: datetime,
    expires_at: datetime,
) -> None:
    """A session of the principal's user."""
    connection.execute(
        text(
            "INSERT INTO session (session_id, token_hash, organisation_id, user_id, opened_by, user_agent, created_at,"
            " last_seen_at, expires_at)"
            " VALUES (:id, :token, :organisation, :user, :by, :agent, :now, :now, :expires)"
        ),
        {
            "id": secrets.token_hex(12),
            "token": token_hash,
            "organisation": principal.organisation_id,
            "user": principal.user_id,
            "by": opened_by,
            "agent": user_agent,
            "now": now,
            "expires": expires_at,
        },
    )


def user_of_session(connection: Connection, principal: Principal, *, session_id: str) -> str | None:
    """Whose session of the organisation it is or was."""
    statement = text("SELECT user_id FROM session WHERE session_id = :session AND organisation_id = :organisation")
    values = {"session": session_id, "organisation": principal.organisation_id}
    found: str | None = connection.execute(statement, values).scalar_one_or_none()
    return found


def end_sessions(
    connection: Connection,
    principal: Principal,
    *,
    now: datetime,
    session_id: str | None = None,
    user_id: str | None = None,
) -> int:
    """Revoke one session or all of a user; returns how many were open."""
    statement = text(
        "UPDATE session SET revoked_at = :now"
        " WHERE (session_id = :session OR user_id = :user) AND revoked_at IS NULL AND expires_at > :now"
        " AND organisation_id = :organisation"
    )
    values = {"now": now, "session": session_id, "user": user_id, "organisation": principal.organisation_id}
    return connection.execute(statement, values).rowcount


# --- keys ---------------------------------------------------------------------------------------------


def insert_key(
    connection: Connection,
    principal: Principal,
    *,
    key_id: str,
    name: str,
    secret_hash: str,
    permissions: Sequence[str],
    now: datetime,
    expires_at: datetime | None,
) -> None:
    """A key of the organisation."""
    connection.execute(
        text(
            "INSERT INTO api_key (key_id, organisation_id, name, secret_hash, permissions, created_by, created_at,"
            " expires_at) VALUES (:id, :organisation, :name, :secret, :permissions, :by, :now, :expires)"
        ),
        {
            "id": key_id,
            "organisation": principal.organisation_id,
            "name": name,
            "secret": secret_hash,
            "permissions": list(permissions),
            "by": principal.actor,
            "now": now,
            "expires": expires_at,
        },
    )


def revoke_key(connection: Connection, principal: Principal, *, key_id: str, now: datetime) -> bool:
    """Whether there is such a key."""
    statement = text(
        "UPDATE api_key SET revoked_at = coalesce(revoked_at, :now)"
        " WHERE key_id = :id AND organisation_id = :organisation"
    )
    values = {"id": key_id, "now": now, "organisation": principal.organisation_id}
    return bool(connection.execute(statement, values).rowcount)


# --- customers ----------------------------------------------------------------------------------------


def add_organisation(connection: Connection, *, organisation_id: str, name: str) -> bool:
    """False for an id that is taken."""
    statement = text("SELECT operator_add_organisation(:id, :name)")
    return bool(connection.execute(statement, {"id": organisation_id, "name": name}).scalar_one())


def organisation_name(connection: Connection, principal: Principal) -> str | None:
    """None for an organisation that isn't there."""
    statement = text("SELECT name FROM organisation WHERE organisation_id = :id")
    found: str | None = connection.execute(statement, {"id": principal.organisation_id}).scalar_one_or_none()
    return found


def organisations(connection: Connection) -> Sequence[AnyRow]:
    """Columns: organisation_id, name, users, brandspaces, created_at."""
    return connection.execute(text("SELECT * FROM operator_organisations()")).all()


def operators(connection: Connection) -> Sequence[AnyRow]:
    """Columns: email, added_at."""
    return connection.execute(text("SELECT * FROM operator_operators()")).all()


def set_operator(connection: Connection, *, email: str, is_operator: bool) -> bool:
    """Add or remove an operator; False when no user has the address."""
    statement = text("SELECT operator_set_operator(:email, :is)")
    return bool(connection.execute(statement, {"email": email, "is": is_operator}).scalar_one())


def is_operators_account(connection: Connection, *, user_id: str) -> bool:
    """Whether a user of the organisation is an operator."""
    return bool(connection.execute(text("SELECT is_operators_account(:user)"), {"user": user_id}).scalar_one())
