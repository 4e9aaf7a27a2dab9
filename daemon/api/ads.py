"""The ads of a brandspace: filtered, counted, one by one."""

from __future__ import annotations

from typing import Annotated

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel

from core.queries import ad_detail, ads
from core.queries.facets import Facet, facets
from core.queries.filters import AdFilters
from core.queries.pages import Page
from daemon.api.brandspaces import BrandspacePath
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.links import LinkedAd, LinkedCard, linked_ad, linked_cards
from daemon.api.schemas import Identifier, Paging, Query

blueprint = APIBlueprint("ads", __name__, url_prefix="/api/v1", abp_tags=[{"name": "ads"}])

_PAGING = ("cursor", "limit", "sort")


class FilterParams(Query, BaseModel):  # twice, for linters that look no further than this file
    """The filters, for the reader of the API description; ``AdFilters`` reads and checks them.

    Repeat a name for alternatives; all names given must hold. A label is written ``dimension:value``.
    """

    brands: list[str] = []
    channels: list[str] = []
    countries: list[str] = []
    languages: list[str] = []
    formats: list[str] = []
    statuses: list[str] = []
    media_statuses: list[str] = []
    ctas: list[str] = []
    labels: list[str] = []
    words: str = ""
    first_seen_from: str = ""
    first_seen_to: str = ""
    last_seen_from: str = ""
    last_seen_to: str = ""
    landing_domain: str = ""
    unit: str = ""


class AdsQuery(Paging, FilterParams):
    """Filters, order and page."""

    sort: Annotated[str, Field(description=f"One of {', '.join(ads.SORTS)}")] = "newest"


class AdPath(BaseModel):
    """An ad by its id."""

    ad_id: Identifier


class Ads(RootModel[Page[LinkedCard]]):
    """A page of ads."""


class Facets(RootModel[dict[str, Facet]]):
    """How many ads each value of each filter would leave."""


class OneAd(RootModel[LinkedAd]):
    """One ad with versions, labels with their evidence, media and sightings."""


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
    "/brandspaces/<string:brandspace_id>/facets", responses={200: Facets, 400: ErrorAnswer, 404: ErrorAnswer}
)
def brandspace_facets(path: BrandspacePath, query: FilterParams) -> Response:
    """Count the values of every filter under the filters given."""
    return json_response(facets(services().database, current_principal(), path.brandspace_id, _filters()))


@blueprint.get("/ads/<string:ad_id>", responses={200: OneAd, 404: ErrorAnswer})
def ad(path: AdPath) -> Response:
    """One ad."""
    found = ad_detail.get_ad(services().database, current_principal(), path.ad_id)
    return json_response(linked_ad(services(), found))


def _filters() -> AdFilters:
    return AdFilters.from_params(request.args.to_dict(flat=False), ignore=_PAGING)
