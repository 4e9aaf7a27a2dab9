"""Coming in and going out, in a real browser over the whole running system."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from core.access.tokens import SESSION_COOKIE
from tests.e2e.chromium import sign_in
from tests.running_up import RunningUp, link_in

PATIENCE = 60_000  # ms
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody of one's own."""
    expect.set_options(timeout=PATIENCE)
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def expect_door(page: Page) -> None:
    """The sign-in page and nothing of Streamlit."""
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.get_by_test_id("stApp")).to_have_count(0)


def session_of(context: BrowserContext) -> str | None:
    return next((cookie.get("value") for cookie in context.cookies() if cookie.get("name") == SESSION_COOKIE), None)


def test_a_link_leads_in_and_signing_out_leads_to_the_door(running: RunningUp, context: BrowserContext) -> None:
    page, link = context.new_page(), running.sign_in_link()
    page.goto(running.address("workbench") + "/creatives")
    expect_door(page)
    sign_in(page, link)
    expect(page.get_by_role("heading", name="Brandspaces", level=1)).to_be_visible()
    assert session_of(context)
    page.get_by_role("button", name="Account").click()
    expect(page.get_by_text("owner · operator")).to_be_visible()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect_door(page)
    assert session_of(context) is None
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("used already or is out of date")).to_be_visible()


def test_a_page_left_open_notices_that_its_session_was_ended(running: RunningUp, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, link_in(running.command("users", "invite", "left-open@acme.example")))
    expect(page.get_by_role("heading", name="Brandspaces", level=1)).to_be_visible()
    running.command("users", "sign-out", "left-open@acme.example")
    expect_door(page)  # without a click: the page asks every other second


def test_operations_tells_others_whom_to_ask(running: RunningUp, context: BrowserContext) -> None:
    page = context.new_page()
    sign_in(page, link_in(running.command("users", "invite", "viewer@acme.example", "--role", "viewer")))
    menu = page.get_by_test_id("stTopNavLink")
    expect(menu.filter(has_text="Creatives")).to_be_visible()
    expect(menu.filter(has_text="Operations")).to_have_count(0)
    page.goto(running.address("workbench") + "/operations")
    expect(page.get_by_text("This page is for operators")).to_be_visible()
    expect(page.get_by_role("heading", name="Queues")).to_have_count(0)


def test_no_token_stands_in_a_log(running: RunningUp, context: BrowserContext) -> None:
    page, link = context.new_page(), running.sign_in_link()
    sign_in(page, link)
    token = parse_qs(urlsplit(link).query)["token"][0]
    page.goto(link)
    logs = "".join(file.read_text("utf-8", "replace") for file in (running.home / "logs").glob("*.log*"))
    assert "You can now view" in logs  # of the workbench
    printed = re.findall(r"token=(\S+)", running.said)
    session = session_of(context)
    assert session is not None
    assert "GET /" not in logs  # addresses hold tokens and filters: nobody notes who opened which
    assert [secret for secret in [token, session, *printed] if secret in logs] == []
