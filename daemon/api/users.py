"""Who may sign in to the workbench, and as what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Self

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from pydantic import BaseModel, Field, RootModel, StrictBool, model_validator

from core.access import users as access
from core.access.sign_in import LINK_HOURS, make_link_token, sign_out_everywhere
from core.domain.principal import Role
from core.queries.account import get_user, users_page
from core.queries.pages import Page
from core.queries.users import UserView
from daemon.api.context import current_principal, json_response, services
from daemon.api.errors import ErrorAnswer
from daemon.api.schemas import STORABLE, Body, Identifier, Paging

blueprint = APIBlueprint("users", __name__, url_prefix="/api/v1/users", abp_tags=[{"name": "users"}])


class UserPath(BaseModel):
    """A user of this organisation."""

    user_id: Identifier


class UserBody(Body):
    """Whom to invite. An e-mail address belongs to one organisation."""

    email: Annotated[str, Field(min_length=3, max_length=254), STORABLE]
    role: Role = Role.ANALYST


class UserEditBody(Body):
    """What to change; what is left out stays. A disabled user can't sign in, and the open sessions end."""

    role: Role | None = None
    disabled: StrictBool | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.role is None and self.disabled is None:
            raise ValueError("give role, disabled or both")
        return self


class Users(RootModel[Page[UserView]]):
    """By e-mail address."""


class OneUser(RootModel[UserView]):
    """One user."""


class SignInLink(BaseModel):
    """``url`` signs the user in to the workbench once, before ``expires_at``. It can't be shown again."""

    url: str
    expires_at: datetime


class SignedOut(BaseModel):
    """How many open sessions ended."""

    sessions: int


@blueprint.get("", responses={200: Users, 400: ErrorAnswer, 403: ErrorAnswer})
def users(query: Paging) -> Response:
    """List the users."""
    return json_response(users_page(services().database, current_principal(), cursor=query.cursor, limit=query.limit))


@blueprint.post("", responses={201: OneUser, 400: ErrorAnswer, 403: ErrorAnswer, 409: ErrorAnswer})
def new_user(body: UserBody) -> Response:
    """Invite a user; a sign-in link lets them in."""
    database, principal = services().database, current_principal()
    with database.together(principal):
        user_id = access.invite_user(database, principal, email=body.email, role=body.role, now=services().clock.now())
        return json_response(get_user(database, principal, user_id), 201)


@blueprint.patch("/<string:user_id>", responses={200: OneUser, 403: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer})
def edit_user(path: UserPath, body: UserEditBody) -> Response:
    """Give another role, disable or enable. The last owner stays one; the keys that a user made stay, too."""
    database, principal = services().database, current_principal()
    with database.together(principal):
        if body.role is not None:
            access.change_role(database, principal, path.user_id, body.role)
        if body.disabled is True:
            access.disable_user(database, principal, path.user_id, now=services().clock.now())
        if body.disabled is False:
            access.enable_user(database, principal, path.user_id)
        return json_response(get_user(database, principal, path.user_id))


@blueprint.post(
    "/<string:user_id>/sign-in-link",
    responses={201: SignInLink, 403: ErrorAnswer, 404: ErrorAnswer, 409: ErrorAnswer},
)
def sign_in_link(path: UserPath) -> Response:
    """A link to hand to the user: it signs them in once."""
    now = services().clock.now()
    token = make_link_token(services().database, current_principal(), path.user_id, now=now)
    url = f"{services().settings.workbench_address}/sign-in?token={token}"
    return json_response(SignInLink(url=url, expires_at=now + timedelta(hours=LINK_HOURS)), 201)


@blueprint.post("/<string:user_id>/sign-out", responses={200: SignedOut, 403: ErrorAnswer, 404: ErrorAnswer})
def sign_out(path: UserPath) -> Response:
    """End all sessions of a user, and their unused links. Everybody may do that for themselves, owners for all."""
    ended = sign_out_everywhere(services().database, current_principal(), path.user_id, now=services().clock.now())
    return json_response(SignedOut(sessions=ended))
