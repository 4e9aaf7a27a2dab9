"""What was asked for, how far it is, and which rows were refused."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, RootModel

from core.pipeline.requests import cancel_request
from core.queries.pages import Page
from core.queries.requests import RejectedRow, RequestView, get_request, list_requests, rejected_rows
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import Identifier, Paging

blueprint = APIBlueprint("requests", __name__, url_prefix="/api/v1/requests", abp_tags=[{"name": "requests"}])


class RequestPath(BaseModel):
    """A request of this organisation."""

    request_id: Identifier


class Requests(RootModel[Page[RequestView]]):
    """Newest first."""


class OneRequest(RootModel[RequestView]):
    """One request."""


class RejectedRows(RootModel[Page[RejectedRow]]):
    """Rows of an import that were not stored, in order."""


@blueprint.get("", responses={200: Requests, 400: ErrorAnswer})
def requests(query: Paging) -> Response:
    """List the requests."""
    page = list_requests(services().database, current_principal(), cursor=query.cursor, limit=query.limit)
    return json_response(page)


@blueprint.get("/<string:request_id>", responses={200: OneRequest, 404: ErrorAnswer})
def request_by_id(path: RequestPath) -> Response:
    """One request: status, progress, result, error."""
    return json_response(get_request(services().database, current_principal(), path.request_id))


@blueprint.get("/<string:request_id>/rejected", responses={200: RejectedRows, 400: ErrorAnswer, 404: ErrorAnswer})
def rejected(path: RequestPath, query: Paging) -> Response:
    """The rows that were not stored, each with its line and reason."""
    page = rejected_rows(
        services().database, current_principal(), path.request_id, cursor=query.cursor, limit=query.limit
    )
    return json_response(page)


@blueprint.post("/<string:request_id>/cancel", responses={200: OneRequest, 404: ErrorAnswer, 409: ErrorAnswer})
def cancel(path: RequestPath) -> Response:
    """Take a request back: what it brought stays, and what others wait for goes on."""
    cancel_request(services().database, current_principal(), path.request_id)
    return json_response(get_request(services().database, current_principal(), path.request_id))
