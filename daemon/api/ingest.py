"""Asking for a brand's ads."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint

from core.pipeline.requests import ask_for_ingest
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import IngestBody, Queued

blueprint = APIBlueprint("ingest", __name__, url_prefix="/api/v1/ingest", abp_tags=[{"name": "ingest"}])


@blueprint.post("", responses={202: Queued, 404: ErrorAnswer})
def ingest(body: IngestBody) -> Response:
    """Queue the collection of a brand's ads. Never fails because a run of the brand is active: it joins it."""
    request_id = ask_for_ingest(
        services().database, services().sources, current_principal(), brand=body.brand, source=body.source
    )
    return json_response(Queued(request_id=request_id), 202)
