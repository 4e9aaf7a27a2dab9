"""One's account: the organisation's figures, and who asks."""

from __future__ import annotations

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel

from core.domain.principal import Permission
from core.queries.account import get_account
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer

blueprint = APIBlueprint("account", __name__, url_prefix="/api/v1/account", abp_tags=[{"name": "account"}])


class Account(BaseModel):
    """The organisation now, and who asks.

    ``user_count``: users who may sign in. ``active_sessions``: sessions that are open and were seen within 30 minutes.
    ``avg_response_time_ms``: mean time until an answer to the organisation's API calls began, over the last 24 hours;
    null without a call. ``actor`` is who asks, as the audit trail names it; ``scopes`` what that one may do.
    """

    organisation_id: str
    name: str
    user_count: int
    active_sessions: int
    avg_response_time_ms: float | None
    actor: str
    scopes: list[Permission]


@blueprint.get("", responses={200: Account, 404: ErrorAnswer})
def account() -> Response:
    """The organisation and its figures: users, open sessions, mean time of an answer."""
    principal = current_principal()
    found = get_account(services().database, principal, now=services().clock.now())
    scopes = [permission for permission in Permission if principal.may(permission)]
    return json_response(
        Account(
            organisation_id=found.organisation_id,
            name=found.name,
            user_count=found.user_count,
            active_sessions=found.active_sessions,
            avg_response_time_ms=found.avg_response_time_ms,
            actor=principal.actor,
            scopes=scopes,
        )
    )
