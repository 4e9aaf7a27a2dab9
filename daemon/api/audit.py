"""The audit trail of the organisation."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import Field, RootModel

from core.queries.audit import AuditView, audit_trail
from core.queries.pages import Page
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import Moment, Paging

blueprint = APIBlueprint("audit", __name__, url_prefix="/api/v1/audit", abp_tags=[{"name": "audit"}])

Action = Annotated[str, Field(pattern=r"^[a-z_]{1,40}(\.[a-z_]{1,40})?$")]
Actor = Annotated[str, Field(pattern=r"^[a-z-]{1,40}(:[A-Za-z0-9_-]{1,64})?$")]


class AuditQuery(Paging):
    """All that are given must hold."""

    action: Annotated[Action | None, Field(description="What was done, as `key.create`")] = None
    actor: Annotated[Actor | None, Field(description="Who did it, as `user:<id>` or `key:<id>`")] = None
    since: Annotated[Moment | None, Field(description="At this moment or later")] = None


class AuditTrail(RootModel[Page[AuditView]]):
    """Newest first."""


@blueprint.get("", responses={200: AuditTrail, 400: ErrorAnswer, 403: ErrorAnswer})
def audit(query: AuditQuery) -> Response:
    """What was changed in the organisation, when and by whom."""
    page = audit_trail(
        services().database,
        current_principal(),
        action=query.action,
        actor=query.actor,
        since=query.since,
        cursor=query.cursor,
        limit=query.limit,
    )
    return json_response(page)
