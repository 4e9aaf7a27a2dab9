"""How good labels are, as far as it was measured."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from core.queries.label_quality import LabelQuality, label_quality_of
from daemon.api.answers import dated, dated_response
from daemon.api.context import current_principal, services

blueprint = APIBlueprint("label_quality", __name__, url_prefix="/api/v1", abp_tags=[{"name": "taxonomy"}])


@blueprint.get("/label-quality", responses={200: dated(LabelQuality)})
def label_quality() -> Response:
    """How good each label is: the newest figures by what they were measured against, and whether they reach the bar."""
    return dated_response(label_quality_of(services().database, current_principal(), services().taxonomy))
