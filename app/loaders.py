"""What pages read, through core.queries, remembered for seconds. Each key carries the principal: its scope.

A page never waits twice for the same answer, and is never older than ``FRESH_SECONDS``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any, TypeVar

import streamlit as st

from app.resources import services
from core.access.organisations import organisation_name
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.insights.launches import Period
from core.insights.voice import ShareOfVoice
from core.pipeline.quoting import Quote
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
    deltas,
    description,
    frozen,
    label_quality,
    longevity,
    newest_ads,
    operations,
    overview,
    questions,
    raw_source,
    requests,
    spending,
    themes,
    users,
    webhooks,
)
from core.queries import facets as facet_queries
from core.queries.filters import AdFilters
from core.queries.groups import FIRST_PAGE, GroupPage
from core.queries.pages import MAX_PAGE, Page

FRESH_SECONDS = 20
CARDS = 24  # of one page of the gallery
_Load = TypeVar("_Load", bound=Callable[..., Any])


def _remembered(most: int, *, seconds: int = FRESH_SECONDS) -> Callable[[_Load], _Load]:
    """``most`` answers, each for ``seconds``. What a question holds is plain and frozen, so its text is its key.

    Streamlit would hash it field by field: a fifth of what a click costs.
    """
    keys = {kind: repr for kind in (Principal, AdFilters, GroupPage, questions.Question)}
    return st.cache_data(ttl=seconds, max_entries=most, show_spinner=False, hash_funcs=keys)


@_remembered(50)
def load_organisation_name(principal: Principal) -> str:
    """What the organisation is called."""
    return organisation_name(services().database, principal)


@_remembered(50)
def load_brandspaces(principal: Principal) -> list[brandspaces.Brandspace]:
    """Every brandspace, "All brands" first."""
    return brandspaces.list_brandspaces(services().database, principal)


@_remembered(50)
def load_archived(principal: Principal) -> list[brandspaces.Brandspace]:
    """The newest archived brandspaces."""
    return brandspaces.list_brandspaces(services().database, principal, archived=True)


@_remembered(50)
def load_brands(principal: Principal) -> tuple[brands.BrandView, ...]:
    """The first 200 brands by slug."""
    return brands.list_brands(services().database, principal, limit=MAX_PAGE).items


@_remembered(50)
def load_overviews(principal: Principal, brandspace: str) -> tuple[overview.BrandOverview, ...]:
    """How the first 200 brands of a brandspace stand."""
    return overview.brand_overviews(services().database, principal, brandspace, limit=MAX_PAGE).items


@_remembered(200)
def load_ads(
    principal: Principal, brandspace: str, filters: AdFilters, *, cursor: str | None, sort: str, limit: int = CARDS
) -> Page[ads.AdCard]:
    """A page of cards."""
    return ads.list_ads(services().database, principal, brandspace, filters, cursor=cursor, sort=sort, limit=limit)


@_remembered(50)
def load_newest_ads(principal: Principal, brandspace: str) -> list[ads.AdCard]:
    """What the newest scans brought, with pictures."""
    return newest_ads.newest_pictured(services().database, principal, brandspace)


@_remembered(200)
def load_count(principal: Principal, brandspace: str, filters: AdFilters) -> int:
    """How many ads pass the filters, or how many concepts they are."""
    return ads.count_ads(services().database, principal, brandspace, filters)


@_remembered(100)
def load_concepts(
    principal: Principal, brandspace: str, filters: AdFilters, page: GroupPage = FIRST_PAGE
) -> concepts.Concepts:
    """A page of concepts."""
    return concepts.list_concepts(services().database, principal, brandspace, filters, page)


@_remembered(100)
def load_concept_of_ad(principal: Principal, ad_id: str) -> concept_detail.ConceptDetail | None:
    """The concept an ad is in, with its variants; None where it isn't grouped yet."""
    return concept_detail.concept_of_ad(services().database, principal, ad_id)


