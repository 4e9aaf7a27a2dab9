"""In a real browser, whatever an ad says stands on the page letter by letter, and does nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.e2e.conftest import StartStreamlit
from tests.hostile_texts import HOSTILE_TEXTS

# Elements a text may be made of; a marked or coloured piece is a span, a badge's ends too.
PLAIN = {"DIV", "P", "SPAN", "BR"}
# How it is shown, and the part of it that is the text alone.
CELLS = (" td:nth-child(1)", " td:nth-child(2)")
WAYS = [*((way, "") for way in ("copy", "marked", "small", "badge")), *(("table", cell) for cell in CELLS)]
READ = """element => ({
    text: element.innerText,
    tags: [...new Set([...element.querySelectorAll('*')].map(inner => inner.tagName))],
})"""


@pytest.mark.browser
def test_hostile_texts_are_shown_and_do_nothing(browser: Browser, start_streamlit: StartStreamlit) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("dialog", lambda dialog: pytest.fail(f"a text opened a dialog: {dialog.message}"))
    address = start_streamlit(Path(__file__).parent / "every_hostile_text.py")
    page.goto(address)
    page.get_by_text("all shown").wait_for()
    wrong = []
    for position, text in enumerate(HOSTILE_TEXTS):
        for way, part in WAYS:
            found: dict[str, Any] = page.locator(f".st-key-{way}_{position}{part}").evaluate(READ)
            if squeezed(found["text"]) != squeezed(text) or not set(found["tags"]) <= PLAIN:
                wrong.append((way + part, text, found))
    assert wrong == []
    assert [url for url in asked if not url.startswith((address, "data:", "blob:"))] == []


def squeezed(text: str) -> str:
    """Without white space, control characters and the joiners that keep addresses from becoming links."""
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2060\u200b]+", "", text)
