"""Customers and their users, as they come into being."""

from __future__ import annotations

from datetime import UTC, datetime

from core.access.organisations import add_organisation
from core.access.sign_in import make_link_token, sign_in_by_link
from core.access.users import invite_user
from core.adapters.postgres.engine import Database
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def an_organisation(database: Database, organisation_id: str) -> Principal:
    """A customer; whoever stands at its command line."""
    add_organisation(database, organisation_id, organisation_id.title())
    return Principal(organisation_id)


def a_user(
    database: Database,
    role: Role = Role.OWNER,
    *,
    email: str = "",
    of: Principal = LOCAL_PRINCIPAL,
    now: datetime = NOW,
) -> Principal:
    """An invited user, who has not come in yet."""
    address = email or f"{role}@{of.organisation_id}.example"
    user_id = invite_user(database, of, email=address, role=role, now=now)
    return Principal(of.organisation_id, role, user_id)


def a_session(database: Database, user: Principal, *, now: datetime = NOW, hours: int = 24) -> str:
    """The token of a new session."""
    assert user.user_id is not None
    link = make_link_token(database, Principal(user.organisation_id), user.user_id, now=now)
    return sign_in_by_link(database, link, now=now, hours=hours)
