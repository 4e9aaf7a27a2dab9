"""The users of an organisation, for whoever may manage them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import user_account
from core.domain.principal import Principal, Role
from core.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class UserView:
    """``disabled_at`` is None for a user who may sign in."""

    user_id: str
    email: str
    role: Role
    created_at: datetime
    last_sign_in_at: datetime | None
    disabled_at: datetime | None


def list_users(database: Database, principal: Principal) -> tuple[UserView, ...]:
    """Every user of the organisation, in the order in which they were invited."""
    columns = [user_account.c[name] for name in UserView.__slots__]
    statement = (
        select(*columns)
        .where(user_account.c.organisation_id == principal.organisation_id)
        .order_by(user_account.c.created_at, user_account.c.user_id)
    )
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* list_users */")).all()
    return tuple(UserView(**{**row._mapping, "role": Role(row.role)}) for row in rows)


def user_of_email(database: Database, principal: Principal, email: str) -> UserView:
    """Raises NotFoundError."""
    wanted = email.strip().lower()
    found = [user for user in list_users(database, principal) if user.email == wanted]
    if not found:
        raise NotFoundError(f"there is no user {wanted!r} in your organisation: `./adology users` lists them")
    return found[0]
