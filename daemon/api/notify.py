"""Where our own processes say what became of a request; the hubs tell the sockets."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from core.adapters.postgres.event_feed import announce
from daemon.api.context import json_response, services
from daemon.api.guard import require_internal_token
from daemon.api.schemas import NotifyBody

blueprint = APIBlueprint("notify", __name__)


class Delivered(BaseModel):
    """The event is stored and announced to every hub."""

    delivered: bool = True


@blueprint.post("/notify", doc_ui=False)
def notify(body: NotifyBody) -> Response:
    """Store an event of a request and announce it."""
    require_internal_token(services())
    announce(services().database, request_id=body.request_id, status=body.status, result=body.result)
    return json_response(Delivered())
