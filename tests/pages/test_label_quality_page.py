"""Label quality: what is known of each label, what isn't, and where to look."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from core.adapters.postgres.engine import Database
from core.adapters.postgres.label_quality_store import store_measures
from core.domain.quality import Basis, Measure, Statistic
from tests.builders import AnAd, store
from tests.pages.conftest import ShowPage, params_of, texts

HOSTILE = "[x](javascript:1) **20% off** :red[now]"
AD = AnAd("1", copy=HOSTILE, labels={"offer": ("gift",)})
EXAMPLE = {"content_id": AD.content_id, "excerpt": HOSTILE, "given": ["gift"], "true": ["percent_off"]}


def a_measure(**changed: Any) -> Measure:
    plain = {"dimension": "offer", "value": None, "basis": Basis.PLANTED, "set_name": "sample market (sample data)",
             "statistic": Statistic.KAPPA, "n": 120, "estimate": 0.41, "low": 0.3, "high": 0.52,
             "taxonomy_version": "v2-x", "method": "rules (local-heuristics)", "details": {}}  # fmt: skip
    return Measure(**(plain | changed))


def keep(database: Database, *measures: Measure, scope: str = "shared") -> None:
    with database.worker(scope) as connection:
        store_measures(connection, scope, measures)


def figures(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def test_nothing_measured_names_the_commands(show: ShowPage) -> None:
    page = show("label_quality")
    assert not page.exception
    assert "./adology labels measure" in texts(page)
    assert "labels golden FILE --export" in texts(page)
    assert "Not measured=" in texts(page)
    assert not figures(page)


def test_each_label_stands_beside_its_bar_with_n_and_interval(show: ShowPage, database: Database) -> None:
    people = a_measure(dimension="hook", basis=Basis.PEOPLE, set_name="ours", estimate=0.8, low=0.7, high=0.9, n=20)
    keep(database, a_measure(), people)
    page = show("label_quality", dimension="offer")
    overview = figures(page)[0]
    assert [trace["name"] for trace in overview["data"]] == ["People", "Planted truth (sample data)"]
    assert overview["data"][1]["error_x"]["arrayminus"] == [0.41 - 0.3]
    assert overview["layout"]["yaxis"]["ticktext"] == ["Hook ✓ n = 20", "Offer ▼ n = 120"]
    assert "(0.70–0.90), n = 20, few" in overview["data"][0]["customdata"][0]
    assert "Below=1" in texts(page)
    assert "against the truth planted in sample data on 120 texts" in texts(page)


def test_a_label_nobody_measured_says_so(show: ShowPage, database: Database) -> None:
    keep(database, a_measure())
    page = show("label_quality", dimension="tone")
    assert "not measured" in texts(page)
    assert "How it sounds" in texts(page) or "sounds" in texts(page).lower()
    assert len(figures(page)) == 1


def test_values_calibration_and_confusions_of_one_label(show: ShowPage, database: Database) -> None:
    bins = [{"above": 0.8, "upto": 0.9, "n": 40, "confidence": 0.9, "right": 0.5, "low": 0.35, "high": 0.65}]
    confusions = [{"true": "percent_off", "given": "unknown", "times": 7}]
    keep(
        database,
        a_measure(details={"confusions": confusions, "examples": [], "differing": 0}),
        a_measure(value="gift"),
        a_measure(value="gift", statistic=Statistic.PRECISION, estimate=0.5, n=10),
        a_measure(value="gift", statistic=Statistic.RECALL, estimate=0.25, n=33),
        a_measure(basis=Basis.CALIBRATION, statistic=Statistic.CALIBRATION_ERROR, estimate=0.4, low=None, high=None,
                  details={"against": "planted truth", "bins": bins}),
    )  # fmt: skip
    page = show("label_quality", dimension="offer")
    _, values, curve = figures(page)
    assert values["layout"]["yaxis"]["ticktext"] == ["Gift n = 33"]
    assert [trace["x"] for trace in values["data"]] == [[0.41], [0.5], [0.25]]
    assert curve["data"][1]["x"] == [0.9]
    assert curve["data"][1]["text"] == [" n = 40 "]
    assert "off by 40 %" in curve["layout"]["title"]["text"]
    assert "Percent off got no answer \\(7 times\\)" in texts(page)


def test_disagreements_lead_to_ads_and_their_text_is_data(show: ShowPage, database: Database) -> None:
    store(database, AD)
    keep(
        database,
        a_measure(details={"confusions": [], "examples": [EXAMPLE], "differing": 1}),
        a_measure(basis=Basis.RULES, statistic=Statistic.AGREEMENT, set_name="a percentage off is labelled", n=9,
                  estimate=8 / 9, details={"claim": "It doesn't say so.", "differing": 1, "examples": [EXAMPLE]}),
    )  # fmt: skip
    page = show("label_quality", dimension="offer")
    assert not page.exception
    links = page.get("page_link")
    assert [link.proto.query_string for link in links] == [f"ad={AD.ad_id}"] * 2
    assert any("Disagrees in 1 of 9 texts" in expander.label for expander in page.expander)
    said = texts(page)
    assert HOSTILE not in said
    assert "javascript" in said


def test_a_second_reading_tells_what_moved(show: ShowPage, database: Database) -> None:
    again = {"basis": Basis.REPLAY, "set_name": "random sample, seed 0", "n": 42}
    keep(
        database,
        a_measure(**again, details={"confusions": [], "examples": [EXAMPLE], "differing": 14}),
        a_measure(**again, statistic=Statistic.AGREEMENT, estimate=28 / 42),
    )
    page = show("label_quality", dimension="offer")
    assert any("67 \\% of 42 texts read alike" in expander.label for expander in page.expander)
    assert "a second run read 14 of 42 texts otherwise" in texts(page)


def test_a_rule_that_always_agrees_says_at_least_how_often(show: ShowPage, database: Database) -> None:
    details = {"claim": "x", "differing": 0, "examples": []}
    rule = {
        "basis": Basis.RULES,
        "statistic": Statistic.AGREEMENT,
        "set_name": "a price is labelled",
        "details": details,
    }
    keep(database, a_measure(**rule, n=1458, estimate=1.0, low=0.99737, high=1.0))
    assert "Agrees in all 1\\,458 texts it speaks of \\(at least 99\\.7 \\%\\)" in texts(
        show("label_quality", dimension="offer")
    )


def test_what_another_organisations_people_said_is_not_shown(show: ShowPage, database: Database) -> None:
    keep(database, a_measure(basis=Basis.PEOPLE, set_name="theirs alone"), scope="theirs")
    page = show("label_quality", dimension="offer")
    assert "theirs alone" not in texts(page)
    assert "Nothing measured yet" in texts(page)


def test_the_choice_goes_into_the_address(show: ShowPage, database: Database) -> None:
    page = show("label_quality")
    page.get("button_group")[0].set_value("theme").run()
    assert params_of(page) == {"dimension": ["theme"]}
    assert page.subheader[0].value == "Theme"
