"""In front of every route: under which names we answer, from which pages browsers may ask, how much is read.

A page of another origin can't use its reader's browser to reach us: the Host header must be ours (DNS rebinding), and
so must the Origin, where one is sent. Pages of ``ADOLOGY_ALLOWED_ORIGINS`` may ask and read the answers, but only
with an API key: a session's cookie doesn't count when they send it.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, abort, g, request

from core.bootstrap import Services
from core.errors import BadInputError, NotAllowedError
from core.settings import Settings

MAX_BODY_BYTES: Final = 1024 * 1024
MAX_QUERY_BYTES: Final = 4096
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_PREFLIGHT_SECONDS: Final = 600
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
_FOR_BALANCERS: Final = ("/healthz", "/readyz")  # asked by address; they tell nobody's data
_READABLE_ELSEWHERE: Final = (
    "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Idempotent-Replayed,"
    " Content-Disposition"
)


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_private(settings: Settings) -> bool:
    """Whether this machine alone reaches the daemon: it listens on loopback, and nothing stands in front of it."""
    return is_loopback(settings.api_host) and is_loopback(urlsplit(settings.api_url).hostname or "")


def install_guard(app: Flask, settings: Settings) -> None:
    """Check every request before its view and complete every answer."""
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    hosts = _hosts(settings)
    ours = _origins_of_ours(settings)
    others = settings.origins_allowed - ours

    def check() -> Response | None:
        if request.path not in _FOR_BALANCERS and request.headers.get("Host", "").lower() not in hosts:
            raise NotAllowedError(f"this server answers to {settings.api_url} only; ADOLOGY_PUBLIC_URL names another")
        _check_size()
        return _check_origin(ours, others)

    def complete(response: Response) -> Response:
        return _for_page(_complete(response)) if others else _complete(response)

    app.before_request(check)
    app.after_request(complete)


def is_of_another_site() -> bool:
    """Whether a page asks that may, but isn't ours."""
    return "page" in g


def require_internal_token(services: Services) -> None:
    """For the routes of our own processes. On loopback a missing token is accepted, a wrong one never is."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme and is_private(services.settings):
        return
    expected = services.internal_token.encode()
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(errors="replace"), expected):
        raise NotAllowedError("the internal token is not the right one: send ADOLOGY_INTERNAL_TOKEN as a bearer")


def _check_size() -> None:
    if request.headers.get("Transfer-Encoding"):  # Flask would cut such a body at the limit, silently
        abort(411)
    if (request.content_length or 0) > MAX_BODY_BYTES:
        abort(413)
    if len(request.query_string) > MAX_QUERY_BYTES:
        abort(414, f"the question after the ? is longer than {MAX_QUERY_BYTES:,} bytes: ask for less at once")
    if "\0" in request.path or any("\0" in name + value for name, value in request.args.items(multi=True)):
        raise BadInputError("the address holds a NUL character; remove it")


def _check_origin(ours: Collection[str], others: Collection[str]) -> Response | None:
    origin = request.headers.get("Origin", "").lower()
    if origin in ours or "Origin" not in request.headers:
        return None
    if origin not in others:
        raise NotAllowedError("pages of other origins may not call this server; ADOLOGY_ALLOWED_ORIGINS names some")
    g.page = origin
    is_preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    return Response(status=204) if is_preflight else None


def _hosts(settings: Settings) -> set[str]:
    """The Host headers we answer to; some clients leave the port out."""
    hosts = {*_LOOPBACK_NAMES, *(_authority("http", name, settings.api_port) for name in _LOOPBACK_NAMES)}
    for url in (settings.own_url, settings.api_url, settings.registry_address):
        parts = urlsplit(url.lower())
        name = parts.netloc.removesuffix(f":{parts.port}")
        hosts |= {name, f"{name}:{parts.port or _USUAL_PORTS.get(parts.scheme)}"}
    return hosts


def _origins_of_ours(settings: Settings) -> set[str]:
    ports = (settings.api_port, settings.workbench_port)
    local = {f"http://{_authority('http', name, port)}" for name in _LOOPBACK_NAMES for port in ports}
    return local | {_origin(url) for url in (settings.own_url, settings.api_url, settings.workbench_address)}


def _origin(url: str) -> str:
    parts = urlsplit(url.lower())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{parts.scheme}://{_authority(parts.scheme, host, parts.port or _USUAL_PORTS.get(parts.scheme, 0))}"


def _authority(scheme: str, host: str, port: int) -> str:
    """As browsers write it: without the port where it is the usual one."""
    return host if port == _USUAL_PORTS.get(scheme) else f"{host}:{port}"


def _complete(response: Response) -> Response:
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def _for_page(response: Response) -> Response:
    """Let the page that asked read the answer. Never with credentials: it has a key, or nothing."""
    response.vary.add("Origin")
    if is_of_another_site():
        response.headers["Access-Control-Allow-Origin"] = g.page
        response.headers["Access-Control-Expose-Headers"] = _READABLE_ELSEWHERE
    if is_of_another_site() and request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, POST, PUT, PATCH, DELETE"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, Idempotency-Key, X-Request-Id"
        response.headers["Access-Control-Max-Age"] = str(_PREFLIGHT_SECONDS)
    return response
