"""Exports: every ad that passes the filters, as one file."""

from __future__ import annotations

from typing import Annotated, Final

from flask import Response, request
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field

from core.pipeline.export_formats import FORMATS, format_of
from core.pipeline.exports import ask_for_export
from core.queries import ads
from core.queries.exports import exported_file
from core.queries.filters import AdFilters
from daemon.api.ads import FilterParams
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.files import stored_file, stored_file_compressed
from daemon.api.requests import RequestPath
from daemon.api.schemas import Body, Identifier, Queued

blueprint = APIBlueprint("exports", __name__, url_prefix="/api/v1/exports", abp_tags=[{"name": "exports"}])

_FILE: Final = {"schema": {"type": "string", "format": "binary"}}


class ExportFilters(FilterParams, Body):
    """The filters of a list of ads."""


class ExportBody(Body):
    """What to export, and how."""

    brandspace: Identifier
    filters: ExportFilters = ExportFilters()
    format: Annotated[str, Field(description=f"One of {', '.join(FORMATS)}")] = "csv"
    sort: Annotated[str, Field(description=f"One of {', '.join(ads.SORTS)}")] = "newest"


@blueprint.post("", responses={202: Queued, 400: ErrorAnswer, 404: ErrorAnswer})
def export(body: ExportBody) -> Response:
    """Queue an export; its request tells how far it is, and what the file holds."""
    request_id = ask_for_export(
        services().database,
        current_principal(),
        brandspace=body.brandspace,
        filters=AdFilters.from_params(body.filters.model_dump(exclude_defaults=True)),
        format_name=body.format,
        sort=body.sort,
    )
    return json_response(Queued(request_id=request_id).model_dump(), 202)


@blueprint.get(
    "/<string:request_id>/content",
    responses={
        200: {"description": "The file", "content": {"text/csv": _FILE, "application/x-ndjson": _FILE}},
        404: ErrorAnswer,
        409: ErrorAnswer,
        410: ErrorAnswer,
    },
)
def content(path: RequestPath) -> Response:
    """The file of a completed export; packed for whoever accepts gzip."""
    file = exported_file(services().database, current_principal(), path.request_id, now=services().clock.now())
    content_type = format_of(file.format, ()).content_type
    is_packed = request.accept_encodings["gzip"] > 0 and "Range" not in request.headers
    response = (stored_file_compressed if is_packed else stored_file)(file.sha256, content_type)
    name = f"adology-{file.as_of:%Y-%m-%d}-{file.request_id[:8]}.{file.format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Vary"] = "Accept-Encoding"
    return response
