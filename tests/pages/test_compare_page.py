"""Compare: shares with n, differences only where they are shown, whitespace, what the charts cover, freezing."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import streamlit as st
from streamlit.testing.v1 import AppTest

from core.adapters.postgres.engine import Database
from core.curation.brandspaces import create_brandspace
from core.domain.principal import LOCAL_PRINCIPAL
from tests.builders import DAY, AnAd, store, store_scan
from tests.pages.conftest import ShowPage, params_of, texts

LATER = DAY + timedelta(days=7)


def figures(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def cells(page: AppTest) -> dict[tuple[str, str], str]:
    """(brand, value) → what is written in the matrix."""
    written = figures(page)[0]["data"][1]
    return {(key[0], key[1]): text for key, text in zip(written["customdata"], written["text"], strict=True)}


def told(brand: str, hook: str, many: int, **more: Any) -> list[AnAd]:
    return [
        AnAd(f"{brand} {hook} {n}", brand, copy=f"{brand} {hook} {n}", labels={"hook": (hook,)}, **more)
        for n in range(many)
    ]


def test_every_brand_shows_its_share_and_n_and_the_focal_one_comes_first(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3), *told("acme", "question", 1), *told("rival", "unknown", 1))
    page = show("compare", focal="rival")
    assert (cells(page)["acme", "story"], cells(page)["acme", "question"]) == ("75 %", "25 %")
    assert (cells(page)["rival", "unknown"], cells(page)["rival", "story"]) == ("100 %", "0 %")
    heads = figures(page)[0]["layout"]["xaxis"]["ticktext"]
    assert heads == ["<b>Rival</b><br>n = 1, focal<br>too few", "Acme<br>n = 4, too few"]


def test_a_difference_that_is_shown_has_a_mark_and_is_said(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 40), *told("acme", "question", 10))
    store(database, *told("rival", "question", 38), *told("rival", "story", 12))
    page = show("compare", focal="acme")
    assert (cells(page)["rival", "question"], cells(page)["rival", "story"]) == ("76 % ▲", "24 % ▼")
    assert cells(page)["acme", "story"] == "80 %"
    assert "Against Acme: 2 differences shown among" in texts(page)
    assert "Rival: Story ▼ 24 % against 80 % (−56 points" in texts(page)


def test_brands_alike_are_said_to_show_no_difference(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 30), *told("rival", "story", 30))
    page = show("compare", focal="acme")
    assert "No difference shown in any of" in texts(page)
    assert not any(mark in text for mark in "▲▼" for text in cells(page).values())


def test_values_that_nobody_uses_are_rows(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3), *told("rival", "story", 3))
    rows = figures(show("compare"))[0]["layout"]["yaxis"]["ticktext"]
    assert rows[0] == "Story"
    assert any(row.startswith("Testimonial") and "nobody" in row for row in rows)


def test_small_samples_and_coverage_are_said(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="x", labels={"hook": ("story",)}), AnAd("2", copy="y"))
    page = show("compare")
    assert "1 brand has under 20 read" in texts(page)
    assert page.progress[0].text == (
        "Coverage: 2 concepts stored = 1 labelled + 0 without text + 1 waiting (50 % labelled)"
    )
    assert "Commercial ads carry no spend and no impressions" in texts(page)


def test_ads_without_text_wait_for_nothing(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", labels={"hook": ("story",)}), AnAd("2", copy=""), AnAd("3", brand="rival", copy=""))
    page = show("compare", unit="ads")
    assert "3 ads stored = 1 labelled + 2 without text + 0 waiting" in page.progress[0].text
    assert "2 ads with nothing to read" in texts(page)
    assert "isn't finished" not in texts(page)


def test_nothing_labelled_and_nothing_to_label_are_said(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    assert "No labels yet" in texts(show("compare"))


def test_brands_without_any_text_have_nothing_to_compare(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy=""))
    assert "Nothing to read" in texts(show("compare"))


def test_format_is_compared_without_being_read(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", format="video"), AnAd("2", copy="Other", format="image"))
    page = show("compare", dimension="format")
    assert (cells(page)["acme", "video"], cells(page)["acme", "image"]) == ("50 %", "50 %")


def test_launches_say_what_they_are_dated_by(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", run_start=date(2026, 1, 5)), AnAd("2"))
    page = show("compare", tab="launches", unit="ads")
    launches = figures(page)[-1]
    assert launches["data"][0]["y"] == [1, 0, 1]
    assert "Acme · n = 2" in launches["layout"]["annotations"][0]["text"]
    assert "first run date where the source says it" in texts(page)


def test_choices_go_into_the_address(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3), *told("rival", "story", 3))
    page = show("compare")
    page.multiselect(key="compare_brands").set_value(["rival"]).run()
    page.selectbox(key="compare_dimension").set_value("tone").run()
    page.segmented_control(key="compare_unit").set_value("ads").run()
    page.selectbox(key="compare_focal").set_value("none").run()
    page.segmented_control(key="compare_tab").set_value("launches").run()
    expected = {"brands": ["rival"], "dimension": ["tone"], "unit": ["ads"], "focal": ["none"], "tab": ["launches"]}
    assert params_of(page) == expected


def test_the_brandspaces_own_brand_is_the_one_compared_with(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 5), *told("rival", "story", 3))
    space = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", primary="rival", competitors=["acme"])
    page = show("compare", brandspace=space.brandspace_id)
    assert page.selectbox(key="compare_focal").value == "rival"


def test_ten_brands_at_most_are_shown(show: ShowPage, database: Database) -> None:
    store(database, *(AnAd(str(n), brand=f"brand-{n:02}", copy=str(n), labels={"hook": ("story",)}) for n in range(12)))
    page = show("compare", view="dots")
    assert len(page.multiselect(key="compare_brands").value) == 10
    dots = figures(page)[0]["data"]
    assert len(dots) == 10
    assert all(trace["error_x"]["array"] for trace in dots)


def test_curves_are_drawn_once_something_has_ended_and_called_a_proxy(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3, last_scanned_on=LATER, last_seen=LATER))
    store_scan(database, LATER)
    assert "Nothing has ended yet" in texts(show("compare", tab="longevity"))
    store(database, *told("acme", "question", 3, last_scanned_on=DAY))
    assert "scanned on one day only" in texts(show("compare", tab="longevity", unit="ads"))
    store_scan(database, DAY)
    st.cache_data.clear()
    page = show("compare", tab="longevity", unit="ads")
    assert "proxy" in figures(page)[0]["layout"]["xaxis"]["title"]["text"]
    assert page.dataframe[0].value["No longer seen"].tolist() == [3]


def test_two_scans_tell_what_came_and_went(show: ShowPage, database: Database) -> None:
    gone, new = told("acme", "story", 1), told("acme", "question", 1)
    store(database, *gone, *new)
    store_scan(database, DAY, shows=gone)
    assert "One scan only" in texts(show("compare", tab="changes"))
    store_scan(database, LATER, shows=new)
    page = show("compare", tab="changes", unit="ads")
    assert page.dataframe[0].value[["New", "Continuing", "No longer seen"]].values.tolist() == [[1, 0, 1]]
    assert "Too few ads came and went" in texts(page)


def test_share_of_voice_says_of_what(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3), *told("rival", "story", 1))
    bars = figures(show("compare", tab="voice"))[0]
    assert bars["data"][0]["text"] == ["75 % · 3", "25 % · 1"]
    assert "percent of all 4 concepts stored" in bars["layout"]["xaxis"]["title"]["text"]


def test_a_frozen_comparison_stays_and_says_what_changed_since(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 25), *told("rival", "story", 25))
    page = show("compare", focal="acme")
    page.text_input(key="freeze_name").set_value("Before *all*").run()
    page.button(key="freeze").click().run()
    (frozen_id,) = params_of(page)["frozen"]
    before = cells(page)

    store(database, *told("rival", "question", 75))
    st.cache_data.clear()  # some seconds later
    page = show("compare", frozen=frozen_id)
    assert cells(page) == before
    assert "Frozen: Before \\*all\\*" in page.info[0].value
    assert "n \\= 25 → 100" in page.info[0].value
    assert cells(show("compare", focal="acme")) != before


def test_while_too_much_waits_a_warning_stands_before_the_headline_and_no_difference_is_named(
    show: ShowPage, database: Database
) -> None:
    store(database, *told("acme", "story", 30), *told("rival", "question", 30))
    store(database, *(AnAd(f"unread {n}", "rival", copy=f"unread {n}") for n in range(10)))
    page = show("compare", focal="acme")
    before_freezing, waits = (warning.value for warning in page.warning)
    assert waits.startswith("10 of 70 concepts (14 %) wait to be read.")
    assert "10 of 70 concepts not read yet" in before_freezing
    assert "isn't told yet" in texts(page)
    assert not any(mark in text for mark in "▲▼" for text in cells(page).values())


def test_while_covers_are_unread_concepts_may_still_come_together(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3, sha256="a" * 64), *told("rival", "story", 3))
    page = show("compare")
    assert "0 of 3 ads' covers read. Until then concepts may still come together." in page.progress[0].text
    assert "covers of 3 ads not read yet, so concepts may still come together" in page.warning[0].value  # before Freeze
    page = show("compare", unit="ads")
    assert (len(page.progress), len(page.warning)) == (0, 0)


def test_what_the_address_asks_for_and_is_not_there_is_said(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3), *told("rival", "story", 3))
    said = [warning.value for warning in show("compare", dimension="nodim", focal="nosuch").warning]
    assert "There is nothing called nodim to compare by" in said[0]
    assert "nosuch isn't among the brands compared" in said[1]
    page = show("compare", focal="rival", dimension="tone")
    assert not page.warning
    page.multiselect(key="compare_brands").set_value(["acme"]).run()
    assert not page.warning


def test_a_section_offers_no_choice_that_it_does_not_use(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3), *told("rival", "story", 3))
    offered = {
        tab: [box.label for box in show("compare", tab=tab).selectbox if box.label.startswith("Compare")]
        for tab in ("mix", "launches", "longevity", "voice", "changes")
    }
    assert offered.pop("mix") == ["Compare by", "Compared with"]
    assert offered.pop("changes") == ["Compare by"]
    assert not any(offered.values())


def test_what_only_a_model_reads_says_that_none_is_configured(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 3))
    assert "Only a model reads this, in the pictures; none is configured here." in texts(
        show("compare", dimension="visual_format")
    )


def test_more_findings_than_three_wait_behind_a_click(show: ShowPage, database: Database) -> None:
    store(database, *told("acme", "story", 40), *told("acme", "how_to", 40))
    store(database, *told("rival", "question", 40), *told("rival", "statistic", 40))
    page = show("compare", focal="acme")
    lists = [one.value.count("- Rival: ") for one in page.markdown if "- Rival: " in one.value]
    assert lists == [3, 1]
    assert "Hook: read in the ad's words alone" in texts(page)
