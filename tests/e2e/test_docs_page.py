"""The page that describes the API, in a real Chromium: from our own files alone, light and dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.daemon.conftest import daemon, start_daemon
from tests.daemon.support import LocalDaemon

__all__ = ["daemon", "start_daemon"]


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "is_dark"), [("light", False), ("dark", True)])
def test_the_docs_show_every_operation_without_the_network(
    browser: Browser, daemon: LocalDaemon, scheme: str, is_dark: bool
) -> None:
    page = browser.new_page(color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{daemon.url}/docs")
    page.locator(".opblock").first.wait_for()
    listed = sum(len(methods) for methods in daemon.get("/api/v1/openapi.json").json["paths"].values())
    assert page.locator(".opblock").count() == listed
    page.locator("#operations-ingest-ingest_ingest").click()
    page.get_by_text("Idempotency-Key").first.wait_for()
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(int(part) for part in background[4:-1].split(",")) < 300) is is_dark
    assert [url for url in asked if not url.startswith((daemon.url, "data:"))] == []
    assert said == []
    page.close()


def test_the_docs_are_open_to_everybody_and_run_our_own_scripts_only(daemon: LocalDaemon) -> None:
    page = daemon.get("/docs")
    assert page.status == 200
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert daemon.get("/docs/swagger-ui-bundle.js").status == 200
    assert daemon.get("/docs/..%2f__init__.py").status == daemon.get("/docs/none.js").status == 404
