"""Whoever looks at a page and whoever asks the API are told the same numbers."""

from __future__ import annotations

import dataclasses
import inspect
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import product
from typing import Any

import pytest
import streamlit as st

from app import loaders
from app.loaders import (
    load_account,
    load_ad,
    load_ad_cost,
    load_ad_description,
    load_ads,
    load_brands,
    load_brandspaces,
    load_budget,
    load_changes,
    load_comparison,
    load_concept_of_ad,
    load_concepts,
    load_count,
    load_coverage,
    load_deltas,
    load_facets,
    load_frozen,
    load_frozen_answer,
    load_keys,
    load_label_quality,
    load_launches,
    load_newest_ads,
    load_overviews,
    load_pictures_read,
    load_quote,
    load_raw_source,
    load_requests,
    load_scan_dates,
    load_sessions,
    load_spending,
    load_survivals,
    load_themes,
    load_users,
    load_voices,
    load_webhooks,
)
from app.view_models.ad_cards import make_card
from app.view_models.ad_details import make_detail
from app.view_models.brand_overviews import make_overview
from app.view_models.comparisons import make_launches, make_matrix
from app.view_models.label_quality import make_overview as make_overview_of_labels
from core.adapters.postgres.engine import Database
from core.adapters.postgres.label_quality_store import store_measures
from core.curation.brandspaces import create_brandspace
from core.domain.principal import LOCAL_PRINCIPAL as US
from core.domain.quality import Basis, Measure, Statistic
from core.queries.filters import AdFilters
from core.queries.questions import Question, dimensions_of
from tests.builders import (
    DAY,
    AnAd,
    store,
    store_concepts,
    store_description,
    store_raw,
    store_request,
    store_scan,
    store_text_vectors,
)
from tests.daemon.support import LocalDaemon

BRANDS = ("acme", "bolt", "coda", "dune")
HOOKS = ("claim", "question", "story", "unknown")
NONE = AdFilters()
EARLIER = DAY - timedelta(7)
NO_QUESTION_ABOUT_A_MARKET = {
    "load_deliveries",  # of one webhook
    "load_archived",  # a list of names
    "load_ads_that_say",  # the way from a text to an ad
    "load_organisation_name",
    *("load_queues", "load_runs", "load_dead_letters", "load_notices", "load_heartbeats"),  # operators only
}


Asked = list[tuple[str, AdFilters]]


@pytest.fixture
def market(daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalDaemon]:
    """Some hundred ads, shared, private and another's, read or not, of four brands seen in two scans."""
    monkeypatch.setattr(loaders, "services", lambda: daemon.services)
    st.cache_data.clear()
    store(daemon.services.database, *_ads(random.Random(7)))
    for brand in BRANDS:
        store_scan(daemon.services.database, EARLIER, brand=brand, new=9)
        store_scan(daemon.services.database, DAY, brand=brand, new=3, changed=2, not_seen=1)
    store_request(daemon.services.database, "request-1", organisation_id=US.organisation_id)
    yield daemon
    st.cache_data.clear()


def _ads(chance: random.Random) -> Iterator[AnAd]:
    for number in range(120):
        is_silent, is_read = chance.random() < 0.1, chance.random() < 0.7
        hooks = tuple(chance.sample(HOOKS[:3], chance.choice([1, 1, 2]))) if chance.random() < 0.8 else HOOKS[3:]
        yield AnAd(
            str(number),
            chance.choices(BRANDS, [6, 4, 3, 1])[0],
            chance.choices(["shared", US.scope, "theirs"], [8, 1, 1])[0],
            copy="" if is_silent else f"Text {number}",
            labels={"hook": hooks, "language": (chance.choice(["en", "ko"]),)} if is_read and not is_silent else None,
            format=chance.choice(["image", "video", "unknown"]),
            cta=chance.choice(["", "Shop now"]),
            first_seen=DAY - timedelta(chance.randrange(200)),
            last_scanned_on=chance.choice([DAY, EARLIER]),
            run_start=date(2026, chance.randrange(1, 9), 5) if chance.random() < 0.5 else None,
        )


