"""No question about a brandspace visits more rows because the rest of the market grew.

The same questions are asked of a market and of one ten times as large, with a brandspace of the same size in both. What
is compared are the rows that PostgreSQL touched, as it counts them itself (EXPLAIN ANALYZE), under the role and the
row-level security of the API. Reading a table whole is forbidden meanwhile: the tables of a test are so small that
PostgreSQL would rather do that than use the index it needs later.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

import core.queries
from benchmarks.api.market import Market, fill
from benchmarks.api.recorder import recorded
from core.adapters.faiss_index import FaissVectorIndex
from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import describe_cluster
from core.adapters.postgres.text_vectors import TextVectors
from core.ai.taxonomy import load_taxonomy
from core.domain.principal import LOCAL_PRINCIPAL, Principal
from core.errors import NotFoundError
from core.insights.launches import Period
from core.ports import SecretStore
from core.queries import (
    account,
    ad_detail,
    ads,
    audit,
    brands,
    brandspaces,
    comparison,
    concept_detail,
    concepts,
    coverage,
    creatives,
    deltas,
    events,
    facets,
    frozen,
    label_quality,
    longevity,
    media,
    newest_ads,
    overview,
    questions,
    requests,
    similar,
    spending,
    themes,
    unread,
    users,
    webhooks,
)
from core.queries.filters import AdFilters
from core.queries.seen_concepts import read_concept, read_merge
from core.queries.seen_labels import read_said, read_seen

US, HERE, ALL, NONE = LOCAL_PRINCIPAL, "watched", "all", AdFilters()
IN_CONCEPTS = AdFilters(unit="concepts")
NOW = datetime(2026, 11, 1, tzinfo=UTC)
SMALL, LARGE = Market(1_000), Market(10_000)
MORE, FEW = 1.2, 20  # what a plan may differ by

COMMENT = re.compile(r"/\* (\w+) \*/")
A_VECTOR_EACH = """
    INSERT INTO embedding (scope, subject, model, dimension, normalised, vector)
    SELECT scope, text_hash, 'none', 2, true, '\\x0000803f00000000' FROM content
"""
A_THEME = """
    INSERT INTO theme (theme_id, organisation_id, brandspace_id, name, model, centre, examples)
    SELECT 'theme', 'local', 'watched', 'Theme', 'none', '', ARRAY[(SELECT content_id FROM ad WHERE brand_slug = :brand
    LIMIT 1)]; INSERT INTO theme_member SELECT DISTINCT 'local', 'watched', scope, content_id, 'theme', 1.0 FROM ad
    WHERE brand_slug = :brand AND content_id IS NOT NULL
