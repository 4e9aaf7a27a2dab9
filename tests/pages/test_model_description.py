"""On an ad's page: what a model wrote of it, said to be a model's, and as harmless as the ad's own words."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from app.resources import services
from core.adapters.postgres.engine import Database
from tests.builders import AnAd, store, store_description
from tests.hostile_texts import HOSTILE_TEXTS
from tests.pages.conftest import ShowPage, texts

AD = AnAd("1")
HEADING = "In a model's words"


def attributes(count: int) -> list[dict[str, str]]:
    return [{"name": f"trait_{number}", "value": f"value {number}", "read_in": "image"} for number in range(count)]


def cells(page: AppTest) -> list[str]:
    return [str(cell) for table in page.table for cell in table.value.to_numpy().flatten()]


def test_only_with_a_model_and_words_to_read_an_ad_waits_for_a_description(
    show: ShowPage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = AnAd("2", copy="")
    store(database, AD, silent)
    assert HEADING not in texts(show("creatives", ad=AD.ad_id))
    services.clear()
    for name, value in {"AI_PROVIDERS": "openai", "OPENAI_API_KEY": "k", "OPENAI_MODEL": "gpt-4.1"}.items():
        monkeypatch.setenv(f"ADOLOGY_{name}", value)
    assert "No model has described this ad yet." in texts(show("creatives", ad=AD.ad_id))
    assert HEADING not in texts(show("creatives", ad=silent.ad_id))


def test_a_description_names_its_model_and_that_it_is_not_checked(show: ShowPage, database: Database) -> None:
    store(database, AD)
    store_description(database, AD, description="A red shoe.", attributes=attributes(8))
    page = show("creatives", ad=AD.ad_id)
    said = texts(page)
    for expected in (HEADING, "A red shoe", "Written by a model", "not checked", "gpt\\-4\\.1", "1 Mar 2026"):
        assert expected in said, expected
    assert "8 attributes" not in [found.label for found in page.expander]
    assert {":gray[Trait 0]", "value 0", ":small[:gray[picture]]"} <= set(cells(page))


def test_more_than_eight_attributes_wait_behind_one_line(show: ShowPage, database: Database) -> None:
    store(database, AD)
    store_description(database, AD, attributes=attributes(9))
    (folded,) = (found for found in show("creatives", ad=AD.ad_id).expander if found.label == "9 attributes")
    assert len(folded.table[0].value) == 9


def test_a_refusal_is_said_in_a_line(show: ShowPage, database: Database) -> None:
    store(database, AD)
    store_description(database, AD, outcome="refused", description=None, reason="[no](https://evil.example)")
    said = texts(show("creatives", ad=AD.ad_id))
    assert "The model refused to describe this ad" in said
    assert "](https://" not in said


def test_no_link_or_markup_of_a_model_reaches_the_page(show: ShowPage, database: Database) -> None:
    evil = [text.replace("\0", "") for text in HOSTILE_TEXTS]
    store(database, AD)
    hostile = [{"name": text, "value": text, "read_in": "text"} for text in evil]
    made = {"method": evil[0], "model": evil[8]}
    store_description(database, AD, description="\n\n".join(evil), attributes=hostile, provenance=made, reason=evil[9])
    page = show("creatives", ad=AD.ad_id)
    found = cells(page)
    assert len(found) == 3 * len(evil)
    said = "\n".join([texts(page), *found])
    assert not re.search(r"(?<!\\)(?:<|`|\]\()", said)
    assert not re.search(r"https?://|www\.|:material_?/?delete|:smile:", said)