@pytest.fixture
def asked(market: LocalDaemon) -> Asked:
    """Brandspaces and filters."""
    some = AdFilters(brands=BRANDS[:2], ctas=("Shop now",))
    return [("all", NONE), ("all", some), (_our_brandspace(market.services.database), NONE)]


def _our_brandspace(database: Database) -> str:
    return create_brandspace(database, US, name="Ours", primary="acme", competitors=["dune"]).brandspace_id


def ask(daemon: LocalDaemon, space: str, question: str, filters: AdFilters = NONE, more: str = "") -> Any:
    given = "&".join(f"{name}={value}" for name, values in filters.to_params().items() for value in values)
    answer = daemon.get(f"/api/v1/brandspaces/{space}/{question}?{more}&{given}".replace(" ", "%20"))
    assert answer.status == 200, answer.body
    return answer.json


def test_shares_of_the_compare_page(market: LocalDaemon, asked: Asked) -> None:
    for (space, filters), dimension in product(asked, ("hook", "language", "format")):
        page = make_matrix(load_comparison(US, Question(space, dimension, filters, "bolt")), {})
        answer = ask(market, space, "comparison", filters, f"dimension={dimension}&focal=bolt")

        assert {sample.slug for sample in page.brands} == {brand["brand"] for brand in answer["brands"]}
        assert {row.value for row in page.rows} == set(answer["values"])
        assert page.waiting == answer["pending"]
        for brand in answer["brands"]:
            for value, told in brand["shares"].items():
                cell = page.cells[brand["brand"], value]
                assert (cell.share.count, cell.share.n, cell.share.share) == (told["count"], told["n"], told["share"])
                assert (cell.share.low, cell.share.high) == (told["low"], told["high"])
                verdict = brand["differences"].get(value, {}).get("verdict")
                assert verdict == (cell.difference.verdict if cell.difference else None)


def test_curves_voices_and_two_dates_of_the_compare_page(market: LocalDaemon, asked: Asked) -> None:
    for space, filters in asked:
        curves, told = load_survivals(US, space, filters), ask(market, space, "survival", filters)
        assert [(item.brand, item.survival.n) for item in curves.brands] == [
            (item["brand"], item["survival"]["n"]) for item in told["brands"]
        ]
        voices, told = load_voices(US, space, filters), ask(market, space, "share-of-voice", filters)
        assert [(item.brand, item.ads) for item in voices.brands] == [
            (item["brand"], item["ads"]) for item in told["brands"]
        ]
        assert [day.isoformat() for day in load_scan_dates(US, space, filters)] == ask(
            market, space, "scan-dates", filters
        )["dates"]
        found = load_deltas(US, Question(space, "hook", filters), EARLIER, DAY)
        told = ask(market, space, "turnover", filters, f"dimension=hook&since={EARLIER}&until={DAY}")
        assert (found.sources, found.sources_left_out) == (told["sources"], told["sources_left_out"])


def test_frozen_comparisons_of_the_compare_page(market: LocalDaemon) -> None:
    body = {"brandspace": "all", "dimension": "hook", "name": "Kept"}
    kept = market.post("/api/v1/comparisons/frozen", body).json["frozen_id"]
    view, answer = load_frozen_answer(US, kept)
    told = market.get(f"/api/v1/comparisons/frozen/{kept}").json

    assert [item.frozen_id for item in load_frozen(US)] == [kept] == [view.frozen_id]
    assert answer is not None
    assert [brand.brand for brand in answer.comparison.brands] == [
        brand["brand"] for brand in told["comparison"]["brands"]
    ]


