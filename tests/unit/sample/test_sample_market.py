"""The sample market repeats itself, knows its truth, and shows what was planted in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from statistics import mean

import pytest

from core.domain.ad import AdFormat, AdRecord
from core.errors import NotFoundError
from core.sources.records import content_hash, labelled_text, text_hash
from core.sources.sample import BrandDifference, LongevityEffect, SampleMarket, SampleSource
from core.sources.sample import market as market_module
from core.sources.sample.brands import BRANDS, INDUSTRIES, NULL_PAIR
from core.sources.sample.copywriter import LANGUAGES, phrases, read_table
from core.sources.sample.plan import BASE_SHARES

AS_OF = date(2026, 6, 30)
MARKET = SampleMarket(as_of=AS_OF)
LARGE = SampleMarket(as_of=AS_OF, ads=10_000)
LATER = AS_OF + timedelta(days=20_000)  # every run is over
CLOSED = {
    "hook": "question bold_claim statistic problem story how_to testimonial announcement urgency unknown",
    "offer": "percent_off money_off free_trial free_shipping bundle gift price_point none",
    "cta": "shop_now learn_more sign_up install subscribe book get_offer watch contact none",
    "tone": "playful urgent inspirational informative empathetic premium direct",
    "theme": "price_value quality convenience health sustainability community innovation seasonal performance taste",
    "audience": "beginners parents professionals athletes students women men seniors general",
    "product_type": "footwear food_or_drink",
    "season": "none new_year spring summer autumn black_friday holidays",
    "language": "en de es fr pt ja ko hi",
}


def everything(market: SampleMarket, on: date = AS_OF) -> list[AdRecord]:
    return [record for brand in market.brands for record in market.scan(brand.slug, on)]


def texts(records: Iterable[AdRecord]) -> set[str]:
    return {text_hash(labelled_text(version)) for record in records for version in record.versions}


def first_truths(market: SampleMarket, brand: str) -> list[dict[str, list[str]]]:
    """One truth per concept, launched outside November."""
    truth, concepts = market.truth(brand), market.concepts(brand)
    by_concept: dict[str, dict[str, list[str]]] = {}
    for record in market.scan(brand, LATER):
        if record.run_start and record.run_start.month not in (11, 12):
            labels = truth[text_hash(labelled_text(record.versions[0]))]
            by_concept.setdefault(concepts[record.external_id], labels | {"format": [record.versions[0].format.value]})
    return list(by_concept.values())


def share(truths: list[dict[str, list[str]]], dimension: str, value: str) -> float:
    return mean(value in labels[dimension] for labels in truths)


def test_the_same_seed_and_day_build_the_same_market() -> None:
    before = everything(MARKET), MARKET.truth()
    market_module._ads.cache_clear()
    again = SampleMarket(as_of=AS_OF, months=18, seed=7, ads=2_500)
    assert (everything(again), again.truth()) == before


def test_another_seed_builds_another_market() -> None:
    assert texts(everything(SampleMarket(as_of=AS_OF, seed=8))).isdisjoint(texts(everything(MARKET)))


def test_about_as_many_ads_as_asked_for_over_eighteen_months() -> None:
    records = everything(MARKET)
    starts = [record.run_start for record in records if record.run_start]
    assert 2_400 <= len(records) <= 2_600
    assert len({record.external_id for record in records}) == len(records)
    assert timedelta(days=17 * 30) < AS_OF - min(starts) < timedelta(days=19 * 30)
    assert max(starts) <= AS_OF


def test_ten_thousand_ads_have_at_least_six_thousand_distinct_texts() -> None:
    assert len(texts(everything(LARGE))) >= 6_000


def test_all_industries_languages_and_formats_occur() -> None:
    records = everything(MARKET)
    spoken = {labels["language"][0] for labels in MARKET.truth().values()}
    assert {brand.industry for brand in MARKET.brands} == set(INDUSTRIES)
    assert spoken == set(LANGUAGES)
    formats = {version.format for record in records for version in record.versions}
    assert formats == set(AdFormat) - {AdFormat.UNKNOWN}


def test_every_text_shown_has_a_truth_of_closed_values() -> None:
    truth = MARKET.truth()
    for on in (AS_OF - timedelta(days=14), AS_OF):
        assert texts(everything(MARKET, on)) <= truth.keys()
    for labels in truth.values():
        assert labels.keys() == CLOSED.keys()
        for dimension, values in labels.items():
            assert values
            assert set(values) <= set(CLOSED[dimension].split())


def test_the_planted_season_is_the_one_the_text_names() -> None:
    truth = MARKET.truth()
    named = set()
    for version in (version for record in everything(MARKET) for version in record.versions):
        text = labelled_text(version)
        labels = truth[text_hash(text)]
        (planted,), (language,) = labels["season"], labels["language"]
        assert (planted == "none") == ("seasonal" not in labels["theme"])
        if planted != "none":
            assert any(name.casefold() in text.casefold() for name in read_table(language)["season"][planted]), text
            named.add(planted)
    assert named == set(CLOSED["season"].split()) - {"none"}


def test_the_same_text_never_has_two_truths() -> None:
    seen: dict[str, dict[str, list[str]]] = {}
    for brand in LARGE.brands:
        for text, labels in LARGE.truth(brand.slug).items():
            assert seen.setdefault(text, labels) == labels


@pytest.mark.parametrize("industry", INDUSTRIES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phrase_carries_one_value_and_every_value_has_a_phrase(language: str, industry: str) -> None:
    table = phrases(language, industry)
    lines = Counter(line for values in table.values() for own in values.values() for line in own)
    assert [line for line, uses in lines.items() if uses > 1] == []
    for dimension in BASE_SHARES.keys() - {"format"}:
        assert set(CLOSED[dimension].split()) - {"none", "general"} == table[dimension].keys()


def test_the_button_is_the_call_to_action_of_the_truth() -> None:
    truth = MARKET.truth()
    pairs = {
        (version.cta, truth[text_hash(labelled_text(version))]["cta"][0])
        for record in everything(MARKET)
        for version in record.versions
    }
    assert len(pairs) == len(CLOSED["cta"].split())
    assert ("", "none") in pairs


@pytest.mark.parametrize("difference", MARKET.planted_effects.differences, ids=lambda it: f"{it.brand}-{it.value}")
def test_planted_differences_between_brands_are_there(difference: BrandDifference) -> None:
    own = share(first_truths(LARGE, difference.brand), difference.dimension, difference.value)
    others = [
        share(first_truths(LARGE, brand.slug), difference.dimension, difference.value)
        for brand in BRANDS
        if not any(leaning.dimension == difference.dimension for leaning in brand.leanings)
    ]
    assert own == pytest.approx(difference.share, abs=0.14)
    assert own > mean(others) + 0.15
    assert mean(others) == pytest.approx(difference.others_share, abs=0.1)


def test_the_null_pair_is_drawn_from_the_same_distributions() -> None:
    one, other = (MARKET.brand(slug) for slug in NULL_PAIR)
    assert (one.industry, one.leanings, one.languages, one.volume) == (
        other.industry, other.leanings, other.languages, other.volume,
    )  # fmt: skip
    assert len(one.products) == len(other.products)
    assert len(one.pages) == len(other.pages)


@pytest.mark.parametrize("effect", MARKET.planted_effects.longevity, ids=lambda it: it.value)
def test_planted_effects_on_longevity_are_there(effect: LongevityEffect) -> None:
    planted = MARKET.planted_effects
    others = {(it.dimension, it.value) for it in planted.longevity} - {(effect.dimension, effect.value)}
    truth, with_it, without = LARGE.truth(), [], []
    for record in everything(LARGE, LATER):
        labels = truth[text_hash(labelled_text(record.versions[0]))] | {"format": [record.versions[0].format.value]}
        if any(value in labels[dimension] for dimension, value in others):
            continue
        assert record.run_start
        assert record.run_end
        exposure = ((record.run_end - record.run_start).days + 1) ** planted.shape
        (with_it if effect.value in labels[effect.dimension] else without).append(exposure)
    assert mean(without) / mean(with_it) == pytest.approx(effect.hazard_ratio, rel=0.2)


def test_a_second_scan_shows_new_changed_stopped_and_withdrawn_ads() -> None:
    first = {record.external_id: record for record in everything(MARKET, AS_OF - timedelta(days=14))}
    second = {record.external_id: record for record in everything(MARKET)}
    both = first.keys() & second.keys()
    changed = [it for it in both if said(first[it]) != said(second[it])]
    stopped = [it for it in both if first[it].source_says_active and not second[it].source_says_active]
    assert len(second.keys() - first.keys()) > 30
    assert 0.015 < len(changed) / len(both) < 0.05
    assert len(stopped) > 10
    assert 1 <= len(first.keys() - second.keys()) < len(stopped)
    assert all(first[it].source_says_active for it in first.keys() - second.keys())


def said(record: AdRecord) -> list[str]:
    return [content_hash(version) for version in record.versions]


def test_dates_are_those_a_monitor_would_report() -> None:
    for record in everything(MARKET):
        assert record.run_start
        assert record.first_seen
        assert record.last_seen
        assert record.run_start <= record.first_seen <= AS_OF
        if record.source_says_active:
            assert (record.run_end, record.last_seen) == (None, AS_OF)
        else:
            assert record.run_end == record.last_seen < AS_OF


def test_sample_records_say_that_they_are_sample_data() -> None:
    for record in MARKET.scan("northtrail", AS_OF):
        assert record.channel == "sample"
        assert record.attributes["sample"] is True
        assert str(record.library_url).startswith("https://ads.sample.example/ad/")
        assert all(str(medium.url).startswith("sample://northtrail/") for medium in record.media)


def test_the_source_scans_today_and_knows_its_brands_only() -> None:
    source = SampleSource(MARKET, today=lambda: AS_OF)
    assert source.knows("kestrun")
    assert not source.knows("nobody")
    assert list(source.scan("kestrun")) == list(MARKET.scan("kestrun", AS_OF))
    with pytest.raises(NotFoundError, match="northtrail"):
        source.scan("nobody")
