"""In front of everything the workbench serves: without a session only the way in, and what holds nobody's data."""

from __future__ import annotations

from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.door.page import HEADERS
from app.door.ways import LEFT, OIDC, OIDC_CALLBACK, SIGN_IN, SIGN_OUT, sign_in_page, unavailable_page
from app.resources import bearer_of, services
from core.access.tokens import SESSION_COOKIE
from core.errors import RetryableError

_READ: Final = ("GET", "HEAD")
# By method: what a route of the door doesn't take would fall through to what stands behind it.
OPEN: Final = {
    SIGN_IN: (*_READ, "POST"),
    SIGN_OUT: ("POST",),
    **dict.fromkeys((OIDC, OIDC_CALLBACK, LEFT, "/_stcore/health", "/favicon.png", "/manifest.json"), _READ),
}
OPEN_FOLDER: Final = "/static/"  # Streamlit's own script and fonts
_POLICY_VIOLATION: Final = 1008


class SessionGate:
    """ASGI middleware. Each request and each connection is asked of the database, so a revoked session is over."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer in place of Streamlit where nobody is signed in."""
        if scope["type"] not in {"http", "websocket"} or _is_open(scope):
            await self._app(scope, receive, send)
            return
        refusal = await run_in_threadpool(_refusal, HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        else:
            await refusal(scope, receive, send)


def _is_open(scope: Scope) -> bool:
    path, method = scope["path"], scope.get("method", "")  # a WebSocket has none
    return method in OPEN.get(path, ()) or (method in _READ and path.startswith(OPEN_FOLDER))


def _refusal(connection: HTTPConnection) -> HTMLResponse | None:
    """None for who is signed in. A page asked for later opens at the same address, so nobody is sent elsewhere."""
    try:
        if bearer_of(connection.cookies.get(SESSION_COOKIE)) is not None:
            return None
        return HTMLResponse(sign_in_page(services().settings), 401, HEADERS)
    except RetryableError as error:
        return HTMLResponse(unavailable_page(error), 503, HEADERS)
