"""The brands this organisation may see."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, RootModel

from core.pipeline.analysis import ask_for_analysis
from core.pipeline.quoting import Quote
from core.queries.brands import BrandView, get_brand, list_brands
from core.queries.pages import Page
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import Name, Paging, Queued

blueprint = APIBlueprint("brands", __name__, url_prefix="/api/v1/brands", abp_tags=[{"name": "brands"}])


class BrandPath(BaseModel):
    """A brand by its slug."""

    slug: Name


class Brands(RootModel[Page[BrandView]]):
    """Visible brands by slug."""


class OneBrand(RootModel[BrandView]):
    """One brand."""


class OneQuote(RootModel[Quote]):
    """An estimate, for what no model has read yet. Without a configured model reading is local and free."""


@blueprint.get("", responses={200: Brands, 400: ErrorAnswer})
def brands(query: Paging) -> Response:
    """List the brands."""
    page = list_brands(services().database, current_principal(), cursor=query.cursor, limit=query.limit)
    return json_response(page)


@blueprint.get("/<string:slug>", responses={200: OneBrand, 404: ErrorAnswer})
def brand(path: BrandPath) -> Response:
    """One brand."""
    return json_response(get_brand(services().database, current_principal(), path.slug))


@blueprint.get("/<string:slug>/quote", responses={200: OneQuote, 404: ErrorAnswer})
def quote(path: BrandPath) -> Response:
    """What analysing a brand will probably cost the organisation: a range, an estimate. Any spelling of its name."""
    return json_response(services().quoter.quote(current_principal(), path.slug))


@blueprint.post("/<string:slug>/analyse", responses={202: Queued, 404: ErrorAnswer})
def analyse(path: BrandPath) -> Response:
    """Have a brand read at once, ahead of the background; from then on it is *analysed*. Any spelling of its name.

    Where models are configured the organisation pays for what they read, now and as more comes: see the quote.
    """
    request_id = ask_for_analysis(services().database, current_principal(), path.slug)
    return json_response(Queued(request_id=request_id), 202)
