"""The door of the API and of the WebSocket: a key of an organisation, or the session cookie of the workbench.

Nothing behind it is answered without one: a view that forgets to ask can't be reached either.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, g, request

from core.access.keys import bearer_of_key
from core.access.rights import require
from core.access.sign_in import bearer_of_session
from core.access.tokens import SESSION_COOKIE
from core.domain.principal import Permission, Principal
from core.errors import NotAllowedError, SignInError
from core.observability.logs import name_asker
from daemon.api.context import services
from daemon.api.guard import is_of_another_site
from daemon.api.rate_limits import count_failed_sign_in

BEHIND_THE_DOOR: Final = ("/api/", "/ws")
PUBLIC_ENDPOINTS: Final = frozenset({"openapi"})  # the description of the API holds nobody's data
SUBPROTOCOL: Final = "adology"
_KEY_PROTOCOL: Final = "adology.key."  # and the key: a browser's WebSocket sends no headers, and addresses are logged
READ_IS_ENOUGH: Final = frozenset({"sessions.end_session", "users.sign_out"})  # to leave, no right to write is needed
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def install_sign_in(app: Flask) -> None:
    """Identify whoever asks for anything behind the door."""
    app.before_request(_knock)


def _knock() -> None:
    if not request.path.startswith(BEHIND_THE_DOOR) or request.endpoint in PUBLIC_ENDPOINTS:
        return
    try:
        g.principal = identify()
    except SignInError:
        count_failed_sign_in()
        raise
    name_asker(organisation=g.principal.organisation_id, user=g.principal.actor)
    is_read = request.method in _SAFE_METHODS or request.endpoint in READ_IS_ENOUGH
    require(g.principal, Permission.READ if is_read else Permission.WRITE)


def identify() -> Principal:
    """Who asks. Raises SignInError."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        return _of_key(scheme, key.strip())
    if offered := _offered_key():
        return _of_key("bearer", offered)
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        raise SignInError(
            "send an API key in the header Authorization, after the word Bearer; `./adology keys create` makes one"
        )
    if is_of_another_site():
        raise SignInError("a session counts on pages of ours only: pages of other sites send an API key")
    return _of_session(token)


def _offered_key() -> str:
    """The key among the subprotocols of a WebSocket; empty without one."""
    offered = request.headers.get("Sec-WebSocket-Protocol", "").split(",")
    keys = [name.strip().removeprefix(_KEY_PROTOCOL) for name in offered if name.strip().startswith(_KEY_PROTOCOL)]
    return keys[0] if keys else ""


def _of_key(scheme: str, key: str) -> Principal:
    principal = None
    if scheme.lower() == "bearer":
        principal = bearer_of_key(services().database, key, now=services().clock.now())
    if principal is None:
        raise SignInError("this key is wrong, revoked or out of date; `./adology keys create` makes another")
    return principal


def _of_session(token: str) -> Principal:
    """A browser sends its cookie along with whatever a page asks, so a change must come from a page of ours."""
    if request.method not in _SAFE_METHODS and "Origin" not in request.headers:  # of ours: the guard has looked
        raise NotAllowedError("a session can change things from pages of ours only; programs use an API key")
    signed_in = bearer_of_session(services().database, token, now=services().clock.now())
    if signed_in is None:
        raise SignInError("your session has ended: sign in again")
    return signed_in.principal
