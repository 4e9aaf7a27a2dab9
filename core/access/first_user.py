"""Whoever starts a new system can come in: without a first user nobody could invite anybody."""

from __future__ import annotations

from datetime import datetime

from core.access.organisations import name_operator
from core.access.sign_in import make_link_token
from core.access.users import invite_user
from core.adapters.postgres.engine import Database
from core.domain.principal import LOCAL_ORGANISATION, Principal, Role
from core.errors import ConflictError, NotFoundError
from core.queries.users import UserView, list_users

FIRST_USER = "owner@local.test"  # .test is nobody's: no provider can vouch for it


def ensure_first_user(database: Database, principal: Principal, *, now: datetime) -> None:
    """The first start makes ``owner@local.test``: owner of the organisation ``local``, and operator of the system."""
    if principal.organisation_id != LOCAL_ORGANISATION or list_users(database, principal):
        return
    try:
        invite_user(database, principal, email=FIRST_USER, role=Role.OWNER, now=now)
    except ConflictError:  # taken away to another organisation: whoever did that can come in
        return
    name_operator(database, FIRST_USER, is_operator=True)


def first_owner(database: Database, principal: Principal) -> UserView:
    """The owner who was there first, of those who may sign in. Raises NotFoundError."""
    users = list_users(database, principal)
    owner = next((user for user in users if user.role is Role.OWNER and user.disabled_at is None), None)
    if owner is None:
        raise NotFoundError(
            f"the organisation {principal.organisation_id!r} has no owner: "
            "`./adology users invite EMAIL --role owner` makes one"
        )
    return owner


def owner_link(database: Database, principal: Principal, *, now: datetime) -> str:
    """The token of a one-time link for the first owner. Raises NotFoundError."""
    return make_link_token(database, principal, first_owner(database, principal).user_id, now=now)