def test_launches_and_coverage_of_the_compare_page(market: LocalDaemon, asked: Asked) -> None:
    for space, filters in asked:
        page = make_launches(load_launches(US, space, filters), {})
        answer = ask(market, space, "timeline", filters, "period=month")
        coverage, told = load_coverage(US, space, filters), ask(market, space, "coverage", filters)
        if filters == AdFilters():
            assert load_pictures_read(US, space) == told["pictures"]

        assert {
            series.slug: (series.n, [[day.isoformat(), n] for day, n in series.points]) for series in page.series
        } == {brand["brand"]: (brand["ads"], brand["points"]) for brand in answer["brands"]}
        figures = ("stored", "labelled", "without_text", "pending")
        assert [getattr(coverage, name) for name in figures] == [told[name] for name in figures]


def test_figures_and_verdicts_of_the_label_quality_page(market: LocalDaemon) -> None:
    measured = Measure("tone", None, Basis.PEOPLE, "golden", Statistic.KAPPA, 120, 0.41, 0.3, 0.52, "v1", "rules")
    for scope, found in ((US.scope, measured), ("shared", replace(measured, basis=Basis.PLANTED, estimate=0.9))):
        with market.services.database.worker(scope) as connection:
            store_measures(connection, scope, [found])
    page = make_overview_of_labels(load_label_quality(US))
    told = market.get("/api/v1/label-quality").json["dimensions"]

    assert [(row.name, row.standing, row.reason, row.bar) for row in page] == [
        (each["dimension"], each["standing"], each["reason"], each["bar"]) for each in told
    ]
    tone = next(each for each in told if each["dimension"] == "tone")
    dots = next(row.dots for row in page if row.name == "tone")
    assert {basis: (dot.estimate, dot.low, dot.high, dot.n) for basis, dot in dots.items()} == {
        each["basis"]: (each["estimate"], each["low"], each["high"], each["n"]) for each in tone["measures"]
    }
    assert tone["standing"] == "below"
    assert [each["is_own"] for each in tone["measures"]] == [True, False]


def test_brands_and_news_of_the_first_page(market: LocalDaemon, asked: Asked) -> None:
    for space, _ in asked:
        page = make_overview(load_overviews(US, space), DAY)
        told = {brand["slug"]: brand for brand in ask(market, space, "overview")["items"]}
        news = ask(market, space, "deltas")["items"]

        assert page.ads == sum(brand["ads"] for brand in told.values())
        for row in page.brands:
            brand = told[row.slug]
            assert (row.ads, row.active, row.not_seen) == (brand["ads"], brand["active"], brand["not_seen"])
            assert (row.new, row.changed) == (brand["new"], brand["changed"])
            assert row.new == sum(item["new"] for item in news if item["brand"] == row.slug)
            assert str(row.last_scan_on) == brand["last_scan_on"]


def test_concepts_and_who_says_how_much(market: LocalDaemon, asked: Asked) -> None:
    ads = [ad for ad in _ads(random.Random(7)) if ad.brand == "acme" and ad.scope == "shared"]
    store_concepts(market.services.database, *(tuple(ads[start : start + 3]) for start in range(0, len(ads), 3)))
    for space, filters in asked:
        page, told = load_concepts(US, space, filters), ask(market, space, "concepts", filters)
        assert (page.total_concepts, page.total_ads) == (told["total_concepts"], told["total_ads"])
        assert [(concept.concept_id, concept.ads, concept.variants) for concept in page.items] == [
            (concept["concept_id"], concept["ads"], concept["variants"]) for concept in told["items"]
        ]
        in_concepts = replace(filters, unit="concepts")
        assert load_count(US, space, in_concepts) == ask(market, space, "ads/count", in_concepts)["count"]
        voices, voiced = load_voices(US, space, filters), ask(market, space, "share-of-voice", filters)
        assert (voices.total_concepts, voices.total_ads) == (page.total_concepts, page.total_ads)
        assert [(one.brand, one.concepts, one.share_of_concepts) for one in voices.brands] == [
            (one["brand"], one["concepts"], one["share_of_concepts"]) for one in voiced["brands"]
        ]
    found, told = load_concept_of_ad(US, ads[1].ad_id), market.get(f"/api/v1/ads/{ads[1].ad_id}/concept").json
    assert found is not None
    assert [variant.variant_id for variant in found.variants] == [each["variant_id"] for each in told["variants"]]


