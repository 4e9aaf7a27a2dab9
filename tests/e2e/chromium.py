"""Chromium, the system's or Playwright's own, that talks to nobody by itself."""

from __future__ import annotations

import shutil

from playwright.sync_api import Browser, Page, Playwright

HOW_TO_GET_IT = "no Chromium: run `.venv/bin/playwright install chromium`, or install your system's"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def launch_chromium(playwright: Playwright) -> Browser:
    """A headless browser. Raises playwright's Error where there is none."""
    system = next((found for name in _NAMES if (found := shutil.which(name))), None)
    return playwright.chromium.launch(executable_path=system, args=list(_ARGUMENTS))


def sign_in(page: Page, link: str) -> None:
    """As a person does who has a one-time link."""
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_test_id("stApp").wait_for()