@_remembered(200)
def load_facets(
    principal: Principal, brandspace: str, filters: AdFilters, only: tuple[str, ...] = tuple(facet_queries.EVERY_FACET)
) -> dict[str, facet_queries.Facet]:
    """The values of these filters with counts."""
    return facet_queries.facets(services().database, principal, brandspace, filters, only)


@_remembered(100)
def load_ad(principal: Principal, ad_id: str) -> ad_detail.AdDetail:
    """One ad, whole."""
    return ad_detail.get_ad(services().database, principal, ad_id)


@_remembered(100)
def load_ad_description(principal: Principal, ad_id: str) -> description.AdDescription | None:
    """What a model wrote of one ad; None where none was asked."""
    try:
        return description.ad_description(services().database, principal, services().documents, ad_id)
    except NotFoundError:
        return None


@_remembered(20)
def load_raw_source(principal: Principal, ad_id: str) -> dict[str, Any] | None:
    """What the source delivered; None where nothing raw is kept."""
    try:
        return raw_source.raw_source(services().database, principal, services().documents, ad_id)
    except NotFoundError:
        return None


@_remembered(100)
def load_comparison(principal: Principal, question: questions.Question) -> questions.BrandComparison:
    """Brand × value, and which differences are shown."""
    ports = services()
    return questions.compare_brands(ports.database, principal, ports.taxonomy, question)


@_remembered(100)
def load_themes(principal: Principal, brandspace: str, filters: AdFilters) -> themes.Themes:
    """The themes of a brandspace, by brand."""
    return themes.get_themes(services().database, principal, brandspace, filters)


@_remembered(100)
def load_survivals(principal: Principal, brandspace: str, filters: AdFilters) -> longevity.Survivals:
    """Curves of days seen."""
    return longevity.survivals(services().database, principal, brandspace, filters)


@_remembered(100)
def load_voices(principal: Principal, brandspace: str, filters: AdFilters) -> ShareOfVoice:
    """Who says how much."""
    return concepts.voices(services().database, principal, brandspace, filters)


@_remembered(100)
def load_scan_dates(principal: Principal, brandspace: str, filters: AdFilters) -> tuple[date, ...]:
    """On which days the brands were scanned."""
    return deltas.scan_dates(services().database, principal, brandspace, filters)


@_remembered(100)
def load_deltas(principal: Principal, question: questions.Question, since: date, until: date) -> deltas.TurnoverBetween:
    """What came and what went between two dates."""
    ports = services()
    return deltas.deltas_between(
        ports.database, principal, question.brandspace, question.dimension, question.filters,
        since=since, until=until, allowed=questions.values_of(ports.taxonomy, question.dimension),
    )  # fmt: skip


@_remembered(50)
def load_frozen(principal: Principal) -> tuple[frozen.FrozenView, ...]:
    """The newest frozen comparisons."""
    return frozen.list_frozen(services().database, principal).items


@_remembered(20)
def load_frozen_answer(principal: Principal, frozen_id: str) -> tuple[frozen.FrozenView, frozen.FrozenAnswer | None]:
    """One frozen comparison; no answer where an older program wrote it in another form."""
    view, body = frozen.get_frozen(services().database, principal, frozen_id)
    return view, frozen.read_body(body)


@_remembered(100)
def load_launches(principal: Principal, brandspace: str, filters: AdFilters) -> comparison.Launches:
    """Ads started per month."""
    return comparison.launches(services().database, principal, brandspace, Period.MONTH, filters)


@_remembered(100)
def load_coverage(
    principal: Principal, brandspace: str, filters: AdFilters, dimension: str | None = None
) -> coverage.Coverage:
    """What an answer rests on."""
    return coverage.labelling_coverage(services().database, principal, brandspace, filters, dimension=dimension)


@_remembered(50)
def load_pictures_read(principal: Principal, brandspace: str) -> dict[str, int]:
    """How far the reading of covers has come."""
    return coverage.pictures_read(services().database, principal, brandspace)


@_remembered(50)
def load_label_quality(principal: Principal) -> label_quality.LabelQuality:
    """How good the labels of every dimension are."""
    ports = services()
    return label_quality.label_quality_of(ports.database, principal, ports.taxonomy)