def test_cards_counts_and_filters_of_the_gallery(market: LocalDaemon, asked: Asked) -> None:
    for space, filters in asked:
        cards = load_ads(US, space, filters, cursor=None, sort="newest", limit=50).items
        told = ask(market, space, "ads", filters, "limit=50")["items"]
        facets, answer = load_facets(US, space, filters), ask(market, space, "facets", filters)

        assert [make_card(card).ad_id for card in cards] == [card["ad_id"] for card in told]
        assert [card.days_seen for card in cards] == [card["days_seen"] for card in told]
        assert (
            load_count(US, space, filters)
            == answer["channels"]["total"]
            == ask(market, space, "coverage", filters)["stored"]
        )
        assert {
            name: ([list(pair) for pair in facet.values], facet.unknown, facet.total) for name, facet in facets.items()
        } == {name: (facet["values"], facet["unknown"], facet["total"]) for name, facet in answer.items()}


def test_themes_of_a_brandspace(market: LocalDaemon) -> None:
    space = create_brandspace(market.services.database, US, name="Themed", competitors=["acme", "bolt"]).brandspace_id
    ads = [AnAd(f"themed {n}", BRANDS[n % 2], copy=f"Themed {n}") for n in range(12)]
    store(market.services.database, *ads)
    near = [tuple(float(place == n % 3) for place in range(384)) for n in range(12)]
    store_text_vectors(market.services.database, market.services.embedder.model, *zip(ads, near, strict=True))
    assert market.post(f"/api/v1/brandspaces/{space}/themes/discover", {}).json["themes"] == 3
    page, told = load_themes(US, space, AdFilters()), ask(market, space, "themes", AdFilters())
    assert (dict(page.totals), dict(page.without_theme)) == (told["totals"], told["without_theme"])
    assert [(one.theme_id, dict(one.by_brand)) for one in page.items] == [
        (one["theme_id"], one["by_brand"]) for one in told["items"]
    ]


def test_the_newest_ads_of_the_first_page(market: LocalDaemon) -> None:
    cards = load_newest_ads(US, "all")
    told = {ad["ad_id"]: ad for ad in ask(market, "all", "ads", more="limit=200")["items"]}
    assert {card.ad_id for card in cards} <= told.keys()
    assert [card.first_seen.isoformat() for card in cards] == [told[card.ad_id]["first_seen"] for card in cards]
    assert len(cards) <= sum(scan["new"] for scan in ask(market, "all", "deltas")["items"])


def test_one_ad_with_its_labels_and_scans(market: LocalDaemon) -> None:
    for card in ask(market, "all", "ads", more="limit=8")["items"]:
        page, told = (
            make_detail(load_ad(US, card["ad_id"]), market.services.taxonomy),
            market.get(f"/api/v1/ads/{card['ad_id']}").json,
        )
        (current,) = (version for version in told["versions"] if version["is_current"])
        assert (page.brand_name, page.title) == (told["brand_name"], current["title"])
        assert len(page.scans) == len(told["sightings"])
        assert sorted(label.confidence for row in page.words for label in row.labels) == sorted(
            label["confidence"] for label in current["labels"]
        )


