"""The tenant rule: nobody sees another organisation's private rows, in any query."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from core.adapters.faiss_index import FaissVectorIndex
from core.adapters.postgres import schema
from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_documents import PostgresDocuments
from core.adapters.postgres.text_vectors import TextVectors
from core.ai.taxonomy import load_taxonomy
from core.curation.brandspaces import create_brandspace
from core.domain.principal import Principal, Role
from core.errors import NotAllowedError, NotFoundError
from core.insights.launches import Period
from core.queries import (
    ad_detail,
    ads,
    brands,
    brandspaces,
    comparison,
    concept_detail,
    concepts,
    coverage,
    creatives,
    deltas,
    description,
    events,
    facets,
    frozen,
    longevity,
    media,
    overview,
    questions,
    raw_source,
    requests,
    similar,
)
from core.queries.filters import AdFilters
from tests.builders import (
    DAY,
    AnAd,
    store,
    store_brand,
    store_concepts,
    store_description,
    store_raw,
    store_request,
    store_scan,
    store_text_vectors,
)

OURS, THEIRS = Principal("ours"), Principal("theirs")
SECRET = "zebra"  # in every private value of THEIRS
SHA = {"shared": "a" * 64, "ours": "b" * 64, "theirs": "c" * 64}
NONE = AdFilters()
BY_HOOK = questions.Question("all", "hook", NONE)


def an_ad(scope: str, name: str, brand: str = "acme") -> AnAd:
    labels = {"hook": (f"{name}_hook",), "language": (name,)}
    about = {"countries": (name,), "cta": name, "landing_domain": f"{name}.example", "run_start": DAY}
    return AnAd("1", brand, scope, account=name, copy=f"{name} words", sha256=SHA[scope], labels=labels, **about)


SHARED_AD, OUR_AD, THEIR_AD = an_ad("shared", "public"), an_ad("ours", "lion"), an_ad("theirs", SECRET)
THEIR_BRAND_AD = AnAd("2", f"{SECRET}_brand", "theirs", account=SECRET, copy=f"{SECRET} only")


@pytest.fixture
def two_tenants(database: Database) -> Database:
    """Both organisations have private ads of a brand that is shared too, and everything that hangs on it."""
    store(database, SHARED_AD, OUR_AD, THEIR_AD, THEIR_BRAND_AD)
    store_concepts(database, (SHARED_AD,), (OUR_AD,), (THEIR_AD,), (THEIR_BRAND_AD,))
    for item in (SHARED_AD, OUR_AD, THEIR_AD, THEIR_BRAND_AD):
        store_text_vectors(database, "test-model", (item, (1.0, 0.0)))
        store_scan(database, DAY, brand=item.brand, scope=item.scope, account=item.account, shows=[item], new=1)
        store_raw(database, item, {"rows": [{"copy": f"raw {item.copy}"}]})
        store_description(database, item, description=f"A model on {item.copy}")
    for principal, name in ((OURS, "lion"), (THEIRS, SECRET)):
        scope = principal.scope
        store_brand(database, "acme", scope=scope, aliases={f"{name}alias": f"{name} alias"})
        store_request(database, f"{name}-request", organisation_id=scope, rejected=1)
        create_brandspace(database, principal, name=f"{name} space", competitors=["acme"], primary="acme")
    return database


def _similar(database: Database, who: Principal, ad_id: str, brandspace: str = "all") -> similar.SimilarTexts:
    vectors = TextVectors(FaissVectorIndex("test-model", 2), most=100)
    return similar.similar_ads(database, who, brandspace, NONE, ad_id=ad_id, vectors=vectors)


def _owned(query: Callable[..., Any]) -> Callable[[Database, Principal], Any]:
    """Of each one's own ad."""
    own = {OURS: OUR_AD, THEIRS: THEIR_AD}
    return lambda database, who: query(database, who, PostgresDocuments(database), own[who].ad_id)