"""
IN_CODE = re.compile(r"/\* (\w+) \*/|comment=\"(\w+)\"")


@dataclass(frozen=True)
class World:
    """A filled database, with ids to ask for."""

    database: Database
    ad: str
    concept: str
    file: str
    request: str

    def similar(self) -> Any:
        vectors = TextVectors(FaissVectorIndex("none", 2), most=1_000)
        return similar.similar_ads(self.database, US, HERE, NONE, ad_id=self.ad, vectors=vectors)

    def nothing_frozen(self) -> None:
        with pytest.raises(NotFoundError):
            frozen.get_frozen(self.database, US, "nothing")

    def open_requests(self) -> Any:
        topics = events.Topics(requests=frozenset([self.request]), brandspaces=frozenset([HERE]))
        return events.catch_up(self.database, US, topics, after=None, kept_hours=24)

    def corrected(self) -> Any:
        with self.database.reader(US) as connection:
            return read_concept(connection, self.concept), read_merge(connection, self.concept)

    def texts_of_themes(self) -> Any:
        with self.database.reader(US) as connection:
            themes.read_theme(connection, US, "theme")
            names = themes.read_brand_names(connection, SMALL.watched_slugs)
            return names, themes.read_texts(connection, US, HERE, model="none")

    def unread(self) -> Any:
        with self.database.reader(US) as connection:
            return unread.count_unread(connection, SMALL.watched_slugs[0], again=False)

    def said(self) -> Any:
        with self.database.reader(US) as connection:
            return read_seen(connection, read_said(connection, self.ad, "hook"), "hook")


Question = Callable[[World], Any]
FILTERS: Mapping[str, AdFilters] = {
    "": NONE,
    " of a label": AdFilters(labels=(("hook", "hook_1"), ("tone", "unknown"))),
    " of a status": AdFilters(statuses=("active",)),
    " of a button": AdFilters(ctas=("Shop Now",), landing_domain="x.example"),
    " with a word": AdFilters(words="title"),
    " with two letters": AdFilters(words="ti"),
    " with a word on the picture": AdFilters(on_screen_words="title"),
}

BOUNDED: dict[str, Question] = {
    **{f"list_ads{name}": lambda w, f=f: ads.list_ads(w.database, US, HERE, f) for name, f in FILTERS.items()},
    **{f"count_ads{name}": lambda w, f=f: ads.count_ads(w.database, US, HERE, f) for name, f in FILTERS.items()},
    **{f"list_ads, {name}": lambda w, s=name: ads.list_ads(w.database, US, HERE, NONE, sort=s) for name in ads.SORTS},
    "list_ads of all": lambda w: ads.list_ads(w.database, US, ALL, NONE),
    "get_ad": lambda w: ad_detail.get_ad(w.database, US, w.ad),
    "said": World.said,
    "similar": World.similar,
    "facets": lambda w: facets.facets(w.database, US, HERE, NONE),
    "facets in concepts": lambda w: facets.facets(w.database, US, HERE, AdFilters(unit="concepts")),
    "facets of a choice": lambda w: facets.facets(w.database, US, HERE, AdFilters(labels=(("hook", "hook_1"),))),
    "label_mix": lambda w: comparison.label_mix(w.database, US, HERE, "hook", NONE),
    "label_mix of formats": lambda w: comparison.label_mix(w.database, US, HERE, comparison.FORMAT, NONE),
    "launches": lambda w: comparison.launches(w.database, US, HERE, Period.MONTH, NONE),
    "label_mix in concepts": lambda w: comparison.label_mix(w.database, US, HERE, "hook", IN_CONCEPTS),
    "label_mix of covers": lambda w: comparison.label_mix(w.database, US, HERE, "visual_style", NONE),
    "launches of concepts": lambda w: comparison.launches(w.database, US, HERE, Period.MONTH, IN_CONCEPTS),
    "pictures_read": lambda w: coverage.pictures_read(w.database, US, HERE),
    "labelling_coverage": lambda w: coverage.labelling_coverage(w.database, US, HERE, NONE),
    "labelling_coverage of concepts": lambda w: coverage.labelling_coverage(w.database, US, HERE, IN_CONCEPTS),
    "labelling_coverage of a dimension": lambda w: coverage.labelling_coverage(
        w.database, US, HERE, NONE, dimension="hook"
    ),
    "survivals": lambda w: longevity.survivals(w.database, US, HERE, NONE),
    "frozen": lambda w: frozen.answer(w.database, US, load_taxonomy(), questions.Question(HERE, "hook", IN_CONCEPTS)),
    "list_frozen": lambda w: frozen.list_frozen(w.database, US),
    "get_frozen": World.nothing_frozen,
    "scan_dates": lambda w: deltas.scan_dates(w.database, US, HERE, NONE),
    "deltas_between": lambda w: deltas.deltas_between(
        w.database, US, HERE, "hook", NONE, since=NOW.date() - timedelta(days=30), until=NOW.date()
    ),
    "label_quality": lambda w: label_quality.newest_measures(w.database, US),
    "ads_that_say": lambda w: label_quality.ads_that_say(w.database, US, ["no content", w.ad]),
    "list_concepts": lambda w: concepts.list_concepts(w.database, US, HERE, NONE),
    "get_concept": lambda w: concept_detail.get_concept(w.database, US, w.concept),
    "concept_of_ad": lambda w: concept_detail.concept_of_ad(w.database, US, w.ad),
    "read_concept": World.corrected,
    "count_ads in concepts": lambda w: ads.count_ads(w.database, US, HERE, IN_CONCEPTS),
    "count_ads of a concept": lambda w: ads.count_ads(w.database, US, HERE, AdFilters(concepts=(w.concept,))),
    "voices": lambda w: concepts.voices(w.database, US, HERE, NONE),
    "get_themes": lambda w: themes.get_themes(w.database, US, HERE, NONE),
    "get_themes in concepts": lambda w: themes.get_themes(w.database, US, HERE, IN_CONCEPTS),
    "count_ads of a theme": lambda w: ads.count_ads(w.database, US, HERE, AdFilters(themes=("theme",))),
    "texts_of_themes": World.texts_of_themes,
    "list_creatives": lambda w: creatives.list_creatives(w.database, US, HERE, NONE),
    "longevities": lambda w: longevity.longevities(w.database, US, HERE, NONE),
    "brand_overviews": lambda w: overview.brand_overviews(w.database, US, HERE),
    "brand_overviews of all": lambda w: overview.brand_overviews(w.database, US, ALL, limit=5),
    "newest_ads": lambda w: newest_ads.newest_pictured(w.database, US, HERE),
    "whats_new": lambda w: overview.whats_new(w.database, US, HERE),
    "list_brands": lambda w: brands.list_brands(w.database, US, limit=5),
    "get_brand": lambda w: brands.get_brand(w.database, US, SMALL.watched_slugs[0]),
    "resolve_brand": lambda w: brands.resolve_brand(w.database, US, SMALL.watched_slugs[0]),
    "list_brandspaces": lambda w: brandspaces.list_brandspaces(w.database, US),
    "chosen_brandspace": lambda w: brandspaces.chosen_brandspace(w.database, Principal("local", user_id="u")),
    "thumbnail_of": lambda w: media.thumbnail_of(w.database, US, w.file),
    "media_grants": lambda w: media.media_grants(w.database, US, [w.file]),
    "list_requests": lambda w: requests.list_requests(w.database, US),
    "get_request": lambda w: requests.get_request(w.database, US, w.request),
    "rejected_rows": lambda w: requests.rejected_rows(w.database, US, w.request),
    "list_webhooks": lambda w: webhooks.list_webhooks(w.database, US),
    "get_account": lambda w: account.get_account(w.database, US, now=NOW),
    "users_page": lambda w: account.users_page(w.database, US),
    "list_users": lambda w: users.list_users(w.database, US),
    "get_spending": lambda w: spending.get_spending(w.database, US, now=NOW, by="brand"),
    "get_spending of ads": lambda w: spending.get_spending(w.database, US, now=NOW, by="ad"),
    "get_budget": lambda w: spending.get_budget(w.database, US, usd_per_day=5.0),
    "cost_of_ad": lambda w: spending.cost_of_ad(w.database, US, w.ad),
    "count_unread": World.unread,
    "list_sessions": lambda w: account.list_sessions(w.database, US, now=NOW),
    "list_keys": lambda w: account.list_keys(w.database, US),
    "catch_up": lambda w: events.catch_up(w.database, US, events.Topics(everything=True), after=1, kept_hours=24),
    "catch_up by snapshot": World.open_requests,
    "audit_trail": lambda w: audit.audit_trail(w.database, US),
}


# What may visit more, and what isn't asked about: with the reason.
MAY_GROW: Mapping[str, str] = {
    "position": "may walk back over the newest events of others; events are kept for some days only",
    "events_after": "as position",
}
NOT_ASKED: Mapping[str, str] = {
    "exported_file": "one row by its key",
    "rest_of_exported": "the versions of the 200 ads of a list_ads, by key",
    "media_of_exported": "the media of the 200 ads of a list_ads, by key",
    "get_user": "one row by its key",
    "list_deliveries": "of one webhook, by index, a page at a time",
    "raw_source": "one row by its key",
    "ad_description": "one row by its key",
}


@pytest.fixture(scope="module")
def worlds(
    postgres_server: EmbeddedPostgres, migrated_template: str, database_secrets: SecretStore
) -> Iterator[tuple[World, World]]:
    with (
        filled(postgres_server, migrated_template, database_secrets, SMALL) as small,
        filled(postgres_server, migrated_template, database_secrets, LARGE) as large,
    ):
        yield small, large


@contextmanager
def filled(server: EmbeddedPostgres, template: str, secrets: SecretStore, market: Market) -> Iterator[World]:
    name = f"market_{market.ads}"
    maintenance = create_engine(server.url, isolation_level="AUTOCOMMIT")
    with maintenance.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} OWNER adology_owner"))
    cluster = describe_cluster(server.url, name, secrets)
    administrator = create_engine(cluster.owner.set(username="postgres"))
    database = Database(cluster.urls)
    try:
        fill(administrator, market)
        with administrator.begin() as connection:
            connection.execute(text(A_VECTOR_EACH))
            connection.execute(text(A_THEME), {"brand": market.watched_slugs[0]})
        yield World(database, **ids(database))
    finally:
        database.dispose()
        administrator.dispose()
        with maintenance.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        maintenance.dispose()


def ids(database: Database) -> dict[str, str]:
    statement = text(
        "SELECT ad_id AS ad, cover_sha256 AS file, (SELECT min(request_id) FROM request) AS request,"
        " concept_id AS concept FROM ad JOIN variant USING (scope, variant_id, brand_slug, cover_sha256)"
        " WHERE brand_slug = :brand ORDER BY external_id LIMIT 1"
    )
    with database.reader(US) as connection:
        return dict(connection.execute(statement, {"brand": SMALL.watched_slugs[0]}).one()._mapping)


def visited(world: World, question: Question) -> dict[str, int]:
    """Rows that were touched, by the name of the statement."""
    with recorded(world.database.reading_engine) as statements:
        question(world)
    found: dict[str, int] = {}
    for statement in statements:
        if not statement.startswith("SET"):
            name = "".join(COMMENT.findall(statement)[:1]) or statement[:60]
            found[name] = found.get(name, 0) + touched(world, statement)
    return found


def touched(world: World, statement: str) -> int:
    with world.database.reader(US) as connection:
        for way in ("seqscan", "hashjoin", "mergejoin"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
        (answer,) = connection.execution_options(no_parameters=True).exec_driver_sql(explain).scalars()
    return sum(rows_of(node) for node in nodes(answer[0]["Plan"]))


def nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def rows_of(node: Mapping[str, Any]) -> int:
    kind = node["Node Type"]
    if not kind.endswith("Scan") or kind in {"CTE Scan", "Subquery Scan", "Bitmap Index Scan"}:
        return 0
    removed = (node.get(f"Rows Removed by {reason}", 0) for reason in ("Filter", "Index Recheck"))
    return round((node["Actual Rows"] + sum(removed)) * node["Actual Loops"])


@pytest.mark.parametrize("name", BOUNDED)
def test_a_growing_market_costs_a_brandspace_nothing(worlds: tuple[World, World], name: str) -> None:
    small, large = (visited(world, BOUNDED[name]) for world in worlds)

    grown = {what: (small[what], rows) for what, rows in large.items() if rows > small[what] * MORE + FEW}
    assert grown.keys() <= MAY_GROW.keys(), grown


def test_every_statement_is_asked_about(worlds: tuple[World, World]) -> None:
    """Whoever writes a query enters a question that sends it, or says why not."""
    written = {name for name in commented() if name}
    asked: set[str] = set()
    for question in BOUNDED.values():
        with recorded(worlds[0].database.reading_engine) as statements:
            question(worlds[0])
        asked.update(name for statement in statements for name in COMMENT.findall(statement))

    assert written - asked == NOT_ASKED.keys()


def commented() -> Iterator[str]:
    for file in Path(core.queries.__file__).parent.glob("*.py"):
        for found in IN_CODE.findall(file.read_text("utf-8")):
            yield from found
