"""Users and their sessions: invited, given a role, disabled, signed out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta

import pytest

from core.access import sign_in
from core.access.organisations import list_operators, name_operator
from core.access.sign_in import (
    LINK_HOURS,
    bearer_of_session,
    end_session,
    make_link_token,
    sign_in_by_identity,
    sign_in_by_link,
    sign_out,
    sign_out_everywhere,
)
from core.access.users import change_role, disable_user, enable_user, invite_user
from core.adapters.postgres import access_store
from core.adapters.postgres.engine import Database
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from core.errors import BadInputError, ConflictError, NotAllowedError, NotFoundError, SignInError
from core.queries.account import get_user, list_sessions, users_page
from tests.people import NOW, a_session, a_user, an_organisation


def _id(user: Principal) -> str:
    assert user.user_id is not None
    return user.user_id


def _is_in(database: Database, token: str, now: datetime = NOW) -> bool:
    return bearer_of_session(database, token, now=now) is not None


# --- invited ------------------------------------------------------------------------------------------


def test_an_address_belongs_to_one_organisation_however_it_is_written(database: Database) -> None:
    theirs = an_organisation(database, "theirs")
    a_user(database, email="ann@acme.example", of=theirs)
    for email in ("ann@acme.example", " Ann@ACME.example "):
        with pytest.raises(ConflictError):
            invite_user(database, LOCAL_PRINCIPAL, email=email, role=Role.VIEWER, now=NOW)
    assert users_page(database, LOCAL_PRINCIPAL).items == ()


@pytest.mark.parametrize("email", ["", "ann", "ann@", "@acme.example", "a b@acme.example", "ann@acme.example\0"])
def test_what_is_no_address_is_refused(database: Database, email: str) -> None:
    with pytest.raises(BadInputError, match="email"):
        invite_user(database, LOCAL_PRINCIPAL, email=email, role=Role.VIEWER, now=NOW)


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
def test_only_owners_manage_people(database: Database, role: Role) -> None:
    user, other = a_user(database, role), a_user(database, email="other@local.example")
    for forbidden in (
        lambda: invite_user(database, user, email="new@local.example", role=Role.VIEWER, now=NOW),
        lambda: change_role(database, user, _id(user), Role.OWNER),
        lambda: disable_user(database, user, _id(other), now=NOW),
        lambda: enable_user(database, user, _id(other)),
        lambda: make_link_token(database, user, _id(other), now=NOW),
        lambda: sign_out_everywhere(database, user, _id(other), now=NOW),
        lambda: users_page(database, user),
        lambda: get_user(database, user, _id(other)),
    ):
        with pytest.raises(NotAllowedError):
            forbidden()


def test_users_of_another_organisation_are_not_there(database: Database) -> None:
    theirs = a_user(database, of=an_organisation(database, "theirs"))
    token = a_session(database, theirs)
    for unknown in (
        lambda: change_role(database, LOCAL_PRINCIPAL, _id(theirs), Role.VIEWER),
        lambda: disable_user(database, LOCAL_PRINCIPAL, _id(theirs), now=NOW),
        lambda: enable_user(database, LOCAL_PRINCIPAL, _id(theirs)),
        lambda: make_link_token(database, LOCAL_PRINCIPAL, _id(theirs), now=NOW),
        lambda: sign_out_everywhere(database, LOCAL_PRINCIPAL, _id(theirs), now=NOW),
        lambda: get_user(database, LOCAL_PRINCIPAL, _id(theirs)),
    ):
        with pytest.raises(NotFoundError):
            unknown()
    assert _is_in(database, token)


# --- owners -------------------------------------------------------------------------------------------


def test_the_last_owner_stays_one(database: Database) -> None:
    owner = a_user(database)
    a_user(database, Role.ANALYST)
    with pytest.raises(ConflictError, match="owner"):
        change_role(database, owner, _id(owner), Role.VIEWER)
    with pytest.raises(ConflictError, match="owner"):
        disable_user(database, owner, _id(owner), now=NOW)
    assert get_user(database, LOCAL_PRINCIPAL, _id(owner)).role is Role.OWNER


def test_an_owner_who_is_disabled_doesnt_count(database: Database) -> None:
    first, second = a_user(database), a_user(database, email="second@local.example")
    disable_user(database, first, _id(second), now=NOW)
    with pytest.raises(ConflictError, match="owner"):
        change_role(database, first, _id(first), Role.ANALYST)


@pytest.mark.parametrize("way", ["role", "disabled"])
def test_of_two_owners_who_step_down_together_one_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    owners = [a_user(database, email=f"{number}@local.example") for number in range(2)]
    changed, count_owners = threading.Barrier(2), access_store.count_owners

    def when_both_have_changed(connection: access_store.Connection, principal: Principal) -> int:
        with suppress(threading.BrokenBarrierError):  # as it should be: the other waits for this one's end
            changed.wait(0.3)
        return count_owners(connection, principal)

    def step_down(owner: Principal) -> bool:
        try:
            if way == "role":
                change_role(database, owner, _id(owner), Role.VIEWER)
            else:
                disable_user(database, owner, _id(owner), now=NOW)
        except ConflictError:
            return False
        return True

    monkeypatch.setattr(access_store, "count_owners", when_both_have_changed)

    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(step_down, owners)) == [False, True]
    left = [user for user in users_page(database, LOCAL_PRINCIPAL).items if user.role is Role.OWNER]
    assert len([user for user in left if user.disabled_at is None]) == 1


# --- sessions -----------------------------------------------------------------------------------------


def test_a_link_signs_in_once(database: Database) -> None:
    user = a_user(database)
    link = make_link_token(database, LOCAL_PRINCIPAL, _id(user), now=NOW)
    assert _is_in(database, sign_in_by_link(database, link, now=NOW, hours=1))
    with pytest.raises(SignInError):
        sign_in_by_link(database, link, now=NOW, hours=1)


def test_an_identity_finds_its_invitation_however_the_provider_writes_the_address(database: Database) -> None:
    a_user(database, email="Änn@Bücher.example")
    as_told = {"issuer": "https://id.example", "subject": "1", "email": "änn@XN--bcher-kva.example"}
    assert _is_in(database, sign_in_by_identity(database, **as_told, now=NOW, hours=1))


def test_an_identity_of_nobody_invited_stays_outside(database: Database) -> None:
    a_user(database)
    for email in ("stranger@local.example", "owner@local.example.evil.example"):
        with pytest.raises(SignInError):
            sign_in_by_identity(database, issuer="i", subject=email, email=email, now=NOW, hours=1)


def test_a_second_identity_with_the_same_address_is_a_stranger(database: Database) -> None:
    a_user(database)
    who = {"issuer": "https://id.example", "email": "owner@local.example"}
    assert sign_in_by_identity(database, subject="1", **who, now=NOW, hours=1)
    with pytest.raises(SignInError):  # the address was given to somebody else since
        sign_in_by_identity(database, subject="2", **who, now=NOW, hours=1)


def test_a_link_ends_after_a_day_and_a_session_after_its_hours(database: Database) -> None:
    user = a_user(database)
    link = make_link_token(database, LOCAL_PRINCIPAL, _id(user), now=NOW)
    with pytest.raises(SignInError):
        sign_in_by_link(database, link, now=NOW + timedelta(hours=LINK_HOURS), hours=1)
    token = a_session(database, user, hours=2)
    assert _is_in(database, token, NOW + timedelta(minutes=119))
    assert not _is_in(database, token, NOW + timedelta(hours=2))


def test_disabling_ends_sessions_and_links_and_enabling_brings_none_back(database: Database) -> None:
    owner, user = a_user(database), a_user(database, Role.ANALYST)
    token, link = a_session(database, user), make_link_token(database, owner, _id(user), now=NOW)
    disable_user(database, owner, _id(user), now=NOW)
    assert not _is_in(database, token)
    with pytest.raises(ConflictError, match="disabled"):
        make_link_token(database, owner, _id(user), now=NOW)
    enable_user(database, owner, _id(user))
    assert not _is_in(database, token)
    with pytest.raises(SignInError):
        sign_in_by_link(database, link, now=NOW, hours=1)


def test_who_is_disabled_while_signing_in_gets_no_session(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, user = a_user(database), a_user(database, Role.ANALYST)
    link = make_link_token(database, owner, _id(user), now=NOW)
    new_token = sign_in.new_token

    def be_disabled_meanwhile() -> str:
        disable_user(database, owner, _id(user), now=NOW)
        return new_token()

    monkeypatch.setattr(sign_in, "new_token", be_disabled_meanwhile)  # asked between the link and the session
    with pytest.raises(SignInError, match="disabled"):
        sign_in_by_link(database, link, now=NOW, hours=1)
    enable_user(database, owner, _id(user))
    assert list_sessions(database, owner, now=NOW).items == ()


def test_another_role_counts_with_the_next_call(database: Database) -> None:
    owner, user = a_user(database), a_user(database, Role.ANALYST)
    token = a_session(database, user)
    change_role(database, owner, _id(user), Role.VIEWER)
    signed_in = bearer_of_session(database, token, now=NOW)
    assert signed_in is not None
    assert signed_in.principal.role is Role.VIEWER


def test_signing_out_ends_this_session_only_and_everywhere_ends_all(database: Database) -> None:
    user = a_user(database, Role.VIEWER)
    first, second, third = (a_session(database, user) for _ in range(3))
    signed_in = bearer_of_session(database, first, now=NOW)
    assert signed_in is not None
    sign_out(database, signed_in, now=NOW)
    assert [_is_in(database, token) for token in (first, second, third)] == [False, True, True]
    assert sign_out_everywhere(database, user, _id(user), now=NOW) == 2
    assert not any(_is_in(database, token) for token in (first, second, third))


def test_everybody_sees_and_ends_their_own_sessions_and_owners_all(database: Database) -> None:
    owner, viewer = a_user(database), a_user(database, Role.VIEWER)
    a_session(database, owner)
    token = a_session(database, viewer, now=NOW + timedelta(minutes=1))
    ours = list_sessions(database, owner, now=NOW).items
    assert [session.email for session in ours] == ["viewer@local.example", "owner@local.example"]
    assert list_sessions(database, viewer, now=NOW).items == ours[:1]
    with pytest.raises(NotFoundError):
        end_session(database, viewer, ours[1].session_id, now=NOW)
    end_session(database, owner, ours[0].session_id, now=NOW)
    assert not _is_in(database, token)
    end_session(database, viewer, ours[0].session_id, now=NOW)  # twice is once


def test_what_has_expired_is_no_open_session(database: Database) -> None:
    owner = a_user(database)
    a_session(database, owner, hours=1)
    assert list_sessions(database, owner, now=NOW + timedelta(hours=1)).items == ()


def test_an_operator_is_somebody_who_is_there(database: Database) -> None:
    """An address that nobody has yet could be claimed by any organisation, with all that operators see."""
    with pytest.raises(NotFoundError):
        name_operator(database, "nobody@nowhere.example", is_operator=True)
    assert not list_operators(database)


def test_nobody_else_makes_a_link_for_an_operator(database: Database) -> None:
    owner = Principal("local", user_id="another owner")
    user_id = invite_user(database, LOCAL_PRINCIPAL, email="staff@adology.example", role=Role.VIEWER, now=NOW)
    name_operator(database, "staff@adology.example", is_operator=True)

    with pytest.raises(NotAllowedError, match="command line"):
        make_link_token(database, owner, user_id, now=NOW)
    assert make_link_token(database, LOCAL_PRINCIPAL, user_id, now=NOW)
    name_operator(database, "staff@adology.example", is_operator=False)
    assert make_link_token(database, owner, user_id, now=NOW)
