"""In front of every route: who may connect while there is no sign-in, how much is read, what browsers may do.

Only loopback is served. A page of another origin can't use the reader's browser to reach us: the Host header must be
ours (DNS rebinding), and so must the Origin, where one is sent.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Final

from flask import Flask, Response, abort, request

from core.bootstrap import Services
from core.errors import BadInputError, NotAllowedError
from core.settings import Settings

MAX_BODY_BYTES: Final = 1024 * 1024
_LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_HTTP_PORT: Final = 80
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def is_loopback(host: str) -> bool:
    """Whether an address to listen on can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def require_loopback(settings: Settings) -> None:
    """Raises BadInputError when the daemon would listen where strangers are."""
    if not is_loopback(settings.api_host):
        raise BadInputError(
            f"ADOLOGY_API_HOST={settings.api_host} can be reached from outside, and there is no sign-in yet: "
            "use 127.0.0.1"
        )


def install_guard(app: Flask, settings: Settings) -> None:
    """Check every request before its view and complete every answer."""
    require_loopback(settings)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    hosts = {*_LOOPBACK_NAMES, *_authorities(settings.api_port)}  # some clients leave the port out
    origins = {f"http://{host}" for host in (*_authorities(settings.api_port), *_authorities(settings.workbench_port))}

    def check() -> None:
        if request.headers.get("Host", "").lower() not in hosts:
            raise NotAllowedError(f"this server answers to {settings.api_url} only")
        origin = request.headers.get("Origin")
        if origin is not None and origin.lower() not in origins:
            raise NotAllowedError("pages of other origins may not call this server")
        if request.headers.get("Transfer-Encoding"):  # Flask would cut such a body at the limit, silently
            abort(411)
        if (request.content_length or 0) > MAX_BODY_BYTES:
            abort(413)
        if "\0" in request.path or any("\0" in name + value for name, value in request.args.items(multi=True)):
            raise BadInputError("the address holds a NUL character; remove it")

    app.before_request(check)
    app.after_request(_complete)


def require_internal_token(services: Services) -> None:
    """For the routes of our own processes. On loopback a missing token is accepted, a wrong one never is."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme and is_loopback(services.settings.api_host):
        return
    expected = services.internal_token.encode()
    if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(errors="replace"), expected):
        raise NotAllowedError("the internal token is not the right one: send ADOLOGY_INTERNAL_TOKEN as a bearer")


def _authorities(port: int) -> list[str]:
    """As browsers write them: without the port where it is the usual one."""
    return [name if port == _HTTP_PORT else f"{name}:{port}" for name in _LOOPBACK_NAMES]


def _complete(response: Response) -> Response:
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
