"""Account: the organisation, its people and keys, and what was changed."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from core.access.keys import bearer_of_key, create_key
from core.access.users import invite_user
from core.adapters.postgres.engine import Database
from core.bootstrap import SystemClock
from core.domain.principal import LOCAL_PRINCIPAL, Permission, Principal, Role
from core.queries.account import list_keys, list_sessions
from core.queries.users import list_users
from tests.pages.conftest import ShowPage, sign_in_as, texts

NOW = SystemClock().now


def button(page: AppTest, label: str) -> AppTest:
    return next(found for found in page.button if found.label == label)


def code(page: AppTest) -> list[str]:
    return [element.value for element in page.code]


def test_the_figures_are_the_accounts(show: ShowPage) -> None:
    said = texts(show("account")).splitlines()
    assert {"Users=1", "Active sessions=1", "API answer time=–"} <= set(said)


def test_who_is_invited_gets_a_link_that_is_shown_once(show: ShowPage, database: Database) -> None:
    page = show("account")
    page.text_input[0].set_value("ana@customer.example")
    button(page, "Invite").click().run()
    assert not page.exception
    assert {user.email for user in list_users(database, LOCAL_PRINCIPAL)} >= {"ana@customer.example"}
    assert any(re.search(r"/sign-in\?token=\S{43}", text) for text in code(page))
    assert code(page.run()) == []


def test_a_wrong_address_is_said_and_nobody_is_invited(show: ShowPage, database: Database) -> None:
    page = show("account")
    page.text_input[0].set_value("no address")
    button(page, "Invite").click().run()
    assert "email" in page.error[0].value
    assert len(list_users(database, LOCAL_PRINCIPAL)) == 1


def test_a_new_key_opens_what_its_scopes_say_and_is_shown_once(show: ShowPage, database: Database) -> None:
    page = show("account")
    next(field for field in page.text_input if field.label == "Name").set_value("Report")
    button(page, "Create").click().run()
    key, hint = code(page)
    principal = bearer_of_key(database, key, now=NOW())
    assert principal is not None
    assert principal.permissions == (Permission.READ,)
    assert "curl" in hint
    assert code(page.run()) == []
    assert "Report" in texts(page)


def test_a_key_is_revoked_by_a_click(show: ShowPage, database: Database) -> None:
    made = create_key(database, LOCAL_PRINCIPAL, name="Old", permissions=[Permission.READ], now=NOW())
    page = show("account")
    button(page, "Revoke it").click().run()
    assert bearer_of_key(database, made.key, now=NOW()) is None
    assert "Revoked" in texts(page)


def test_the_last_owner_can_not_be_disabled(show: ShowPage, database: Database) -> None:
    page = show("account")
    button(page, "Disable").click().run()
    assert "owner" in page.error[0].value
    assert list_users(database, LOCAL_PRINCIPAL)[0].disabled_at is None


def test_ending_ones_session_leads_to_the_door(show: ShowPage, database: Database) -> None:
    page = show("account")
    button(page, "End").click().run()
    assert list_sessions(database, LOCAL_PRINCIPAL, now=NOW()).items == ()
    assert "Users=1" not in texts(page)


def test_changes_name_people_by_their_address(show: ShowPage, database: Database) -> None:
    invite_user(database, LOCAL_PRINCIPAL, email="ana@customer.example", role=Role.VIEWER, now=NOW())
    table = show("account").dataframe[-1].value
    row = table[table["What"] == "User: invite"].iloc[0]
    assert (row["Who"], row["Subject"]) == ("Command line", "ana@customer.example")


@pytest.mark.parametrize("role", [Role.ANALYST, Role.VIEWER])
def test_who_is_no_owner_sees_the_own_sessions_and_whom_to_ask(
    show: ShowPage, monkeypatch: pytest.MonkeyPatch, database: Database, role: Role
) -> None:
    sign_in_as(monkeypatch, Principal("local", role))
    page = show("account")
    assert not page.exception
    assert [tab.label for tab in page.tabs] == ["Sessions", "AI cost"]
    assert "owners" in texts(page)
    assert list_keys(database, LOCAL_PRINCIPAL).items == ()


def test_what_people_write_is_shown_as_it_is(show: ShowPage, database: Database) -> None:
    create_key(database, LOCAL_PRINCIPAL, name="[evil](https://x.example)", permissions=[Permission.READ], now=NOW())
    assert "[evil](https" not in texts(show("account"))
