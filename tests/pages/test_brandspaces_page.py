"""Brandspaces: whom we watch, what is new, what runs now."""

from __future__ import annotations

from datetime import date

import pytest
import streamlit as st
from sqlalchemy import insert, update
from streamlit.testing.v1 import AppTest

from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.curation.brandspaces import create_brandspace
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from core.queries.brandspaces import get_brandspace
from core.queries.requests import list_requests
from tests.builders import AnAd, store, store_concepts, store_request, store_scan
from tests.pages.conftest import ShowPage, params_of, sign_in_as, texts


def test_sums_and_brands_are_shown(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"), AnAd("2", last_scanned_on=date(2026, 2, 1)), AnAd("3", brand="rival"))
    store_scan(database, date(2026, 3, 1), new=2, changed=1)
    page = show("brandspaces")
    assert {"Ads stored=3", "Brands=2", "New=2", "Changed=1"} <= set(texts(page).splitlines())
    table = page.dataframe[0].value
    assert list(table["Brand"]) == ["Acme", "Rival"]
    assert list(table["Not seen"]) == [1, 0]


def test_tiles_and_table_count_concepts_when_the_address_says_so(show: ShowPage, database: Database) -> None:
    one, two, three = AnAd("1"), AnAd("2", copy="Edited."), AnAd("3", brand="rival", last_scanned_on=date(2026, 2, 1))
    store(database, one, two, three)
    store_concepts(database, (one, two), (three,))
    for brand in ("acme", "rival"):
        store_scan(database, date(2026, 3, 1), brand=brand, new=2)
    page = show("brandspaces", unit="concepts")
    assert {"Concepts stored=2", "Active=1", "New ads=4"} <= set(texts(page).splitlines())
    assert list(page.dataframe[0].value["Concepts"]) == [1, 1]
    assert list(page.dataframe[0].value["Active"]) == [1, 0]
    page.segmented_control(key="unit_switch").set_value("ads").run()
    assert "Ads stored=3" in texts(page).splitlines()
    assert "unit" not in params_of(page)


def test_sample_data_says_that_it_is(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", channel="sample"))
    store_scan(database, date(2026, 3, 1), channel="sample", new=1)
    page = show("brandspaces")
    assert "sample data" in texts(page)
    assert list(page.dataframe[0].value["Source"]) == ["Sample data"]


def test_real_data_is_not_called_sample(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    store_scan(database, date(2026, 3, 1), new=1)
    assert "sample" not in texts(show("brandspaces")).lower()


def test_a_first_scan_is_not_sold_as_news(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    store_scan(database, date(2026, 3, 1), new=1)
    assert "there every ad counts as new" in texts(show("brandspaces"))


def test_the_strip_shows_what_the_newest_scan_brought(show: ShowPage, database: Database) -> None:
    old = AnAd("1", sha256="a" * 64)
    store(database, old)
    store_scan(database, date(2026, 3, 1), new=1, shows=[old])
    assert "First seen 1 Mar 2026" in texts(show("brandspaces"))
    plain = AnAd("2", media_status="none_declared")
    store(database, plain)
    store_scan(database, date(2026, 3, 9), new=1, seen_again=1, shows=[old, plain])
    st.cache_data.clear()
    page = show("brandspaces")
    assert "First seen" not in texts(page)
    assert "The new ad has no picture." in texts(page)


def test_a_brandspace_shows_its_own_brands(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"), AnAd("2", brand="rival"))
    made = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", competitors=["rival"])
    page = show("brandspaces", brandspace=made.brandspace_id)
    assert list(page.dataframe[0].value["Brand"]) == ["Rival"]


def test_a_brandspace_remembered_from_another_page_is_in_the_address(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    made = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", competitors=["acme"])
    page = show("creatives", brandspace=made.brandspace_id)
    page.query_params.clear()
    page.run()
    assert params_of(page)["brandspace"] == [made.brandspace_id]


def test_choosing_a_brandspace_puts_it_into_the_address(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    made = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", competitors=["acme"])
    page = show("brandspaces")
    page.selectbox(key="choose_brandspace").set_value(made.brandspace_id).run()
    assert params_of(page)["brandspace"] == [made.brandspace_id]


def test_a_running_request_is_followed(show: ShowPage, database: Database) -> None:
    store_request(database, "r1", organisation_id="local")
    with database.machinery() as connection:
        progress = {"items": 40, "items_finished": 10, "brands": 1, "brands_read": 0}
        values = {"status": "processing", "params": {"name": "[evil](x)"}, "progress": progress}
        connection.execute(update(schema.request).values(**values))
    page = show("brandspaces")
    assert "Running now" in texts(page)
    [bar] = page.progress
    assert bar.value == 12
    assert bar.text.startswith("Import \\[evil\\]\\(x\\) · Fetching: 10 of 40 files")


def test_a_finished_request_is_not_running(show: ShowPage, database: Database) -> None:
    store_request(database, "r1", organisation_id="local")
    assert "Running now" not in texts(show("brandspaces"))


def button(page: AppTest, label: str) -> AppTest:
    return next(found for found in page.button if found.label == label)


def test_a_new_brandspace_is_made_and_opened(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"), AnAd("2", brand="rival"))
    page = show("brandspaces")
    page.text_input(key="name_new").set_value("Shoes")
    page.multiselect(key="competitors_new").set_value(["rival"])
    button(page, "Create").click().run()
    assert not page.exception
    assert list(page.dataframe[0].value["Brand"]) == ["Rival"]
    assert list(page.dataframe[0].value["Role"]) == ["Competitor"]


def test_a_brandspace_is_edited_in_place(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"), AnAd("2", brand="rival"))
    made = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", competitors=["rival"])
    page = show("brandspaces", brandspace=made.brandspace_id)
    page.text_input(key=f"name_{made.brandspace_id}").set_value("Theirs")
    page.multiselect(key=f"followed_{made.brandspace_id}").set_value(["acme"])
    button(page, "Save").click().run()
    after = get_brandspace(database, LOCAL_PRINCIPAL, made.brandspace_id)
    assert (after.name, after.competitors, after.followed) == ("Theirs", ("rival",), ("acme",))


def test_an_archived_brandspace_leaves_the_list_and_comes_back(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    made = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", competitors=["acme"])
    page = show("brandspaces", brandspace=made.brandspace_id)
    button(page, "Archive").click().run()
    assert page.selectbox(key="choose_brandspace").options == ["All brands"]
    button(page, "Restore").click().run()
    assert page.selectbox(key="choose_brandspace").options == ["All brands", "Ours"]


def test_a_new_visit_begins_in_the_brandspace_of_the_last(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"), AnAd("2", brand="rival"))
    made = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", competitors=["rival"])
    show("brandspaces").selectbox(key="choose_brandspace").set_value(made.brandspace_id).run()
    assert list(show("brandspaces").dataframe[0].value["Brand"]) == ["Rival"]


def test_how_far_the_reading_of_covers_is_stands_there_until_it_is_through(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", sha256="a" * 64), AnAd("2", sha256="b" * 64), AnAd("3", copy="No picture"))
    read = {"scope": "shared", "sha256": "a" * 64, "status": "no_text"}
    with database.worker("shared") as connection:
        connection.execute(insert(schema.image_reading).values(read))
    assert "1 of 2 ads" in show("brandspaces").get("progress")[0].proto.text
    with database.worker("shared") as connection:
        connection.execute(insert(schema.image_reading).values(read | {"sha256": "b" * 64}))
    st.cache_data.clear()
    assert not show("brandspaces").get("progress")


def test_a_tracked_brand_is_analysed_on_demand(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    page = show("brandspaces")
    assert list(page.dataframe[0].value["Reading"]) == ["Tracked"]
    button(page, "Analyse now").click().run()
    [request] = list_requests(database, LOCAL_PRINCIPAL).items
    assert (request.kind, request.params["brand"]) == ("analyse", "acme")


def test_a_viewer_sees_no_button_that_would_refuse(
    show: ShowPage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(database, AnAd("1"))
    sign_in_as(monkeypatch, Principal("local", Role.VIEWER))
    labels = {found.label for found in show("brandspaces").button}
    assert labels.isdisjoint({"Create", "Save", "Archive", "Analyse now"})
