"""Who is signed in to the workbench now."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, RootModel

from core.access import sign_in as access
from core.queries.account import SessionView, list_sessions
from core.queries.pages import Page
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import Identifier, Paging

blueprint = APIBlueprint("sessions", __name__, url_prefix="/api/v1/sessions", abp_tags=[{"name": "sessions"}])


class SessionPath(BaseModel):
    """A session of one's own, or as an owner any of the organisation."""

    session_id: Identifier


class Sessions(RootModel[Page[SessionView]]):
    """Open sessions, newest first."""


@blueprint.get("", responses={200: Sessions, 400: ErrorAnswer})
def sessions(query: Paging) -> Response:
    """List one's own open sessions; owners see those of the whole organisation."""
    page = list_sessions(
        services().database,
        current_principal(),
        now=services().clock.now(),
        cursor=query.cursor,
        limit=query.limit,
    )
    return json_response(page)


@blueprint.delete("/<string:session_id>", responses={204: None, 404: ErrorAnswer})
def end_session(path: SessionPath) -> Response:
    """Sign a session out; twice is once."""
    access.end_session(services().database, current_principal(), path.session_id, now=services().clock.now())
    return Response(status=204)
