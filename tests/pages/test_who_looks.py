"""Who looks at a page: nobody sees one, everybody is told who they are, operators alone see operations."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from app.formatting import one_line
from app.navigation import all_pages
from app.resources import services
from core.access.sign_in import sign_out_everywhere
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from tests.pages.conftest import PAGE_SECONDS, ROOT, ShowPage, sign_in_as, texts

ENDED = "Your session has ended. Reload this page to sign in."


def workbench() -> AppTest:
    return AppTest.from_file(str(ROOT / "app" / "workbench.py"), default_timeout=PAGE_SECONDS).run()


@pytest.mark.parametrize("token", [None, "of nobody"])
def test_nobody_sees_no_page_and_no_menu(show: ShowPage, monkeypatch: pytest.MonkeyPatch, token: str | None) -> None:
    monkeypatch.setattr("app.resources.session_token", lambda: token)
    page = workbench()
    assert texts(page).strip() == ENDED
    assert not page.button
    assert not page.exception


@pytest.mark.parametrize("name", ["brandspaces", "creatives", "compare", "operations"])
def test_a_page_alone_shows_nobody_anything(show: ShowPage, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("app.resources.session_token", lambda: "of nobody")
    page = show(name)
    assert ENDED in texts(page)
    assert not page.metric
    assert not page.dataframe


def test_a_session_that_was_revoked_ends_with_the_next_click(show: ShowPage, monkeypatch: pytest.MonkeyPatch) -> None:
    user_id = sign_in_as(monkeypatch, Principal("local", Role.ANALYST))
    page = workbench()
    assert page.title[0].value == "Brandspaces"
    ports = services()
    sign_out_everywhere(ports.database, LOCAL_PRINCIPAL, user_id, now=ports.clock.now())
    page.run()
    assert texts(page).strip() == ENDED


@pytest.mark.parametrize("button", ["sign_out", "sign_out_everywhere"])
def test_the_account_menu_tells_who_one_is_and_signs_out(
    show: ShowPage, monkeypatch: pytest.MonkeyPatch, button: str
) -> None:
    sign_in_as(monkeypatch, Principal("local", Role.VIEWER))
    page = workbench()
    assert f"**{one_line('viewer@local.example')}**" in texts(page)
    assert "Local organisation · viewer" in texts(page)
    page.button(key=button).click().run()
    assert texts(page).strip() == ENDED


def test_operations_refuses_whoever_is_no_operator(show: ShowPage, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in_as(monkeypatch, Principal("local", Role.OWNER))
    page = show("operations")
    assert "This page is for operators" in texts(page)
    assert not page.metric
    assert not page.dataframe


def test_operations_is_in_the_menu_of_operators_only() -> None:
    *others, operations = [page.visibility for page in all_pages(Principal("local"))]
    assert (set(others), operations) == ({"visible"}, "hidden")
    assert {page.visibility for page in all_pages(Principal("local", is_operator=True))} == {"visible"}
