"""API keys: what is stored of them, how long they work, what they may make."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from core.access.keys import MAX_DAYS, bearer_of_key, create_key, revoke_key
from core.access.sign_in import make_link_token
from core.access.users import change_role, invite_user
from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.domain.principal import LOCAL_PRINCIPAL, Permission, Principal, Role
from core.errors import BadInputError, NotAllowedError, NotFoundError
from core.queries.account import KeyView, list_keys
from tests.integration.access.dump import whole_database
from tests.people import NOW, a_session, a_user

READ, WRITE, ADMIN = Permission


def _key(database: Database, *permissions: Permission, expires_at: datetime | None = None) -> str:
    return create_key(
        database, LOCAL_PRINCIPAL, name="CI", permissions=permissions or (READ,), now=NOW, expires_at=expires_at
    ).key


def _only(database: Database) -> KeyView:
    (key,) = list_keys(database, LOCAL_PRINCIPAL).items
    return key


def test_a_key_is_its_organisation_with_the_scopes_named(database: Database) -> None:
    bearer = bearer_of_key(database, _key(database, READ, WRITE), now=NOW)
    assert bearer is not None
    assert (bearer.organisation_id, bearer.user_id) == ("local", None)
    assert [bearer.may(permission) for permission in (READ, WRITE, ADMIN)] == [True, True, False]


def test_no_secret_stands_in_any_table(database: Database, cluster: Cluster) -> None:
    key, owner = _key(database), a_user(database)
    assert owner.user_id is not None
    link = make_link_token(database, LOCAL_PRINCIPAL, owner.user_id, now=NOW)
    session = a_session(database, owner)
    bearer_of_key(database, key, now=NOW)
    everything = whole_database(cluster)
    assert owner.user_id in everything  # what is stored would be found
    for secret in (key, key.split("_", 2)[2], link, session):
        assert secret not in everything


def test_a_key_ends_with_its_last_moment(database: Database) -> None:
    ends = NOW + timedelta(days=1)
    key = _key(database, expires_at=ends)
    assert bearer_of_key(database, key, now=ends - timedelta(seconds=1)) is not None
    assert bearer_of_key(database, key, now=ends) is None


@pytest.mark.parametrize("expires_at", [NOW, NOW - timedelta(days=1), NOW + timedelta(days=MAX_DAYS, seconds=1)])
def test_a_key_ends_in_the_future_that_people_plan_for(database: Database, expires_at: datetime) -> None:
    with pytest.raises(BadInputError, match="expires_at"):
        _key(database, expires_at=expires_at)


def test_a_revoked_key_opens_nothing_and_twice_is_once(database: Database) -> None:
    key = _key(database)
    key_id = _only(database).key_id
    revoke_key(database, LOCAL_PRINCIPAL, key_id, now=NOW)
    assert bearer_of_key(database, key, now=NOW) is None
    revoke_key(database, LOCAL_PRINCIPAL, key_id, now=NOW + timedelta(days=1))
    assert _only(database).revoked_at == NOW


def test_a_key_of_another_organisation_is_not_there(database: Database) -> None:
    key = _key(database)
    with pytest.raises(NotFoundError):
        revoke_key(database, Principal("other"), _only(database).key_id, now=NOW)
    assert bearer_of_key(database, key, now=NOW) is not None
    assert list_keys(database, Principal("other")).items == ()


@pytest.mark.parametrize("wrong", ["", "adk_", "adk_x_y", "Bearer adk_x", "adk_\udc80", "x" * 10_000])
def test_what_is_no_key_is_nobodys(database: Database, wrong: str) -> None:
    assert bearer_of_key(database, wrong, now=NOW) is None


def test_last_used_is_told_to_the_minute(database: Database) -> None:
    key = _key(database)
    assert _only(database).last_used_at is None
    for seconds in (0, 59):
        bearer_of_key(database, key, now=NOW + timedelta(seconds=seconds))
    assert _only(database).last_used_at == NOW
    bearer_of_key(database, key, now=NOW + timedelta(seconds=61))
    assert _only(database).last_used_at == NOW + timedelta(seconds=61)


def test_a_key_that_is_refused_was_not_used(database: Database) -> None:
    key = _key(database, expires_at=NOW + timedelta(hours=1))
    bearer_of_key(database, key, now=NOW + timedelta(hours=2))
    assert _only(database).last_used_at is None


def test_without_a_scope_or_a_name_there_is_no_key(database: Database) -> None:
    for name, permissions in (("CI", ()), (" \t", (READ,)), ("x" * 101, (READ,))):
        with pytest.raises(BadInputError):
            create_key(database, LOCAL_PRINCIPAL, name=name, permissions=permissions, now=NOW)


def test_a_key_hands_on_no_scope_it_lacks(database: Database) -> None:
    maker = bearer_of_key(database, _key(database, WRITE, ADMIN), now=NOW)
    owner, viewer = a_user(database), a_user(database, Role.VIEWER)
    assert maker is not None
    assert owner.user_id is not None
    assert viewer.user_id is not None
    with pytest.raises(NotAllowedError, match="read"):
        create_key(database, maker, name="x", permissions=[WRITE, READ], now=NOW)
    with pytest.raises(NotAllowedError, match="read"):  # nor by way of a person
        invite_user(database, maker, email="new@local.example", role=Role.OWNER, now=NOW)
    with pytest.raises(NotAllowedError, match="read"):
        change_role(database, maker, viewer.user_id, Role.OWNER)
    with pytest.raises(NotAllowedError, match="read"):
        make_link_token(database, maker, owner.user_id, now=NOW)
    assert create_key(database, maker, name="x", permissions=[WRITE, ADMIN], now=NOW).key


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
def test_only_owners_make_see_and_revoke_keys(database: Database, role: Role) -> None:
    user = a_user(database, role)
    _key(database)
    with pytest.raises(NotAllowedError):
        create_key(database, user, name="x", permissions=[READ], now=NOW)
    with pytest.raises(NotAllowedError):
        revoke_key(database, user, _only(database).key_id, now=NOW)
    with pytest.raises(NotAllowedError):
        list_keys(database, user)


def test_every_key_comes_once_through_the_cursors_newest_first(database: Database) -> None:
    for number in range(5):
        create_key(database, LOCAL_PRINCIPAL, name=str(number), permissions=[READ], now=NOW + timedelta(days=number))
    first = list_keys(database, LOCAL_PRINCIPAL, limit=3)
    rest = list_keys(database, LOCAL_PRINCIPAL, limit=3, cursor=first.next_cursor)
    assert [key.name for key in (*first.items, *rest.items)] == ["4", "3", "2", "1", "0"]
    assert rest.next_cursor is None


def test_the_hash_that_is_stored_opens_nothing(database: Database) -> None:
    _key(database)
    with database.reader(LOCAL_PRINCIPAL) as connection:
        (secret_hash,) = connection.execute(text("SELECT secret_hash FROM api_key")).scalars()
    for shown in (secret_hash, f"adk_{secret_hash}"):
        assert bearer_of_key(database, shown, now=NOW) is None