QUERIES: dict[str, Callable[[Database, Principal], Any]] = {
    "list_ads": lambda database, who: ads.list_ads(database, who, "all", NONE),
    "list_ads by words": lambda database, who: ads.list_ads(database, who, "all", AdFilters(words="words")),
    "facets": lambda database, who: facets.facets(database, who, "all", NONE),
    "get_ad": lambda database, who: ad_detail.get_ad(database, who, SHARED_AD.ad_id),
    "raw_source": _owned(raw_source.raw_source),
    "ad_description": _owned(description.ad_description),
    "list_brands": brands.list_brands,
    "get_brand": lambda database, who: brands.get_brand(database, who, "acme"),
    "list_brandspaces": brandspaces.list_brandspaces,
    "list_brandspaces archived": lambda database, who: brandspaces.list_brandspaces(database, who, archived=True),
    "brand_overviews": lambda database, who: overview.brand_overviews(database, who, "all"),
    "whats_new": lambda database, who: overview.whats_new(database, who, "all"),
    "label_mix": lambda database, who: comparison.label_mix(database, who, "all", "hook", NONE),
    "launches": lambda database, who: comparison.launches(database, who, "all", Period.WEEK, NONE),
    "list_concepts": lambda database, who: concepts.list_concepts(database, who, "all", NONE),
    "concept_of_ad": lambda database, who: concept_detail.concept_of_ad(database, who, SHARED_AD.ad_id),
    "voices": lambda database, who: concepts.voices(database, who, "all", NONE),
    "similar_ads": lambda database, who: _similar(database, who, SHARED_AD.ad_id),
    "list_creatives": lambda database, who: creatives.list_creatives(database, who, "all", NONE),
    "longevities": lambda database, who: longevity.longevities(database, who, "all", NONE),
    "labelling_coverage": lambda database, who: coverage.labelling_coverage(database, who, "all", NONE),
    "pictures_read": lambda database, who: coverage.pictures_read(database, who, "all"),
    "survivals": lambda database, who: longevity.survivals(database, who, "all", NONE),
    "compare_brands": lambda database, who: questions.compare_brands(database, who, load_taxonomy(), BY_HOOK),
    "answer": lambda database, who: frozen.answer(database, who, load_taxonomy(), BY_HOOK),
    "list_frozen": frozen.list_frozen,
    "scan_dates": lambda database, who: deltas.scan_dates(database, who, "all", NONE),
    "deltas_between": lambda database, who: deltas.deltas_between(
        database, who, "all", "hook", NONE, since=DAY, until=DAY + timedelta(days=1)
    ),
    "media_grants": lambda database, who: media.media_grants(database, who, list(SHA.values())),
    "list_requests": requests.list_requests,
    "catch_up": lambda database, who: events.catch_up(
        database, who, events.Topics(everything=True), after=0, kept_hours=24
    ),
}


SAY_LITTLE = {
    "get_ad",
    "list_frozen",
    "concept_of_ad",
    "scan_dates",
    "labelling_coverage",
    "launches",
    "list_brandspaces archived",
    "pictures_read",
}


@pytest.mark.parametrize("name", QUERIES)
def test_no_answer_holds_anything_of_another_organisation(two_tenants: Database, name: str) -> None:
    answer = repr(QUERIES[name](two_tenants, OURS))

    assert SECRET not in answer
    assert THEIR_AD.ad_id not in answer
    assert SHA["theirs"] not in answer


@pytest.mark.parametrize("name", sorted(QUERIES.keys() - SAY_LITTLE))
def test_the_owner_finds_it_by_the_same_questions(two_tenants: Database, name: str) -> None:
    answer = repr(QUERIES[name](two_tenants, THEIRS))

    assert SECRET in answer or SHA["theirs"] in answer


def test_counts_hold_shared_and_own_ads_only(two_tenants: Database) -> None:
    mix = comparison.label_mix(two_tenants, OURS, "all", "hook", NONE)
    started = comparison.launches(two_tenants, OURS, "all", Period.WEEK, NONE)

    assert ads.count_ads(two_tenants, OURS, "all", NONE) == 2
    assert ads.count_ads(two_tenants, THEIRS, "all", NONE) == 3
    assert coverage.labelling_coverage(two_tenants, OURS, "all", NONE).stored == 2
    assert sum(coverage.pictures_read(two_tenants, OURS, "all").values()) == 2
    assert [brand.ads for brand in mix.brands] == [brand.ads for brand in started.brands] == [2]


def test_searching_for_anothers_words_finds_nothing(two_tenants: Database) -> None:
    assert ads.count_ads(two_tenants, OURS, "all", AdFilters(words=SECRET)) == 0
    assert ads.count_ads(two_tenants, THEIRS, "all", AdFilters(words=SECRET)) == 2


def test_the_search_function_gives_visible_contents_only(two_tenants: Database) -> None:
    """It runs as the owner, past row-level security, so it is asked directly."""
    asked = text("SELECT content_id FROM content_containing(ARRAY['%words%'])")

    with two_tenants.reader(OURS) as connection:
        ours = set(connection.execute(asked).scalars())
    with two_tenants.app_engine.connect() as connection:
        nobodys = set(connection.execute(asked).scalars())

    assert ours == {SHARED_AD.content_id, OUR_AD.content_id}
    assert nobodys == set()