@_remembered(100)
def load_ads_that_say(principal: Principal, content_ids: tuple[str, ...]) -> dict[str, str]:
    """Content id → an ad that says it."""
    return label_quality.ads_that_say(services().database, principal, content_ids)


@_remembered(50, seconds=1)
def load_requests(principal: Principal, limit: int = 20) -> tuple[requests.RequestView, ...]:
    """The newest requests."""
    return requests.list_requests(services().database, principal, limit=limit).items


@_remembered(50)
def load_account(principal: Principal) -> account.AccountView:
    """The organisation and its figures."""
    return account.get_account(services().database, principal, now=now())


@_remembered(50)
def load_users(principal: Principal) -> tuple[users.UserView, ...]:
    """Everybody of the organisation."""
    return users.list_users(services().database, principal)


@_remembered(50)
def load_sessions(principal: Principal) -> tuple[account.SessionView, ...]:
    """The newest 50 open sessions."""
    return account.list_sessions(services().database, principal, now=now()).items


@_remembered(50)
def load_keys(principal: Principal) -> tuple[account.KeyView, ...]:
    """The newest 50 keys."""
    return account.list_keys(services().database, principal).items


@_remembered(50)
def load_webhooks(principal: Principal) -> list[webhooks.WebhookView]:
    """Every webhook."""
    return webhooks.list_webhooks(services().database, principal)


@_remembered(50, seconds=2)
def load_deliveries(principal: Principal, webhook_id: str) -> tuple[webhooks.DeliveryView, ...]:
    """The last few messages of a webhook."""
    return webhooks.list_deliveries(services().database, principal, webhook_id, limit=5).items


@_remembered(50)
def load_changes(principal: Principal) -> tuple[audit.AuditView, ...]:
    """The newest 200 changes."""
    return audit.audit_trail(services().database, principal, limit=MAX_PAGE).items


@_remembered(50, seconds=2)
def load_budget(principal: Principal) -> spending.BudgetView:
    """What may be spent on models today."""
    usd_per_day = services().settings.ai_budget_usd_per_day
    return spending.get_budget(services().database, principal, usd_per_day=usd_per_day)


@_remembered(50, seconds=2)
def load_spending(principal: Principal, by: spending.By) -> spending.Spending:
    """What models have cost in 30 days."""
    return spending.get_spending(services().database, principal, now=now(), by=by)


@_remembered(100)
def load_ad_cost(principal: Principal, ad_id: str) -> spending.SpendingRow:
    """What reading one ad has cost."""
    return spending.cost_of_ad(services().database, principal, ad_id)


@_remembered(50)
def load_quote(principal: Principal, brand: str) -> Quote:
    """What having models read a brand would cost."""
    return services().quoter.quote(principal, brand)


@_remembered(1, seconds=1)
def load_queues() -> list[operations.QueueFigures]:
    """Queues that hold something. Operators' figures have no principal: counts over all tenants, no content."""
    return operations.queue_depths(services().database)


@_remembered(5, seconds=1)
def load_runs(limit: int = 25) -> list[operations.RunFigures]:
    """The newest runs."""
    return operations.recent_runs(services().database, limit=limit)


@_remembered(5, seconds=1)
def load_dead_letters(limit: int = 25) -> list[operations.DeadLetter]:
    """The newest dead letters."""
    return operations.dead_letters(services().database, limit=limit)


@_remembered(5, seconds=1)
def load_notices(limit: int = 25) -> list[operations.NoticeView]:
    """The newest errors, warnings and notes."""
    return operations.recent_notices(services().database, limit=limit)


@_remembered(1, seconds=1)
def load_heartbeats() -> list[operations.Heartbeat]:
    """The processes that were heard of."""
    return operations.heartbeats(services().database)


def forget() -> None:
    """Read everything anew: something was written."""
    st.cache_data.clear()


def now() -> datetime:
    """The time by the services' clock, in UTC."""
    return services().clock.now()
