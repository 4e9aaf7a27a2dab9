"""Coming in: a one-time link or an identity of a provider becomes a session of ours; its token travels in a cookie."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.access.rights import require, require_no_more
from core.access.tokens import hash_of, new_token
from core.access.users import normalised_email
from core.adapters.postgres import access_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.domain.principal import COMMAND_LINE, PERMISSIONS, Permission, Principal, Role
from core.errors import ConflictError, NotAllowedError, NotFoundError, SignInError

LINK_HOURS = 24
_MOST_USER_AGENT = 200


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session belongs to."""

    session_id: str
    email: str
    principal: Principal


def make_link_token(database: Database, principal: Principal, user_id: str, *, now: datetime) -> str:
    """The token of a link that signs this user in, once, within 24 hours.

    Raises NotFoundError, ConflictError for a disabled user, and NotAllowedError for one who may do more than the maker.
    An operator's links are made by themselves, or at the command line: whoever holds one sees what operators see.
    """
    require(principal, Permission.ADMIN)
    token = new_token()
    with database.writer(principal) as connection:
        user = store.find_user(connection, principal, user_id=user_id)
        if user is None:
            raise NotFoundError("there is no such user in your organisation")
        if user.disabled_at is not None:
            raise ConflictError("this user is disabled: enable them first")
        require_no_more(principal, PERMISSIONS[Role(user.role)])
        is_own = principal.actor in (COMMAND_LINE, f"user:{user_id}")
        if not is_own and store.is_operators_account(connection, user_id=user_id):
            raise NotAllowedError("this user is an operator: their links are made at the command line only")
        store.insert_link(
            connection,
            principal,
            user_id=user_id,
            token_hash=hash_of(token),
            now=now,
            expires_at=now + timedelta(hours=LINK_HOURS),
        )
        record(connection, principal, "user.sign_in_link", user_id)
    return token


def sign_in_by_link(database: Database, token: str, *, now: datetime, hours: int, user_agent: str = "") -> str:
    """Use up a link; returns the token of a new session of ``hours``. Raises SignInError."""
    with database.anonymous() as connection:
        user = store.redeem_link(connection, token_hash=hash_of(token), now=now)
    if user is None:
        raise SignInError("this link was used already or is out of date: ask for a new one, or run `./adology login`")
    return _open_session(database, user, "link", now=now, hours=hours, user_agent=user_agent)


def sign_in_by_identity(
    database: Database, *, issuer: str, subject: str, email: str, now: datetime, hours: int, user_agent: str = ""
) -> str:
    """A session for the invited user of a verified address. Raises BadInputError, and SignInError for a stranger."""
    address = normalised_email(email)  # as the invitation was stored
    with database.anonymous() as connection:
        user = store.find_identity(connection, issuer=issuer, subject=subject, email=address, now=now)
    if user is None:
        raise SignInError("nobody with this e-mail address was invited: ask an owner of your organisation")
    return _open_session(database, user, "oidc", now=now, hours=hours, user_agent=user_agent)


def bearer_of_session(database: Database, token: str, *, now: datetime) -> SignedIn | None:
    """Who shows this token, asked of the database each time: what was revoked or has expired is nobody's."""
    with database.anonymous() as connection:
        row = store.find_session(connection, token_hash=hash_of(token), now=now)
    if row is None:
        return None
    principal = Principal(row.organisation_id, Role(row.role), row.user_id, is_operator=row.is_operator)
    return SignedIn(row.session_id, row.email, principal)


def sign_out(database: Database, signed_in: SignedIn, *, now: datetime) -> None:
    """End this session."""
    end_session(database, signed_in.principal, signed_in.session_id, now=now)


def end_session(database: Database, principal: Principal, session_id: str, *, now: datetime) -> None:
    """End a session of one's own, or as an owner anybody's; twice is once. Raises NotFoundError."""
    with database.writer(principal) as connection:
        user_id = store.user_of_session(connection, principal, session_id=session_id)
        is_own = user_id is not None and user_id == principal.user_id
        if user_id is None or not (is_own or principal.may(Permission.ADMIN)):
            raise NotFoundError("there is no such session; list yours")
        if store.end_sessions(connection, principal, session_id=session_id, now=now):
            record(connection, principal, "session.end", user_id, session=session_id)


def sign_out_everywhere(database: Database, principal: Principal, user_id: str, *, now: datetime) -> int:
    """End every session of a user and spoil their unused links; returns how many sessions ended.

    Everybody may do that for themselves. Raises NotAllowedError and NotFoundError.
    """
    if user_id != principal.user_id:
        require(principal, Permission.ADMIN)
    with database.writer(principal) as connection:
        if store.find_user(connection, principal, user_id=user_id) is None:
            raise NotFoundError("there is no such user in your organisation")
        store.spoil_links(connection, principal, user_id=user_id, now=now)
        ended = store.end_sessions(connection, principal, user_id=user_id, now=now)
        record(connection, principal, "user.sign_out_everywhere", user_id, sessions=ended)
    return ended


def _open_session(
    database: Database, user: store.UserRow, opened_by: str, *, now: datetime, hours: int, user_agent: str
) -> str:
    token = new_token()
    principal = Principal(user.organisation_id, Role(user.role), user.user_id)
    with database.writer(principal) as connection:
        if not store.mark_sign_in(connection, principal, now=now):
            raise SignInError("this account is disabled: ask an owner of your organisation")
        store.insert_session(
            connection,
            principal,
            token_hash=hash_of(token),
            opened_by=opened_by,
            user_agent=user_agent[:_MOST_USER_AGENT],
            now=now,
            expires_at=now + timedelta(hours=hours),
        )
        record(connection, principal, "session.open", user.user_id, by=opened_by)
    return token
