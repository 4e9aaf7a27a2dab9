"""The users of an organisation: invited, given a role, disabled."""

from __future__ import annotations

import secrets
from datetime import datetime

from email_validator import EmailNotValidError, validate_email

from core.access.rights import require, require_no_more
from core.adapters.postgres import access_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.domain.principal import PERMISSIONS, Permission, Principal, Role
from core.errors import BadInputError, ConflictError, NotFoundError


def invite_user(database: Database, principal: Principal, *, email: str, role: Role, now: datetime) -> str:
    """A user of the principal's organisation; returns his id. Raises ConflictError for an address that is taken."""
    require(principal, Permission.ADMIN)
    require_no_more(principal, PERMISSIONS[role])
    address = normalised_email(email)
    user_id = secrets.token_hex(12)
    with database.writer(principal) as connection:
        if not store.insert_user(connection, principal, user_id=user_id, email=address, role=role.value, now=now):
            raise ConflictError(f"{address} is a user already, here or of another organisation: use another address")
        record(connection, principal, "user.invite", user_id, email=address, role=role.value)
    return user_id


def change_role(database: Database, principal: Principal, user_id: str, role: Role) -> None:
    """Raises NotFoundError, and ConflictError when no owner would be left."""
    require(principal, Permission.ADMIN)
    require_no_more(principal, PERMISSIONS[role])
    with database.writer(principal) as connection:
        if not store.set_role(connection, principal, user_id=user_id, role=role.value):
            raise NotFoundError("there is no such user in your organisation")
        _require_an_owner(connection, principal)
        record(connection, principal, "user.role", user_id, role=role.value)


def disable_user(database: Database, principal: Principal, user_id: str, *, now: datetime) -> None:
    """Ends his sessions; what he made stays. Raises NotFoundError, and ConflictError when no owner would be left."""
    require(principal, Permission.ADMIN)
    with database.writer(principal) as connection:
        if not store.set_disabled(connection, principal, user_id=user_id, disabled_at=now):
            raise NotFoundError("there is no such user in your organisation")
        _require_an_owner(connection, principal)
        store.spoil_links(connection, principal, user_id=user_id, now=now)
        ended = store.end_sessions(connection, principal, user_id=user_id, now=now)
        record(connection, principal, "user.disable", user_id, sessions=ended)


def enable_user(database: Database, principal: Principal, user_id: str) -> None:
    """He may sign in again. Raises NotFoundError."""
    require(principal, Permission.ADMIN)
    with database.writer(principal) as connection:
        if not store.set_disabled(connection, principal, user_id=user_id, disabled_at=None):
            raise NotFoundError("there is no such user in your organisation")
        record(connection, principal, "user.enable", user_id)


def normalised_email(email: str) -> str:
    """Lower case, as it is stored. Raises BadInputError."""
    try:
        # ".test" is for names of one's own; nothing is sent, so nothing is looked up.
        checked = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise BadInputError(f"email: {error}") from None
    return checked.normalized.lower()


def _require_an_owner(connection: store.Connection, principal: Principal) -> None:
    """Checked after the change, under a lock on the owners: two who step down together can't both succeed."""
    if not store.count_owners(connection, principal):
        raise ConflictError("an organisation needs an owner: make somebody else one first")