def test_anothers_things_do_not_exist(two_tenants: Database) -> None:
    theirs = brandspaces.list_brandspaces(two_tenants, THEIRS)[1].brandspace_id
    asks: list[Callable[[], Any]] = [
        lambda: ad_detail.get_ad(two_tenants, OURS, THEIR_AD.ad_id),
        lambda: raw_source.raw_source(two_tenants, OURS, PostgresDocuments(two_tenants), THEIR_AD.ad_id),
        lambda: description.ad_description(two_tenants, OURS, PostgresDocuments(two_tenants), THEIR_AD.ad_id),
        lambda: brands.get_brand(two_tenants, OURS, f"{SECRET}_brand"),
        lambda: brands.resolve_brand(two_tenants, OURS, f"{SECRET} alias"),
        lambda: brandspaces.get_brandspace(two_tenants, OURS, theirs),
        lambda: ads.list_ads(two_tenants, OURS, theirs, NONE),
        lambda: facets.facets(two_tenants, OURS, theirs, NONE),
        lambda: overview.brand_overviews(two_tenants, OURS, theirs),
        lambda: overview.whats_new(two_tenants, OURS, theirs),
        lambda: comparison.label_mix(two_tenants, OURS, theirs, "hook", NONE),
        lambda: concepts.list_concepts(two_tenants, OURS, theirs, NONE),
        lambda: concept_detail.get_concept(two_tenants, OURS, THEIR_AD.ad_id),
        lambda: concept_detail.concept_of_ad(two_tenants, OURS, THEIR_AD.ad_id),
        lambda: concepts.voices(two_tenants, OURS, theirs, NONE),
        lambda: creatives.list_creatives(two_tenants, OURS, theirs, NONE),
        lambda: longevity.longevities(two_tenants, OURS, theirs, NONE),
        lambda: _similar(two_tenants, OURS, THEIR_AD.ad_id),
        lambda: _similar(two_tenants, OURS, SHARED_AD.ad_id, theirs),
        lambda: media.media_grant(two_tenants, OURS, SHA["theirs"]),
        lambda: media.thumbnail_of(two_tenants, OURS, SHA["theirs"]),
        lambda: requests.get_request(two_tenants, OURS, f"{SECRET}-request"),
        lambda: requests.rejected_rows(two_tenants, OURS, f"{SECRET}-request"),
    ]

    for ask in asks:
        with pytest.raises(NotFoundError) as refusal:
            ask()
        assert THEIR_AD.ad_id not in str(refusal.value)


def test_a_stored_file_no_visible_ad_uses_is_not_granted(two_tenants: Database) -> None:
    unused = {"scope": "shared", "sha256": "d" * 64, "content_type": "image/png", "size_bytes": 1}
    with two_tenants.worker("shared") as connection:
        connection.execute(insert(schema.creative).values(unused))

    assert media.media_grant(two_tenants, OURS, SHA["shared"]) == "image/png"
    assert media.media_grant(two_tenants, THEIRS, SHA["theirs"]) == "image/png"
    for ask in (media.media_grant, media.thumbnail_of):
        with pytest.raises(NotFoundError):
            ask(two_tenants, OURS, "d" * 64)


def test_a_brand_in_both_scopes_is_one_line_with_counts_summed(two_tenants: Database) -> None:
    (ours,) = overview.brand_overviews(two_tenants, OURS, "all").items
    (brand,) = brands.list_brands(two_tenants, OURS).items

    assert (ours.slug, ours.ads, ours.new, len(ours.news)) == ("acme", 2, 2, 2)
    assert (brand.ads, brand.scopes) == (2, ("ours", "shared"))


def test_a_viewer_makes_no_brandspace(database: Database) -> None:
    with pytest.raises(NotAllowedError):
        create_brandspace(database, Principal("ours", Role.VIEWER), name="x", competitors=[])


def test_an_alias_of_ones_own_goes_before_the_shared_one(database: Database) -> None:
    store_brand(database, "shared_acme", aliases={"acme": "Acme"})
    store_brand(database, "own_acme", scope="ours", aliases={"acme": "ACME!"})

    assert brands.resolve_brand(database, OURS, "A-c-m-e") == "own_acme"
    assert brands.resolve_brand(database, THEIRS, "acme") == "shared_acme"


def test_the_tenant_rule_is_tried_on_every_query() -> None:
    tried = {name.split()[0] for name in QUERIES}
    tried_by_name = {
        "get_brandspace",
        "chosen_brandspace",
        "resolve_brand",
        "get_frozen",
        "label_verdicts",
        "media_grant",
        "thumbnail_of",
        "get_request",
        "rejected_rows",
        "count_ads",
        "get_concept",
    }
    modules = (
        ad_detail,
        ads,
        brands,
        brandspaces,
        comparison,
        concept_detail,
        concepts,
        creatives,
        facets,
        longevity,
        media,
    )
    modules += (coverage, deltas, description, events, frozen, questions, overview, raw_source, requests, similar)
    there = {
        name
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if {"database", "principal"} <= set(inspect.signature(function).parameters) and not name.startswith("_")
    }

    assert there == tried | tried_by_name
