"""The ways in and out: a one-time link, an identity provider, signing out. Each sets our cookie, or takes it away."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from logging import ERROR, INFO
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from app.door import ways
from app.door.page import HEADERS
from app.resources import bearer_of, services
from core.access import sign_in as access
from core.access.tokens import SESSION_COOKIE
from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    SignInError,
    TerminalError,
)
from core.observability.logs import get_logger

if TYPE_CHECKING:
    from core.adapters.oidc import OidcProvider

ATTEMPT_COOKIE: Final = "adology_sign_in"
ATTEMPT_SECONDS: Final = 600
MOST_FORM_BYTES: Final = 4096
_BAD_GATEWAY: Final = 502
_STATUSES: Final = {BadInputError: 400, NotFoundError: 404, TerminalError: _BAD_GATEWAY}
Form = Mapping[str, str]
Handler = Callable[[Request, Form], Response]

_log = get_logger(__name__)


def door_routes() -> list[Route]:
    """For ``st.App``: they stand before Streamlit's own."""
    return [
        Route(ways.SIGN_IN, _served(_show_sign_in), methods=["GET"]),
        Route(ways.SIGN_IN, _served(_sign_in), methods=["POST"]),
        Route(ways.SIGN_OUT, _served(_sign_out), methods=["POST"]),
        Route(ways.OIDC, _served(_ask_provider), methods=["GET"]),
        Route(ways.OIDC_CALLBACK, _served(_hear_provider), methods=["GET"]),
        Route(ways.LEFT, _served(_leave), methods=["GET"]),
    ]


# --- by link ------------------------------------------------------------------------------------------


def _show_sign_in(request: Request, _: Form) -> Response:
    token = request.query_params.get("token")
    if token:
        return _page(ways.link_page(token))
    found = bearer_of(request.cookies.get(SESSION_COOKIE))
    return _page(ways.signed_in_page(found.email) if found else ways.sign_in_page(services().settings))


def _sign_in(request: Request, form: Form) -> Response:
    _require_own_page(request)
    ports = services()
    token = access.sign_in_by_link(
        ports.database,
        form.get("token", ""),
        now=ports.clock.now(),
        hours=ports.settings.session_hours,
        user_agent=request.headers.get("User-Agent", ""),
    )
    return _enter(token)


# --- by an identity provider --------------------------------------------------------------------------


def _ask_provider(request: Request, _: Form) -> Response:
    from core.adapters.oidc import Attempt  # loading that only this way needs

    attempt = Attempt()
    answer = _redirect(_provider().address(attempt))
    _set_cookie(answer, ATTEMPT_COOKIE, attempt.secret, ATTEMPT_SECONDS, path=ways.SIGN_IN)
    return answer


def _hear_provider(request: Request, _: Form) -> Response:
    from core.adapters.oidc import Attempt

    provider, ports = _provider(), services()
    attempt = Attempt(request.cookies.get(ATTEMPT_COOKIE, ""))
    state, code = request.query_params.get("state", ""), request.query_params.get("code", "")
    if not attempt.secret or not hmac.compare_digest(attempt.state.encode(), state.encode()):
        raise SignInError("this sign-in was begun in another browser or too long ago: begin again")
    if not code:
        raise SignInError("the identity provider didn't sign you in: try again, or ask for a one-time link")
    now = ports.clock.now()
    identity = provider.identify(attempt, code, now=now)
    token = access.sign_in_by_identity(
        ports.database,
        issuer=identity.issuer,
        subject=identity.subject,
        email=identity.email,
        now=now,
        hours=ports.settings.session_hours,
        user_agent=request.headers.get("User-Agent", ""),
    )
    return _enter(token)


def _provider() -> OidcProvider:
    provider = services().oidc
    if provider is None:
        raise NotFoundError("no identity provider is set up here: ADOLOGY_OIDC_ISSUER names one")
    return provider


# --- out ----------------------------------------------------------------------------------------------


def _sign_out(request: Request, _: Form) -> Response:
    _require_own_page(request)
    found = bearer_of(request.cookies.get(SESSION_COOKIE))
    if found is not None:
        access.sign_out(services().database, found, now=services().clock.now())
    return _forget(_redirect("/"))


def _leave(request: Request, _: Form) -> Response:
    """Where the browser goes when its session is over. Of a session that isn't, nothing is changed: this is a GET."""
    answer = _redirect("/")
    return answer if bearer_of(request.cookies.get(SESSION_COOKIE)) else _forget(answer)


# --- what all have in common --------------------------------------------------------------------------


def _served(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """The handler in a thread; here a request ends, well or badly."""

    async def serve(request: Request) -> Response:
        try:
            return await run_in_threadpool(handler, request, await _form(request))
        except RetryableError as error:
            _log.warning("the door could not ask", error=str(error))
            return _page(ways.unavailable_page(error), 503)
        except AdologyError as error:
            status = _STATUSES.get(type(error), 403)
            _log.log(ERROR if status == _BAD_GATEWAY else INFO, "the door refused", error=str(error), status=status)
            return _page(ways.refused_page(error, services().settings), status)
        except Exception:  # here the request ends
            reference = secrets.token_hex(4)
            _log.exception("the door ended unexpectedly", reference=reference)
            return _page(ways.broken_page(reference), 500)

    return serve


async def _form(request: Request) -> Form:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_FORM_BYTES:
            raise BadInputError("the form is too long: open your link again")
    fields = parse_qs(body.decode("utf-8", "replace"))
    return {name: values[0] for name, values in fields.items()}


def _require_own_page(request: Request) -> None:
    """A page of somebody else can't sign the reader in or out. Browsers say where a request was begun."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin", "")
    is_own = site == "same-origin" if site else urlsplit(origin).netloc == request.headers.get("Host")
    if not is_own:
        raise NotAllowedError("this form was sent by another page: open the address of the workbench yourself")


def _enter(token: str) -> Response:
    answer = _redirect("/")
    _set_cookie(answer, SESSION_COOKIE, token, services().settings.session_hours * 3600)
    answer.delete_cookie(ATTEMPT_COOKIE, path=ways.SIGN_IN)
    return answer


def _set_cookie(answer: Response, name: str, value: str, seconds: int, *, path: str = "/") -> None:
    is_secure = services().settings.workbench_address.startswith("https://")
    answer.set_cookie(name, value, seconds, path=path, secure=is_secure, httponly=True, samesite="lax")


def _forget(answer: Response) -> Response:
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="lax")
    return answer


def _page(html: str, status: int = 200) -> Response:
    return HTMLResponse(html, status, HEADERS)


def _redirect(address: str) -> Response:
    """Never to an address that a request names."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
