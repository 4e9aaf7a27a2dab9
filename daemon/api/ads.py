"""The ads of a brandspace: filtered, counted, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel

from core.domain.ad import AdFormat
from core.domain.media import MediaStatus
from core.queries import ad_detail, ads
from core.queries.description import AdDescription, ad_description
from core.queries.facets import Facet, facets
from core.queries.filters import UNITS, AdFilters, Unit
from core.queries.pages import Page
from core.queries.raw_source import raw_source
from core.queries.status import AdStatus
from daemon.api.brandspaces import BrandspacePath
from daemon.api.context import AnswerTooLargeError, current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.links import LinkedAd, LinkedCard, linked_ad, linked_cards
from daemon.api.schemas import Identifier, Paging, Query

blueprint = APIBlueprint("ads", __name__, url_prefix="/api/v1", abp_tags=[{"name": "ads"}])

_PAGING = ("cursor", "limit", "sort")


class FilterParams(Query, BaseModel):  # twice, for linters that look no further than this file
    """The filters, for the reader of the API description; ``AdFilters`` reads and checks them.

    Repeat a name for alternatives; all names given must hold. A label is written ``dimension:value``.
    """

    brands: Annotated[list[str], Field(description="Slugs of brands, as `kestrun`")] = []
    channels: Annotated[list[str], Field(description="Where the ads ran, as `meta`")] = []
    platforms: Annotated[list[str], Field(description="Where on the channel, as `instagram`; or `unknown`")] = []
    countries: Annotated[list[str], Field(description="Countries by code, as `DE`; or `unknown`")] = []
    languages: Annotated[list[str], Field(description="Languages by code, as `de`; or `unknown`")] = []
    formats: Annotated[list[str], Field(description=f"Of {', '.join(AdFormat)}")] = []
    statuses: Annotated[list[str], Field(description=f"Of {', '.join(AdStatus)}")] = []
    media_statuses: Annotated[list[str], Field(description=f"Of {', '.join(MediaStatus)}")] = []
    ctas: Annotated[list[str], Field(description="What the button says, as `Shop now`; or `unknown`")] = []
    labels: Annotated[list[str], Field(description="Labels, as `offer:percent_off` or `hook:unknown`")] = []
    words: Annotated[str, Field(description="Words that all occur in the copy")] = ""
    on_screen_words: Annotated[str, Field(description="Words that were all read on the cover picture")] = ""
    first_seen_from: Annotated[str, Field(description="First seen on this day or later, as `2026-01-31`")] = ""
    first_seen_to: Annotated[str, Field(description="First seen on this day or earlier")] = ""
    last_seen_from: Annotated[str, Field(description="Last seen on this day or later")] = ""
    last_seen_to: Annotated[str, Field(description="Last seen on this day or earlier")] = ""
    run_dates: Annotated[list[str], Field(description="Whether the source says when: `known` or `unknown`")] = []
    run_from: Annotated[str, Field(description="Ran on this day or later, by the source's dates")] = ""
    run_to: Annotated[str, Field(description="Ran on this day or earlier, by the source's dates")] = ""
    days_seen_min: Annotated[str, Field(description="Days from first to last seen, at least; seen is not shown")] = ""
    days_seen_max: Annotated[str, Field(description="Days from first to last seen, at most")] = ""
    days_shown_min: Annotated[str, Field(description="Days of the run the source gives, so far; at least")] = ""
    days_shown_max: Annotated[str, Field(description="Days of the run the source gives, so far; at most")] = ""
    spend_currencies: Annotated[list[str], Field(description="In which spend is given, as `EUR`; or `unknown`")] = []
    spend_min: Annotated[str, Field(description="The range of spend reaches this, in the one currency named")] = ""
    spend_max: Annotated[str, Field(description="The range of spend begins at this or below")] = ""
    impressions: Annotated[list[str], Field(description="Whether the source gives them: `known` or `unknown`")] = []
    impressions_min: Annotated[str, Field(description="The range of impressions reaches this")] = ""
    impressions_max: Annotated[str, Field(description="The range of impressions begins at this or below")] = ""
    landing_domain: Annotated[str, Field(description="Where the ads lead, as `shop.example.com`")] = ""
    concepts: Annotated[list[str], Field(description="Concepts by id: the ads of one idea of a brand")] = []
    themes: Annotated[list[str], Field(description="Themes by id: what is said, as one brandspace groups it")] = []
    unit: Annotated[str, Field(description=f"What is counted, where something is: {' or '.join(UNITS)}")] = ""


class AdsQuery(Paging, FilterParams):
    """Filters, order and page."""

    sort: Annotated[str, Field(description=f"One of {', '.join(ads.SORTS)}")] = "newest"


class AdPath(BaseModel):
    """An ad by its id."""

    ad_id: Identifier


class Count(BaseModel):
    """How many, and of what."""

    unit: Unit
    count: int


class Ads(RootModel[Page[LinkedCard]]):
    """A page of ads."""


class Facets(RootModel[dict[str, Facet]]):
    """How many ads each value of each filter would leave."""


class OneAd(RootModel[LinkedAd]):
    """One ad with versions, labels with their evidence, media and sightings."""


class DescriptionOfAd(RootModel[AdDescription]):
    """What a model wrote of an ad, unchecked; `outcome` says whether it did, `provenance` which one."""


class RawSource(RootModel[dict[str, Any]]):
    """`rows`: of the newest scan, as the source gave them."""


@blueprint.get("/brandspaces/<string:brandspace_id>/ads", responses={200: Ads, 400: ErrorAnswer, 404: ErrorAnswer})
def brandspace_ads(path: BrandspacePath, query: AdsQuery) -> Response:
    """List the ads of a brandspace that pass the filters."""
    page = ads.list_ads(
        services().database,
        current_principal(),
        path.brandspace_id,
        _filters(),
        cursor=query.cursor,
        limit=query.limit,
        sort=query.sort,
    )
    cards = linked_cards(services(), page.items)
    return json_response(Page(cards, page.next_cursor))


@blueprint.get(
    "/brandspaces/<string:brandspace_id>/ads/count", responses={200: Count, 400: ErrorAnswer, 404: ErrorAnswer}
)
def brandspace_ads_count(path: BrandspacePath, query: FilterParams) -> Response:
    """Count the ads that pass the filters, or the concepts they are: `unit`."""
    filters = _filters()
    count = ads.count_ads(services().database, current_principal(), path.brandspace_id, filters)
    return json_response(Count(unit=filters.unit, count=count))


@blueprint.get(
    "/brandspaces/<string:brandspace_id>/facets", responses={200: Facets, 400: ErrorAnswer, 404: ErrorAnswer}
)
def brandspace_facets(path: BrandspacePath, query: FilterParams) -> Response:
    """Count the values of every filter under the filters given."""
    return json_response(facets(services().database, current_principal(), path.brandspace_id, _filters()))


@blueprint.get("/ads/<string:ad_id>", responses={200: OneAd, 404: ErrorAnswer})
def ad(path: AdPath) -> Response:
    """One ad."""
    found = linked_ad(services(), ad_detail.get_ad(services().database, current_principal(), path.ad_id))
    while True:
        try:
            return json_response(found)
        except AnswerTooLargeError:
            if len(found.versions) == 1:
                raise
            found = replace(found, versions=found.versions[: len(found.versions) // 2], truncated=True)


@blueprint.get("/ads/<string:ad_id>/description", responses={200: DescriptionOfAd, 404: ErrorAnswer})
def description(path: AdPath) -> Response:
    """What a model wrote of an ad: a description and open attributes. 404 while none has."""
    found = ad_description(services().database, current_principal(), services().documents, path.ad_id)
    return json_response(found)


@blueprint.get("/ads/<string:ad_id>/raw", responses={200: RawSource, 404: ErrorAnswer})
def raw(path: AdPath) -> Response:
    """What the source delivered of an ad, untouched. 404 where nothing is kept."""
    return json_response(raw_source(services().database, current_principal(), services().documents, path.ad_id))


def _filters() -> AdFilters:
    return AdFilters.from_params(request.args.to_dict(flat=False), ignore=_PAGING)
