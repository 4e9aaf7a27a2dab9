"""Brandspaces and what they can be asked."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, RootModel

from core.queries.brandspaces import Brandspace, create_brandspace, get_brandspace, list_brandspaces
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import BrandspaceBody, Identifier

blueprint = APIBlueprint("brandspaces", __name__, url_prefix="/api/v1/brandspaces", abp_tags=[{"name": "brandspaces"}])


class BrandspacePath(BaseModel):
    """A brandspace of this organisation, or ``all``."""

    brandspace_id: Identifier


class Brandspaces(RootModel[list[Brandspace]]):
    """Every brandspace, ``all`` first."""


class OneBrandspace(RootModel[Brandspace]):
    """One brandspace."""


@blueprint.get("", responses={200: Brandspaces})
def brandspaces() -> Response:
    """List the brandspaces."""
    return json_response(list_brandspaces(services().database, current_principal()))


@blueprint.post("", responses={201: OneBrandspace, 409: ErrorAnswer})
def new_brandspace(body: BrandspaceBody) -> Response:
    """Make a brandspace."""
    made = create_brandspace(
        services().database, current_principal(), name=body.name, brands=body.brands, primary=body.primary
    )
    return json_response(made, 201)


@blueprint.get("/<string:brandspace_id>", responses={200: OneBrandspace, 404: ErrorAnswer})
def brandspace(path: BrandspacePath) -> Response:
    """One brandspace."""
    return json_response(get_brandspace(services().database, current_principal(), path.brandspace_id))
