"""Compare: shares of each brand's own ads with n, launches, and what the charts cover."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from streamlit.testing.v1 import AppTest

from core.adapters.postgres.engine import Database
from tests.builders import AnAd, store
from tests.pages.conftest import ShowPage, params_of, texts


def figures(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def test_every_brand_shows_its_share_and_n(show: ShowPage, database: Database) -> None:
    ads = [AnAd(f"a{n}", copy=f"a{n}", labels={"hook": ("story" if n else "question",)}) for n in range(4)]
    store(database, *ads, AnAd("b", brand="rival", labels={"hook": ("unknown",)}))
    page = show("compare")
    mix = figures(page)[0]
    assert [trace["name"] for trace in mix["data"]] == ["Acme (n = 4)", "Rival (n = 1)"]
    assert mix["layout"]["yaxis"]["ticktext"] == ["Story", "Question", "Unknown"]
    assert mix["data"][0]["x"] == [75.0, 25.0, 0.0]
    assert mix["data"][1]["x"] == [0.0, 0.0, 100.0]


def test_small_samples_and_coverage_are_said(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="x", labels={"hook": ("story",)}), AnAd("2", copy="y"))
    page = show("compare")
    assert "1 brand has under 30 ads labelled" in texts(page)
    assert page.progress[0].text == "Coverage: 2 ads stored = 1 labelled + 0 without text + 1 waiting (50 % labelled)"


def test_ads_without_text_wait_for_nothing(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", labels={"hook": ("story",)}), AnAd("2", copy=""), AnAd("3", brand="rival", copy=""))
    page = show("compare")
    assert "= 1 labelled + 2 without text + 0 waiting" in page.progress[0].text
    assert "2 ads without text to label" in texts(page)
    assert "waits" not in texts(page)
    assert "isn't finished" not in texts(page)


def test_brands_without_any_text_have_nothing_to_compare(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy=""))
    assert "No text to label" in texts(show("compare"))


def test_brands_that_wait_to_be_read_are_counted(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", labels={"hook": ("story",)}), AnAd("2", brand="rival", copy="Unread"))
    assert "1 brand waits to be labelled" in texts(show("compare"))


def test_nothing_labelled_is_said(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    assert "No labels yet" in texts(show("compare"))


def test_format_is_compared_without_being_read(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", format="video"), AnAd("2", format="image"))
    page = show("compare", dimension="format")
    assert figures(page)[0]["data"][0]["x"] == [50.0, 50.0, 0.0]


def test_launches_say_what_they_are_dated_by(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", run_start=date(2026, 1, 5)), AnAd("2"))
    page = show("compare")
    launches = figures(page)[-1]
    assert launches["data"][0]["y"] == [1, 0, 1]
    assert "Acme · n = 2" in launches["layout"]["annotations"][0]["text"]
    assert "first run date where the source says it \\(1 ads\\)\\, else by first seen \\(1\\)" in texts(page)


def test_choices_go_into_the_address(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", labels={"tone": ("calm",)}), AnAd("2", brand="rival", labels={"tone": ("calm",)}))
    page = show("compare")
    page.multiselect(key="compare_brands").set_value(["rival"]).run()
    page.segmented_control(key="compare_dimension").set_value("tone").run()
    page.segmented_control(key="compare_view").set_value("heatmap").run()
    assert params_of(page) == {"brands": ["rival"], "dimension": ["tone"], "view": ["heatmap"]}
    assert figures(page)[0]["data"][0]["type"] == "heatmap"
    assert figures(page)[0]["data"][0]["x"] == ["Rival<br>n = 1"]


def test_ten_brands_at_most_are_shown_and_as_dots_with_intervals_first(show: ShowPage, database: Database) -> None:
    store(database, *(AnAd(str(n), brand=f"brand-{n:02}", labels={"hook": ("story",)}) for n in range(12)))
    page = show("compare")
    assert len(page.multiselect(key="compare_brands").value) == 10
    dots = figures(page)[0]["data"]
    assert len(dots) == 10
    assert all(trace["error_x"]["array"] for trace in dots)
