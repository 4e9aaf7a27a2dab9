"""API keys of the organisation."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel

from core.access import keys as access
from core.domain.principal import Permission
from core.queries.account import KeyView, list_keys
from core.queries.pages import Page
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import STORABLE, Body, Identifier, Moment, Paging

blueprint = APIBlueprint("keys", __name__, url_prefix="/api/v1/keys", abp_tags=[{"name": "keys"}])


class KeyPath(BaseModel):
    """A key of this organisation."""

    key_id: Identifier


class KeyBody(Body):
    """A new key: nobody can give it a scope they lack. Without ``expires_at`` it works until it is revoked."""

    name: Annotated[str, Field(min_length=1, max_length=access.MAX_NAME), STORABLE]
    scopes: Annotated[list[Permission], Field(min_length=1, max_length=len(Permission))]
    expires_at: Moment | None = None


class Keys(RootModel[Page[KeyView]]):
    """Newest first, with those that are revoked or out of date."""


class NewKey(BaseModel):
    """``key`` can't be shown again: only its hash is kept."""

    key_id: str
    key: str


@blueprint.get("", responses={200: Keys, 400: ErrorAnswer, 403: ErrorAnswer})
def keys(query: Paging) -> Response:
    """List the keys."""
    return json_response(list_keys(services().database, current_principal(), cursor=query.cursor, limit=query.limit))


@blueprint.post("", responses={201: NewKey, 400: ErrorAnswer, 403: ErrorAnswer})
def new_key(body: KeyBody) -> Response:
    """Make a key and show it, this once."""
    made = access.create_key(
        services().database,
        current_principal(),
        name=body.name,
        permissions=body.scopes,
        now=services().clock.now(),
        expires_at=body.expires_at,
    )
    return json_response(NewKey(key_id=made.key_id, key=made.key), 201)


@blueprint.delete("/<string:key_id>", responses={204: None, 403: ErrorAnswer, 404: ErrorAnswer})
def revoke_key(path: KeyPath) -> Response:
    """From now on the key opens nothing; twice is once."""
    access.revoke_key(services().database, current_principal(), path.key_id, now=services().clock.now())
    return Response(status=204)
