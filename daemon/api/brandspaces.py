"""Brandspaces and what they can be asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel

from core.curation.brandspaces import (
    Edit,
    archive_brandspace,
    create_brandspace,
    edit_brandspace,
    restore_brandspace,
)
from core.queries.brandspaces import Brandspace, get_brandspace, list_brandspaces
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import BrandspaceBody, BrandspaceEditBody, Identifier, Query

blueprint = APIBlueprint("brandspaces", __name__, url_prefix="/api/v1/brandspaces", abp_tags=[{"name": "brandspaces"}])


class BrandspacePath(BaseModel):
    """A brandspace of this organisation, or ``all``."""

    brandspace_id: Identifier


class BrandspacesQuery(Query):
    """Which ones."""

    archived: Annotated[bool, Field(description="The archived ones instead")] = False


class Brandspaces(RootModel[list[Brandspace]]):
    """Every brandspace, ``all`` first; or the archived ones, newest first."""


class OneBrandspace(RootModel[Brandspace]):
    """One brandspace."""


@blueprint.get("", responses={200: Brandspaces})
def brandspaces(query: BrandspacesQuery) -> Response:
    """List the brandspaces."""
    return json_response(list_brandspaces(services().database, current_principal(), archived=query.archived))


@blueprint.post("", responses={201: OneBrandspace, 400: ErrorAnswer, 409: ErrorAnswer})
def new_brandspace(body: BrandspaceBody) -> Response:
    """Make a brandspace. Brands in any spelling; one that nobody has collected yet may be watched, too."""
    made = create_brandspace(services().database, current_principal(), **body.model_dump())
    return json_response(made, 201)


@blueprint.get("/<string:brandspace_id>", responses={200: OneBrandspace, 404: ErrorAnswer})
def brandspace(path: BrandspacePath) -> Response:
    """One brandspace, archived or not."""
    return json_response(get_brandspace(services().database, current_principal(), path.brandspace_id))


@blueprint.patch(
    "/<string:brandspace_id>", responses={200: OneBrandspace, 400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer}
)
def changed_brandspace(path: BrandspacePath, body: BrandspaceEditBody) -> Response:
    """Rename a brandspace or change its brands. What is left out stays; the last writer wins."""
    edit = Edit(**body.model_dump(exclude_unset=True))
    if "primary" in body.model_fields_set and body.primary is None:
        edit = replace(edit, primary="")
    return json_response(edit_brandspace(services().database, current_principal(), path.brandspace_id, edit))


@blueprint.post("/<string:brandspace_id>/archive", responses={200: OneBrandspace, 400: ErrorAnswer, 404: ErrorAnswer})
def archive(path: BrandspacePath) -> Response:
    """Put a brandspace away: it is listed and asked no more, and its name is free."""
    return json_response(archive_brandspace(services().database, current_principal(), path.brandspace_id))


@blueprint.post(
    "/<string:brandspace_id>/restore",
    responses={200: OneBrandspace, 400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer},
)
def restore(path: BrandspacePath) -> Response:
    """Take an archived brandspace back."""
    return json_response(restore_brandspace(services().database, current_principal(), path.brandspace_id))
