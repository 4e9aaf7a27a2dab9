"""The audit trail: a row for each change, in its transaction, never changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from core.access import keys, sign_in, users
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.domain.principal import LOCAL_PRINCIPAL, Permission, Principal, Role
from core.errors import BadInputError, ConflictError, NotAllowedError
from core.observability.logs import fresh_context
from core.queries.account import list_keys, list_sessions, users_page
from core.queries.audit import audit_trail
from tests.integration.access.dump import whole_database
from tests.people import NOW, a_session, a_user, an_organisation


def _actions(database: Database, principal: Principal = LOCAL_PRINCIPAL) -> list[str]:
    return [row.action for row in reversed(audit_trail(database, principal).items)]


def test_every_change_leaves_a_row_that_tells_who_did_what_to_whom(database: Database) -> None:
    owner = a_user(database)
    user_id = users.invite_user(database, owner, email="ann@acme.example", role=Role.VIEWER, now=NOW)
    users.change_role(database, owner, user_id, Role.ANALYST)
    link = sign_in.make_link_token(database, owner, user_id, now=NOW)
    sign_in.sign_in_by_link(database, link, now=NOW, hours=1)
    (session,) = list_sessions(database, owner, now=NOW).items
    sign_in.end_session(database, owner, session.session_id, now=NOW)
    sign_in.sign_out_everywhere(database, owner, user_id, now=NOW)
    users.disable_user(database, owner, user_id, now=NOW)
    users.enable_user(database, owner, user_id)
    made = keys.create_key(database, owner, name="CI", permissions=[Permission.READ], now=NOW)
    keys.revoke_key(database, owner, made.key_id, now=NOW)

    rows = [row for row in reversed(audit_trail(database, owner).items) if row.actor != LOCAL_PRINCIPAL.actor]
    assert [(row.action, row.subject) for row in rows] == [
        ("user.invite", user_id),
        ("user.role", user_id),
        ("user.sign_in_link", user_id),
        ("session.open", user_id),
        ("session.end", user_id),
        ("user.sign_out_everywhere", user_id),
        ("user.disable", user_id),
        ("user.enable", user_id),
        ("key.create", made.key_id),
        ("key.revoke", made.key_id),
    ]
    assert {row.actor for row in rows if row.action != "session.open"} == {owner.actor}
    assert [row.actor for row in rows if row.action == "session.open"] == [f"user:{user_id}"]


def test_what_is_refused_leaves_no_row(database: Database) -> None:
    owner = a_user(database)
    assert owner.user_id is not None
    before = _actions(database)
    with pytest.raises(ConflictError):
        users.change_role(database, owner, owner.user_id, Role.VIEWER)
    with pytest.raises(ConflictError):
        users.invite_user(database, owner, email="owner@local.example", role=Role.OWNER, now=NOW)
    assert _actions(database) == before


def test_a_change_whose_row_cant_be_written_is_not_made(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no audit, no change")

    monkeypatch.setattr(users, "record", fail)
    monkeypatch.setattr(keys, "record", fail)
    with pytest.raises(RuntimeError):
        a_user(database)
    with pytest.raises(RuntimeError):
        keys.create_key(database, LOCAL_PRINCIPAL, name="CI", permissions=[Permission.READ], now=NOW)
    assert users_page(database, LOCAL_PRINCIPAL).items == ()
    assert list_keys(database, LOCAL_PRINCIPAL).items == ()


def test_a_row_goes_with_the_change_that_is_undone(database: Database) -> None:
    def invite_and_fail() -> None:
        with database.together(LOCAL_PRINCIPAL):
            a_user(database)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        invite_and_fail()
    assert users_page(database, LOCAL_PRINCIPAL).items == ()
    assert _actions(database) == []


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_application_cant_change_what_was_done(database: Database, statement: str) -> None:
    a_user(database)
    with pytest.raises(Exception, match="permission denied"), database.writer(LOCAL_PRINCIPAL) as connection:
        connection.execute(text(statement))
    assert _actions(database) == ["user.invite"]


def test_no_row_can_be_written_in_anothers_name(database: Database) -> None:
    with pytest.raises(Exception, match="row-level security"), database.writer(LOCAL_PRINCIPAL) as connection:
        record(connection, Principal("other"), "user.invite", "u")


def test_no_secret_stands_in_an_audit_row(database: Database) -> None:
    owner = a_user(database)
    assert owner.user_id is not None
    key = keys.create_key(database, owner, name="CI", permissions=[Permission.READ], now=NOW).key
    link = sign_in.make_link_token(database, owner, owner.user_id, now=NOW)
    session = sign_in.sign_in_by_link(database, link, now=NOW, hours=1)
    with database.reader(LOCAL_PRINCIPAL) as connection:
        written = "\n".join(connection.execute(text("SELECT a::text FROM audit a")).scalars())
        hashes = connection.execute(text("SELECT secret_hash FROM api_key UNION SELECT token_hash FROM session"))
        for secret in (key, link, session, *hashes.scalars()):
            assert secret not in written


def test_a_row_leads_to_the_log_of_its_request(database: Database) -> None:
    with fresh_context(trace_id="abc"):
        a_user(database)
    assert audit_trail(database, LOCAL_PRINCIPAL).items[0].trace_id == "abc"


def test_the_trail_comes_newest_first_each_once_and_narrowed(database: Database, cluster: Cluster) -> None:
    owner = a_user(database)
    for number in range(3):
        keys.create_key(database, owner, name=str(number), permissions=[Permission.READ], now=NOW)
    first = audit_trail(database, owner, limit=3)
    rest = audit_trail(database, owner, limit=3, cursor=first.next_cursor)
    names = [row.details.get("name") for row in (*first.items, *rest.items)]
    assert (names, rest.next_cursor) == (["2", "1", "0", None], None)
    assert [row.action for row in audit_trail(database, owner, action="user.invite").items] == ["user.invite"]
    assert len(audit_trail(database, owner, actor=owner.actor).items) == 3
    assert audit_trail(database, owner, since=datetime.now(UTC) + timedelta(hours=1)).items == ()
    assert len(audit_trail(database, owner, since=datetime.now(UTC) - timedelta(hours=1)).items) == 4
    assert str(owner.user_id) in whole_database(cluster)


def test_a_cursor_of_another_question_is_refused(database: Database) -> None:
    owner = a_user(database)
    a_session(database, owner)
    cursor = audit_trail(database, owner, limit=1).next_cursor
    with pytest.raises(BadInputError, match="cursor"):
        audit_trail(database, owner, limit=1, cursor=cursor, action="user.invite")


def test_the_trail_is_an_owners_and_of_ones_own_organisation(database: Database) -> None:
    a_user(database, of=an_organisation(database, "theirs"))
    assert _actions(database) == []
    assert _actions(database, Principal("theirs"))[-1] == "user.invite"
    with pytest.raises(NotAllowedError):
        audit_trail(database, a_user(database, Role.ANALYST))
