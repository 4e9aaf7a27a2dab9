"""Themes of a brandspace: looked for, listed with what each brand says of them, named, merged, locked and removed."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel

from core.curation.themes import (
    MAX_DEFINITION,
    MAX_NAME,
    Discovered,
    ThemeEdit,
    discover_themes,
    edit_theme,
    merge_themes,
    remove_theme,
)
from core.queries.themes import Themes, get_themes
from daemon.api.ads import FilterParams
from daemon.api.answers import filters_of
from daemon.api.brandspaces import BrandspacePath
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import STORABLE, Body, Identifier

blueprint = APIBlueprint("themes", __name__, url_prefix="/api/v1", abp_tags=[{"name": "themes"}])


class ThemePath(BaseModel):
    """A theme by its id."""

    theme_id: Identifier


class DiscoverBody(Body):
    """``looks_for_new`` false: keep all themes, only say again to which each text belongs."""

    looks_for_new: bool = True


class ThemeEditBody(Body):
    """What to change; what is left out stays. A theme that is named or defined is locked by that."""

    name: Annotated[str | None, Field(min_length=1, max_length=MAX_NAME), STORABLE] = None
    definition: Annotated[str | None, Field(max_length=MAX_DEFINITION), STORABLE] = None
    is_locked: bool | None = None


class ThemeMergeBody(Body):
    """The theme that this one becomes a part of."""

    into: Identifier


class ThemesOfBrandspace(RootModel[Themes]):
    """Greatest first, zeros and all; `all` has none."""


class DiscoveredThemes(RootModel[Discovered]):
    """What was found."""


class ChangedTheme(BaseModel):
    """The theme that holds what was changed; list the themes to see it."""

    theme_id: str


@blueprint.get(
    "/brandspaces/<string:brandspace_id>/themes",
    responses={200: ThemesOfBrandspace, 400: ErrorAnswer, 404: ErrorAnswer},
)
def themes(path: BrandspacePath, query: FilterParams) -> Response:
    """The themes of a brandspace, and how many ads or concepts of each brand speak of them."""
    filters = filters_of(query)
    return json_response(get_themes(services().database, current_principal(), path.brandspace_id, filters))


@blueprint.post(
    "/brandspaces/<string:brandspace_id>/themes/discover",
    responses={200: DiscoveredThemes, 400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer},
)
def discover(path: BrandspacePath, body: DiscoverBody) -> Response:
    """Look for themes in everything that was read. Locked themes stay, all others are replaced. Takes seconds."""
    database, model = services().database, services().embedder.model
    found = discover_themes(
        database, current_principal(), path.brandspace_id, model=model, looks_for_new=body.looks_for_new
    )
    return json_response(found)


@blueprint.patch(
    "/themes/<string:theme_id>", responses={200: ChangedTheme, 400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer}
)
def changed_theme(path: ThemePath, body: ThemeEditBody) -> Response:
    """Name, define, lock or unlock a theme."""
    edit_theme(services().database, current_principal(), path.theme_id, ThemeEdit(**body.model_dump()))
    return json_response(ChangedTheme(theme_id=path.theme_id))


@blueprint.post("/themes/<string:theme_id>/merge", responses={200: ChangedTheme, 400: ErrorAnswer, 404: ErrorAnswer})
def merge(path: ThemePath, body: ThemeMergeBody) -> Response:
    """Make a theme part of another of its brandspace, for this and every later discovery."""
    merge_themes(services().database, current_principal(), path.theme_id, into=body.into)
    return json_response(ChangedTheme(theme_id=body.into))


@blueprint.delete("/themes/<string:theme_id>", responses={200: ChangedTheme, 404: ErrorAnswer})
def removed_theme(path: ThemePath) -> Response:
    """Remove a theme: its ads are without one until themes are looked for again."""
    remove_theme(services().database, current_principal(), path.theme_id)
    return json_response(ChangedTheme(theme_id=path.theme_id))
