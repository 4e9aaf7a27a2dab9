"""What holds for every page: short, calm when there is nothing, calm when there is no database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.components import comparison
from app.formatting import words
from tests.pages.conftest import PAGE_SECONDS, ROOT, ShowPage, texts

PAGES = sorted(path.stem for path in (ROOT / "pages").glob("*.py"))
DATA_PAGES = ["brandspaces", "compare", "creatives"]
PAGE_LINES = 50


def test_the_entry_opens_every_page_from_its_menu(show: ShowPage) -> None:
    entry = AppTest.from_file(str(ROOT / "app" / "workbench.py"), default_timeout=PAGE_SECONDS).run()
    titles = [entry.title[0].value]
    for name in PAGES:
        titles.append(entry.switch_page(f"../pages/{name}.py").run().title[0].value)
    assert titles == ["Brandspaces", *(words(name) for name in PAGES)]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_a_short_script(name: str) -> None:
    assert len((ROOT / "pages" / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= PAGE_LINES


def test_nothing_in_the_workbench_allows_html_but_its_own_style_sheets() -> None:
    sources = [path for folder in ("app", "pages") for path in (ROOT / folder).rglob("*.py")]
    assert [path for path in sources if "unsafe_allow" in path.read_text(encoding="utf-8") or _uses_html(path)] == []


def _uses_html(path: Path) -> bool:
    source = path.read_text(encoding="utf-8")
    if path == ROOT / "app" / "workbench.py":
        source = re.sub(r'st\.html\(_ASSETS / "[a-z]+\.css"\)', "", source)
    return any(call in source for call in ("st.html(", "components.v1", "st.iframe(", "components.html"))


def test_every_width_of_a_chart_is_in_the_style_sheet() -> None:
    styled = (ROOT / "app" / "assets" / "style.css").read_text(encoding="utf-8")
    assert [width for width in comparison._WIDTHS if f"wide{width}_" not in styled] == []


@pytest.mark.parametrize("name", DATA_PAGES)
def test_without_ads_a_page_says_how_to_import(show: ShowPage, name: str) -> None:
    page = show(name)
    assert not page.exception
    assert "./adology import PATH" in texts(page)


@pytest.mark.parametrize("name", PAGES)
def test_without_a_database_a_page_says_so_and_offers_another_try(show_without_database: ShowPage, name: str) -> None:
    page = show_without_database(name)
    assert not page.exception
    assert "A store doesn't answer" in texts(page)
    assert "Try again" in {button.label for button in page.button}
    assert "Traceback" not in texts(page)


@pytest.mark.parametrize("name", PAGES)
def test_without_an_address_a_page_says_how_to_start(
    name: str, show_without_database: ShowPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for role in ("APP", "WORKER", "OPERATOR"):
        monkeypatch.delenv(f"ADOLOGY_DATABASE_{role}_URL")
    page = show_without_database(name)
    assert not page.exception
    assert "make up" in texts(page)
