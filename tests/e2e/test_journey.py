"""From an import to a chart, as a person goes: the command line, then every page in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Request, expect

from tests.e2e.chromium import sign_in
from tests.e2e.hostile_import import ADS, BIKES, BREWS, HOSTILE, HOSTILE_COPY, write_hostile_import
from tests.running_up import RunningUp

PATIENCE_SECONDS = 60
JOINER = "\u2060"  # keeps an address from becoming a link
LOOPBACK = {"127.0.0.1", "localhost"}
pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


class Watched:
    """A page and whatever it did that no page of ours may do."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.on("request", self._request)
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._fault(str(error)))
        page.on("dialog", lambda dialog: self._fault(f"a dialog: {dialog.message}"))

    def check(self) -> None:
        """What holds of every page, once it is drawn."""
        page = self.page
        expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.get_by_test_id("stException")).to_have_count(0)
        expect(page.locator(".st-key-error_notice")).to_have_count(0)
        assert page.evaluate("() => window.__xss") is None
        assert page.locator("a[href*='evil.example'], img[src*='evil.example'], img[src='x']").count() == 0
        assert self.faults == []

    def _said(self, message: ConsoleMessage) -> None:
        # On a deep link Streamlit asks under the page's own path, too, where it is served, and gets a 404.
        if message.type == "error" and "/_stcore/" not in message.location["url"]:
            self._fault(f"{message.text} {message.location['url']}")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in {"data", "blob"} and url.hostname not in LOOPBACK:
            self._fault(f"asked {url.geturl()}")

    def _fault(self, what: str) -> None:
        self.faults.append(what)


@pytest.fixture
def watched(browser: Browser) -> Watched:
    """A fresh browser window."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(1000 * PATIENCE_SECONDS)
    expect.set_options(timeout=1000 * PATIENCE_SECONDS)
    return Watched(page)


def test_the_journey_from_import_to_chart(running: RunningUp, watched: Watched, tmp_path: Path) -> None:
    said = running.command("import", str(write_hostile_import(tmp_path / "autumn")), "--wait")
    assert "rows 41 = stored 40 + rejected 1" in said
    assert "blocked 1, ok 38, removed 1" in said
    sign_in(watched.page, running.sign_in_link())
    for visit in (the_brandspace, the_gallery, the_ad, the_comparison, the_operations):
        visit(watched.page)
        watched.check()


def the_brandspace(page: Page) -> None:
    """It is named after the folder and counts what came."""
    choose(page, "Brandspace", "autumn")
    expect(page).to_have_url(re.compile(r"brandspace="))
    expect(metric(page, "Brands")).to_have_text("3")
    expect(metric(page, "Ads stored")).to_have_text("40")
    expect(page.get_by_text("Includes sample data")).to_have_count(0)


def the_gallery(page: Page) -> None:
    """Pictures and copy; a filter is in the address and outlives a reload."""
    go_to(page, "Creatives")
    expect(page.get_by_text("40 ads", exact=True)).to_be_visible()
    expect(cards(page).filter(has_text="Hook").first).to_be_visible()
    expect_drawn(page.get_by_role("img", name=f"Creative of {BREWS}").first)

    choose(page, "Brands", f"{BIKES} ({ADS[BIKES]})")
    expect_only(page, BIKES)
    page.reload()
    expect_only(page, BIKES)


def the_ad(page: Page) -> None:
    """A hostile ad: its copy letter by letter, its labels, the words they rest on."""
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_text("40 ads", exact=True)).to_be_visible()
    page.get_by_label("Words in the copy").fill("click me")
    page.keyboard.press("Enter")
    expect(cards(page)).to_have_count(4)
    expect(cards(page).filter(has_text="click me")).to_have_count(4)
    cards(page).first.get_by_role("button", name="Details").click()
    expect(page.get_by_text("Id in the library")).to_be_visible()
    shown = page.get_by_test_id("stMain").inner_text().replace(JOINER, "")
    assert HOSTILE in shown
    assert HOSTILE_COPY in shown
    row = page.get_by_test_id("stHorizontalBlock").filter(has=page.get_by_text("Offer", exact=True)).last
    expect(row).to_contain_text("Percent off")
    expect(row).to_contain_text("“20% off”")
    row.get_by_test_id("stPopoverButton").first.click()
    expect(page.get_by_text("as the method states it")).to_be_visible()
    expect(page.get_by_text("Taxonomy")).to_be_visible()


def the_comparison(page: Page) -> None:
    """A matrix of every brand, each with how many concepts it rests on."""
    go_to(page, "Compare")
    charts = page.locator(".js-plotly-plot").filter(has=page.locator("svg text", has_text="n = "))
    expect(charts.first).to_be_visible()
    heads = charts.first.locator("svg text", has_text="n = ")
    expect(heads).to_have_count(len(ADS))
    counted = [int(found) for found in re.findall(r"n = (\d+)", " ".join(heads.all_text_contents()))]
    assert all(0 < one <= ads for one, ads in zip(sorted(counted), sorted(ADS.values()), strict=True)), counted
    for brand in (BIKES, BREWS):
        expect(heads.filter(has_text=brand)).to_have_count(1)


def the_operations(page: Page) -> None:
    """The runs of the import, and nobody's dead letters."""
    go_to(page, "Operations")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    expect(page.get_by_text("No run yet")).to_have_count(0)
    cells = page.locator("canvas [role=gridcell]")  # the table is a drawing; readers of screens find its text within
    expect(cells.filter(has_text="harbour-brews")).to_have_count(1)
    expect(cells.filter(has_text="Committed")).to_have_count(3)
    expect(page.get_by_text("None: no message has crashed its worker.")).to_be_visible()


# --- reading and using a page ---------------------------------------------------------------------------


def go_to(page: Page, name: str) -> None:
    page.get_by_test_id("stTopNavLink").filter(has_text=name).click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()


def choose(page: Page, label: str, option: str) -> None:
    """One option of a select box or multiselect."""
    page.get_by_role("combobox", name=label, exact=True).click()
    page.get_by_role("option", name=option).click()


def metric(page: Page, label: str) -> Locator:
    shown = page.get_by_test_id("stMetric").filter(has=page.get_by_text(label, exact=True))
    return shown.get_by_test_id("stMetricValue")


def expect_only(page: Page, brand: str) -> None:
    """The brand is in the address, and its ads alone are in the gallery."""
    expect(page).to_have_url(re.compile(r"[?&]brandspace=.*&brands="))
    expect(page.get_by_text(f"{ADS[brand]} ads", exact=True)).to_be_visible()
    expect(cards(page)).to_have_count(ADS[brand])
    expect(cards(page).filter(has_text=brand)).to_have_count(ADS[brand])


def cards(page: Page) -> Locator:
    return page.locator("[class*='st-key-card_']")


def expect_drawn(image: Locator) -> None:
    """The picture came and is one."""
    expect(image).to_be_visible()
    assert image.evaluate("async image => { await image.decode(); return image.naturalWidth }") > 0
