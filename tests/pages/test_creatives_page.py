"""Creatives: a gallery whose filters live in the address, and each ad with the words its labels rest on."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.adapters.postgres.engine import Database
from core.ai.taxonomy import load_taxonomy
from core.curation.brandspaces import create_brandspace
from core.curation.labels import correct_label
from core.domain.principal import LOCAL_ORGANISATION, LOCAL_PRINCIPAL, Principal, Role
from core.queries.ads import list_ads
from core.queries.filters import AdFilters
from core.queries.requests import list_requests
from tests.builders import DAY, AnAd, store, store_concepts
from tests.hostile_texts import HOSTILE_TEXTS
from tests.pages.conftest import ShowPage, params_of, sign_in_as, texts

MANY = 30


def test_a_card_says_what_the_ad_says_and_where_it_comes_from(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="Half price today", channel="sample", labels={"hook": ("urgency",)}))
    said = texts(show("creatives"))
    for expected in ("Half price today", "**Acme**", "Sample data", "Hook: urgency", "seen over 1 day", "Active"):
        assert expected.replace(":", "\\:\u2060") in said or expected in said, expected


def test_an_ad_without_a_creative_says_why(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", media_status="expired_url"))
    assert "Link expired" in texts(show("creatives"))


def test_an_ad_that_was_not_read_says_so(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    assert "Not labelled yet" in texts(show("creatives"))


def test_an_ad_without_text_never_waits_for_labels(show: ShowPage, database: Database) -> None:
    ad = AnAd("1", copy="")
    store(database, ad)
    for said in (texts(show("creatives")), texts(show("creatives", ad=ad.ad_id))):
        assert "No text to label" in said
        assert "wait" not in said
        assert "Not labelled yet" not in said


def test_the_columns_of_the_source_are_shown_and_escaped(show: ShowPage, database: Database) -> None:
    ad = AnAd("1", attributes={"marketing_approach": "[sale](https://x)", "features": ["<b>", "Calm"], "is_new": True})
    store(database, ad)
    said = texts(show("creatives", ad=ad.ad_id))
    assert "From the source" in said
    for expected in ("Marketing approach", "\\[sale\\]", "\\<b\\>\\, Calm", "Is new]]  \nyes"):
        assert expected in said, expected


@pytest.mark.parametrize("name", ["creatives", "compare"])
def test_a_brandspace_chosen_on_another_page_is_in_the_address(show: ShowPage, database: Database, name: str) -> None:
    store(database, AnAd("1", copy="alpha"), AnAd("2", brand="rival", copy="beta"))
    made = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", competitors=["rival"])
    page = show(name, brandspace=made.brandspace_id)
    page.query_params.clear()  # what a click in the sidebar does
    page.run()
    fresh = show(name, **params_of(page))
    assert params_of(page)["brandspace"] == [made.brandspace_id]
    assert "alpha" not in texts(fresh)
    assert fresh.selectbox(key="choose_brandspace").value == made.brandspace_id


def test_filters_in_the_address_are_applied_and_shown(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="alpha", format="video"), AnAd("2", copy="beta", format="image"))
    page = show("creatives", formats=["video"])
    assert "alpha" in texts(page)
    assert "beta" not in texts(page)
    assert page.multiselect(key="filter_formats").value == ["video"]


def test_a_filter_that_is_chosen_goes_into_the_address(show: ShowPage, database: Database) -> None:
    ads = [AnAd("1", copy="alpha", labels={"hook": ("story",)}), AnAd("2", copy="beta", labels={"hook": ("question",)})]
    store(database, *ads)
    page = opened(show("creatives", cursor=[], sort="oldest"), "group_What it says")
    page.multiselect(key="filter_labels.hook").set_value(["story"]).run()
    assert params_of(page) == {"labels": ["hook:story"], "sort": ["oldest"]}
    assert "alpha" in texts(page)
    assert "beta" not in texts(page)


def test_a_group_that_is_closed_changes_nothing_and_holds_nothing_back(show: ShowPage, database: Database) -> None:
    ads = [AnAd("1", copy="alpha", labels={"hook": ("story",)}), AnAd("2", copy="beta", labels={"hook": ("question",)})]
    store(database, *ads)
    page = opened(show("creatives"), "group_What it says")
    page.multiselect(key="filter_labels.hook").set_value(["story"]).run()
    closed = opened(page, "group_What it says", False)
    assert "filter_labels.hook" not in [box.key for box in closed.multiselect]
    closed.multiselect(key="filter_brands").set_value(["acme"]).run()
    assert params_of(closed) == {"labels": ["hook:story"], "brands": ["acme"]}
    next(chip for chip in closed.button if "story" in chip.label.lower()).click().run()
    closed.multiselect(key="filter_brands").set_value([]).run()
    assert params_of(closed) == {}


def test_a_group_with_a_filter_in_use_starts_open(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", labels={"hook": ("story",), "visual_style": ("photo",)}))
    drawn = {
        name: [box.key for box in show("creatives", **address).multiselect]
        for name, address in {"none": {}, "said": {"labels": "hook:story"}, "figures": {"run_dates": "known"}}.items()
    }
    assert "filter_labels.hook" not in drawn["none"]
    assert "filter_labels.hook" in drawn["said"]
    assert "filter_labels.visual_style" not in drawn["said"]
    assert "filter_run_dates" in drawn["figures"]
    assert "filter_run_dates" not in drawn["none"]


def test_words_are_searched(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="Running shoes"), AnAd("2", copy="Meal kits"))
    page = show("creatives")
    page.text_input(key="filter_words").set_value("shoes").run()
    assert params_of(page) == {"words": ["shoes"]}
    assert "Meal" not in texts(page)


def test_clear_takes_every_filter_away(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="Running shoes"), AnAd("2", copy="Meal kits"))
    page = show("creatives", words="shoes", formats=["image"])
    next(button for button in page.button if button.label == "Clear").click().run()
    assert params_of(page) == {}
    assert "Meal" in texts(page)


def test_filters_that_make_no_sense_are_named_and_left_out(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="Running shoes"))
    page = show("creatives", formats=["hologram"])
    assert "hologram" in page.warning[0].value
    assert "Running shoes" in texts(page)


def test_the_gallery_counts_in_concepts_too(show: ShowPage, database: Database) -> None:
    one, alike, other = AnAd("1", copy="Half price"), AnAd("2", copy="Half the price"), AnAd("3", copy="New in")
    store(database, one, alike, other)
    store_concepts(database, (one, alike), (other,))
    page = show("creatives")
    assert "**3 ads**" in texts(page)
    page.segmented_control(key="unit_switch").set_value("concepts").run()
    assert params_of(page) == {"unit": ["concepts"]}
    assert "**2 concepts**" in texts(page)
    assert "2 ads in 2 variants" in texts(page)
    assert sum(button.label == "Details" for button in page.button) == 2
    brands = page.multiselect(key="filter_brands")
    assert brands.options == ["Acme (2)"]


def test_clear_keeps_what_is_counted(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="Running shoes"))
    page = show("creatives", words="shoes", unit="concepts")
    next(button for button in page.button if button.label == "Clear").click().run()
    assert params_of(page) == {"unit": ["concepts"]}


def test_too_many_words_are_a_warning_not_a_crash(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="Running shoes"))
    page = show("creatives")
    page.text_input(key="filter_words").set_value("a b c d e f g h i j k").run()
    assert not page.exception
    assert "The filters were left out" in page.warning[0].value


def test_no_match_says_what_to_do(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    assert "No ad matches" in texts(show("creatives", words="xyzzy"))


def test_next_and_previous_walk_through_all_ads_once(show: ShowPage, database: Database) -> None:
    store(database, *(AnAd(str(n), copy=f"ad{n:02}x", first_seen=DAY - timedelta(days=n)) for n in range(MANY)))
    page = show("creatives")
    first = {f"ad{n:02}x" for n in range(MANY) if f"ad{n:02}x" in texts(page)}
    button(page, "Next").click().run()
    second = {f"ad{n:02}x" for n in range(MANY) if f"ad{n:02}x" in texts(page)}
    assert (len(first), len(second), first & second) == (24, 6, set())
    assert button(page, "Next").disabled
    button(page, "Previous").click().run()
    assert {f"ad{n:02}x" for n in range(MANY) if f"ad{n:02}x" in texts(page)} == first


def test_a_cursor_of_another_list_is_refused_in_words(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"))
    page = show("creatives", cursor="nonsense")
    assert not page.exception
    assert "start again" in texts(page)


def test_a_corrected_label_is_shown_with_who_corrected_it_and_what_the_machine_says(
    show: ShowPage, database: Database
) -> None:
    ad = AnAd("1", copy="Buy one, get one.", labels={"offer": ("gift",)})
    store(database, ad)
    correct_label(
        database, LOCAL_PRINCIPAL, load_taxonomy(), ad.ad_id, dimension="offer", values=["percent_off", "free_trial"]
    )
    assert "Gift" not in texts(show("creatives"))
    said = texts(show("creatives", ad=ad.ad_id))
    assert "Percent off" in said
    assert "Free trial" in said
    assert "command\\-line" in said
    assert ":small[:gray[The machine says] Gift]" in said
    assert "orange-background" not in said  # the words that led the machine to it


def test_a_label_is_corrected_where_it_stands_and_taken_back(show: ShowPage, database: Database) -> None:
    ad = AnAd("1", copy="Buy one, get one.", labels={"hook": ("story",)})
    store(database, ad)
    page = show("creatives", ad=ad.ad_id)
    choice = next(found for found in page.radio if found.label == "Hook")
    assert choice.value == "story"
    choice.set_value("question")
    button(page, "Save").click().run()
    assert "Question" in texts(page)
    assert "corrected" in texts(page)
    [seen] = list_ads(database, LOCAL_PRINCIPAL, "all", AdFilters()).items
    assert seen.labels["hook"] == ("question",)
    button(page, "Take back").click().run()
    assert "Story" in texts(page)


@pytest.mark.parametrize(
    ("address", "label"), [({"cursor": "zzz"}, "To the first page"), ({"ad": "nonsense"}, "All creatives")]
)
def test_an_address_that_leads_nowhere_has_a_way_back(
    show: ShowPage, database: Database, address: dict[str, str], label: str
) -> None:
    store(database, AnAd("1", copy="Half price today"))
    page = show("creatives", **address)
    assert "That can't be shown" in texts(page)
    assert "Try again" not in {found.label for found in page.button}
    button(page, label).click().run()
    assert "Half price today" in texts(page)
    assert params_of(page) == {}


def test_a_brandspace_that_is_none_of_ours_is_said(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", copy="Half price today"))
    page = show("creatives", brandspace="nosuch")
    assert "names no brandspace of yours" in texts(page)
    assert "Half price today" in texts(page)
    assert "brandspace" not in params_of(page)


def test_another_value_drops_none_by_itself(show: ShowPage, database: Database) -> None:
    ad = AnAd("1", copy="Buy one, get one.", labels={"offer": ("none",)})
    store(database, ad)
    page = show("creatives", ad=ad.ad_id)

    def choice() -> Any:
        return next(found for found in page.multiselect if found.label == "Offer")

    choice().set_value(["none", "gift"]).run()
    assert choice().value == ["gift"]
    choice().set_value(["gift", "none"]).run()
    assert choice().value == ["none"]
    choice().set_value(["none", "gift"]).run()
    button(page, "Save").click().run()
    [seen] = list_ads(database, LOCAL_PRINCIPAL, "all", AdFilters()).items
    assert seen.labels["offer"] == ("gift",)
    button(page, "Take back").click().run()
    assert choice().value == ["none"]


def test_who_only_reads_is_offered_no_correction(
    show: ShowPage, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ad = AnAd("1", copy="Buy one, get one.", labels={"hook": ("story",)})
    store(database, ad)
    sign_in_as(monkeypatch, Principal(LOCAL_ORGANISATION, Role.VIEWER))
    page = show("creatives", ad=ad.ad_id)
    assert "Story" in texts(page)
    assert [found.label for found in page.radio] == []


def test_details_show_the_quoted_words_marked(show: ShowPage, database: Database) -> None:
    ad = AnAd("1", copy="Buy one, get one.", labels={"offer": ("gift",)})
    store(database, ad)
    page = show("creatives")
    button(page, "Details").click().run()
    assert params_of(page) == {"ad": [ad.ad_id]}
    said = texts(page)
    assert ":orange-background[Buy] one\\, get one\\." in said
    assert "Gift" in said
    assert "local\\-heuristics" in said
    button(page, "All creatives").click().run()
    assert params_of(page) == {}


def test_an_ad_that_is_not_there_is_said_calmly(show: ShowPage, database: Database) -> None:
    page = show("creatives", ad="nothing")
    assert not page.exception
    assert "there is no such ad" in texts(page).lower()


@pytest.mark.parametrize("view", ["gallery", "detail"])
def test_no_link_or_markup_of_an_ad_reaches_the_page(show: ShowPage, database: Database, view: str) -> None:
    copies = [text.replace("\0", "") for text in HOSTILE_TEXTS]
    ads = [AnAd(str(n), copy=text, labels={"hook": ("story",)}) for n, text in enumerate(copies)]
    store(database, *ads)
    for params in ({"ad": ads[8].ad_id},) if view == "detail" else ({}, {"sort": "oldest"}):
        said = texts(show("creatives", **params))
        assert not re.search(r"(?<!\\)(?:<|`|\]\()", said)
        assert not re.search(r"https?://|www\.|:material_?/?delete|:smile:", said)


def test_a_stored_picture_is_shown_by_its_address(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1", sha256="0" * 64), AnAd("2", first_seen=date(2026, 1, 1)))
    with_picture, without = (image.proto.imgs[0] for image in show("creatives").get("image"))
    assert (with_picture.alt, without.alt) == ("Creative of Acme", "No picture")
    assert with_picture.url.endswith("/pictures/" + "0" * 64 + "/480")


def test_what_is_filtered_is_exported(show: ShowPage, database: Database) -> None:
    store(database, AnAd("1"), AnAd("2", brand="rival"))
    page = opened(show("creatives", brands="rival"), "export_menu")
    button(page, "Export").click().run()
    [request] = list_requests(database, LOCAL_PRINCIPAL).items
    assert (request.kind, request.params["filters"]) == ("export", {"brands": ["rival"]})


def opened(page: AppTest, key: str, is_open: bool = True) -> AppTest:
    """With a group or a menu opened, or closed, as by a click."""
    page.session_state[key] = is_open
    return page.run()


def button(page: object, label: str) -> object:
    return next(found for found in page.button if found.label == label)  # type: ignore[attr-defined]