def test_what_a_model_wrote_of_an_ad_and_what_its_source_gave(market: LocalDaemon) -> None:
    ad = AnAd("described", copy="Described", brand="acme")
    path = f"/api/v1/ads/{ad.ad_id}"
    store(market.services.database, ad)
    assert load_ad_description(US, ad.ad_id) is load_raw_source(US, ad.ad_id) is None
    assert [market.get(f"{path}/{what}").status for what in ("description", "raw")] == [404, 404]
    st.cache_data.clear()
    seen = {"name": "main_colour", "value": "red", "read_in": "image"}
    store_description(market.services.database, ad, description="A red ad.", attributes=[seen])
    store_raw(market.services.database, ad, {"rows": [{"copy": "Described"}]})

    page, told = load_ad_description(US, ad.ad_id), market.get(f"{path}/description").json
    assert page is not None
    assert (page.outcome, page.text, page.provenance) == (told["outcome"], "A red ad.", told["provenance"])
    assert [dataclasses.asdict(each) for each in page.attributes] == told["attributes"] == [seen]
    assert page.described_at == datetime.fromisoformat(told["described_at"])
    assert "cost_usd" not in told  # who paid is another organisation, perhaps
    assert load_raw_source(US, ad.ad_id) == market.get(f"{path}/raw").json == {"rows": [{"copy": "Described"}]}


def test_brands_brandspaces_and_requests(market: LocalDaemon) -> None:
    _our_brandspace(market.services.database)
    assert {brand.slug: brand.ads for brand in load_brands(US)} == {
        brand["slug"]: brand["ads"] for brand in market.get("/api/v1/brands").json["items"]
    }
    assert [space.brandspace_id for space in load_brandspaces(US)] == [
        space["brandspace_id"] for space in market.get("/api/v1/brandspaces").json
    ]
    assert [(item.request_id, item.status) for item in load_requests(US)] == [
        (item["request_id"], item["status"]) for item in market.get("/api/v1/requests").json["items"]
    ]


def test_the_account_with_its_people_keys_and_changes(market: LocalDaemon) -> None:
    lists: dict[str, tuple[Sequence[Any], str]] = {
        "users": (load_users(US), "user_id"),
        "sessions": (load_sessions(US), "session_id"),
        "keys": (load_keys(US), "key_id"),
        "webhooks": (load_webhooks(US), "webhook_id"),
        "audit": (load_changes(US), "audit_id"),
    }
    for name, (page, identity) in lists.items():
        told = market.get(f"/api/v1/{name}").json
        items = told["items"] if isinstance(told, dict) else told
        assert [str(getattr(item, identity)) for item in page] == [str(item[identity]) for item in items], name
    budget, told = load_budget(US), market.get("/api/v1/account/budget").json
    assert {name: getattr(budget, name) for name in told} == told
    page, account = load_account(US), market.get("/api/v1/account").json
    assert (page.user_count, page.active_sessions) == (account["user_count"], account["active_sessions"])


def test_what_models_cost_and_would_cost(market: LocalDaemon) -> None:
    for by in ("day", "brand", "method", "model", "outcome"):
        told = market.get(f"/api/v1/account/spending?group={by}").json
        assert told["total"]["calls"] == load_spending(US, by).total.calls == 0  # type: ignore[arg-type]
    quote, told = load_quote(US, "acme"), market.get("/api/v1/brands/acme/quote").json
    assert (quote.texts, quote.calls, quote.usd_high) == (told["texts"], told["calls"], told["usd_high"])
    ad_id = load_ads(US, "all", NONE, cursor=None, sort="newest").items[0].ad_id
    assert load_ad_cost(US, ad_id).cost_usd == market.get(f"/api/v1/ads/{ad_id}/cost").json["cost_usd"]


def test_every_dimension_of_the_page_can_be_asked_over_the_api(market: LocalDaemon) -> None:
    for dimension in dimensions_of(market.services.taxonomy):
        assert ask(market, "all", "label-mix", more=f"dimension={dimension}")["dimension"] == dimension


def test_every_question_of_a_page_is_compared_here() -> None:
    questions = {name for name, _ in inspect.getmembers(loaders) if name.startswith("load_")}
    assert questions <= {name for name in globals() if name.startswith("load_")} | NO_QUESTION_ABOUT_A_MARKET
