"""``make screenshots``: every page, light and dark, wide and narrow, into ``screenshots/``.

Of the system at ``ADOLOGY_WORKBENCH_PORT`` where one answers there, else of one started with the sample market.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3
from playwright.sync_api import Browser, Locator, Page, StorageState, expect, sync_playwright

from core.settings import load_settings
from tests.e2e.chromium import launch_chromium, sign_in
from tests.running_up import ADOLOGY, RunningUp, link_in

FOLDER = Path(__file__).parents[2] / "screenshots"
PAGES = {
    "brandspaces": "",
    "creatives": "creatives",
    "ad": "creatives",
    "compare": "compare",
    "label_quality": "label_quality",
    "operations": "operations",
}
LIGHTS = ("light", "dark")
WIDTHS = {"wide": 1400, "narrow": 420}
HEIGHT = 900
PATIENCE = 120_000  # ms
FILLING = 600_000  # ms
_MOST_HEIGHT = 4_000  # pixels of a picture; a browser's window for a longer page gets slow


def main() -> None:
    """Take them all."""
    expect.set_options(timeout=PATIENCE)
    FOLDER.mkdir(exist_ok=True)
    with workbench() as (address, link), sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        cookies = cookies_of(browser, link)
        wait_for_ads(browser, address, cookies)
        for light in LIGHTS:
            for name, width in WIDTHS.items():
                take(browser, address, cookies, light=light, name=name, width=width)
        browser.close()


@contextmanager
def workbench() -> Iterator[tuple[str, str]]:
    """The address of a workbench that has ads, and a link that signs in to it."""
    address = f"http://127.0.0.1:{load_settings().workbench_port}"
    if answers(address):
        yield address, link_in(subprocess.run([*ADOLOGY, "login"], capture_output=True, text=True, check=True).stdout)
        return
    with tempfile.TemporaryDirectory(prefix="adology-screenshots-") as home:
        running = RunningUp(Path(home), ADOLOGY_SAMPLE_MARKET="true", ADOLOGY_SAMPLE_ADS="1000")
        try:
            running.wait_until_up()
            yield running.address("workbench"), running.sign_in_link()
        finally:
            running.end(signal.SIGINT)


def answers(address: str) -> bool:
    """Whether a workbench is there."""
    try:
        return urllib3.request("GET", f"{address}/_stcore/health", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def cookies_of(browser: Browser, link: str) -> StorageState:
    """What a browser holds that has signed in."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    sign_in(page, link)
    state = page.context.storage_state()
    page.close()
    return state


def wait_for_ads(browser: Browser, address: str, cookies: StorageState) -> None:
    """The sample market fills while the pages are open already."""
    page = browser.new_page(storage_state=cookies)
    page.goto(address)
    expect(page.get_by_text("Ads stored")).to_be_visible()
    expect(page.get_by_text("Running now")).to_have_count(0, timeout=FILLING)
    page.close()


def take(browser: Browser, address: str, cookies: StorageState, *, light: str, name: str, width: int) -> None:
    """The pages in one light and width."""
    scheme = "dark" if light == "dark" else "light"
    page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": HEIGHT}, storage_state=cookies)
    page.set_default_timeout(PATIENCE)
    page.goto(f"{address}/sign-in?token=shown")
    page.screenshot(path=FOLDER / f"sign-in-{light}-{name}.png")
    for shown in PAGES:
        open_page(page, address, shown)
        path = FOLDER / f"{shown}-{light}-{name}.png"
        page.set_viewport_size({"width": width, "height": whole_height(page)})
        settle(page)
        page.screenshot(path=path)
        page.set_viewport_size({"width": width, "height": HEIGHT})
        sys.stdout.write(f"{path.relative_to(FOLDER.parent)}\n")
    page.close()


def open_page(page: Page, address: str, name: str) -> None:
    """A page, drawn to its end; ``ad`` is the first ad of the gallery."""
    page.goto(f"{address}/{PAGES[name]}")
    settle(page)
    if name == "ad":
        page.get_by_role("button", name="Details").first.click()
        expect(page.get_by_text("Id in the library")).to_be_visible()
        page.mouse.move(0, 0)
    elif name == "compare":
        expect(charts(page).first).to_be_visible()


def charts(page: Page) -> Locator:
    """What Plotly has drawn."""
    return page.locator(".js-plotly-plot").filter(has=page.locator("svg.main-svg text", has_text="n = "))


def settle(page: Page) -> None:
    """Wait until the script has run and every picture is there."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_function("() => [...document.images].every(image => image.complete)")


def whole_height(page: Page) -> int:
    """Of what the page has to show, in pixels: Streamlit scrolls a part of the window."""
    height: int = page.get_by_test_id("stMain").evaluate("main => main.scrollHeight")
    header: int = page.get_by_test_id("stMain").evaluate("main => Math.round(main.getBoundingClientRect().top)")
    return max(HEIGHT, min(height + header, _MOST_HEIGHT))


if __name__ == "__main__":
    main()
