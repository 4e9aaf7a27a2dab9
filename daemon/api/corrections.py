"""What an organisation says instead of the shared layer: labels of ads, names of brands. Nobody else sees it."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field, RootModel

from core.curation.brand_names import name_brand, take_name_back
from core.curation.labels import SeenLabel, correct_label, take_correction_back
from daemon.api.ads import AdPath
from daemon.api.brands import BrandPath, OneBrand
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import BrandNameBody, LabelBody

blueprint = APIBlueprint("corrections", __name__, url_prefix="/api/v1", abp_tags=[{"name": "corrections"}])


class LabelPath(AdPath):
    """A dimension of what an ad says."""

    dimension: Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,39}$")]


class OneLabel(RootModel[SeenLabel]):
    """What the organisation sees now; ``ads`` say the same and change with it."""


@blueprint.put(
    "/ads/<string:ad_id>/labels/<string:dimension>",
    responses={200: OneLabel, 400: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer},
)
def corrected_label(path: LabelPath, body: LabelBody) -> Response:
    """Correct a label. It holds for every ad that says the same, and no later run of the machine changes it."""
    seen = correct_label(
        services().database,
        current_principal(),
        services().taxonomy,
        path.ad_id,
        dimension=path.dimension,
        values=body.values,
    )
    return json_response(seen)


@blueprint.delete(
    "/ads/<string:ad_id>/labels/<string:dimension>", responses={200: OneLabel, 404: ErrorAnswer, 409: ErrorAnswer}
)
def label_as_the_machine_says(path: LabelPath) -> Response:
    """Take a correction back."""
    seen = take_correction_back(services().database, current_principal(), path.ad_id, dimension=path.dimension)
    return json_response(seen)


@blueprint.put("/brands/<string:slug>/name", responses={200: OneBrand, 400: ErrorAnswer, 404: ErrorAnswer})
def brand_name(path: BrandPath, body: BrandNameBody) -> Response:
    """Show a brand under another name. Its slug stays."""
    return json_response(name_brand(services().database, current_principal(), path.slug, body.name))


@blueprint.delete("/brands/<string:slug>/name", responses={200: OneBrand, 404: ErrorAnswer})
def brand_name_of_the_sources(path: BrandPath) -> Response:
    """Show a brand as its sources call it."""
    return json_response(take_name_back(services().database, current_principal(), path.slug))
