"""How often anybody may ask: each user or key so many calls of the API a minute, and of these so many that change.

An address whose calls bring no key or session that counts is told to wait, too. A key that counts is always let
through: many people may sit behind one address. Counted in fixed windows: a number for each principal and limit,
forgotten when its window ends.
"""

from __future__ import annotations

import ipaddress
import math
import time
from typing import Final

from flask import Flask, Response, current_app, g, request
from flask_limiter import ApplicationLimit, Limiter, RateLimitExceeded
from limits import parse
from limits.errors import ConfigurationError

from core.errors import BadInputError, ThrottledError
from core.settings import Settings
from daemon.api.context import current_principal, services
from daemon.api.errors import STATUS, error_response

_LIMITER: Final = "adology-limiter"
_FAILED: Final = "failed sign-in"
_CHANGING: Final = ("POST", "PUT", "PATCH", "DELETE")
_NETWORK_BITS: Final = 64  # what one customer of an IPv6 provider has


def install_rate_limits(app: Flask, settings: Settings) -> None:
    """Limit what the door let in; to be installed after it. Raises BadInputError for a store that isn't there."""
    limiter = Limiter(
        _asker,
        application_limits=[
            ApplicationLimit(limit_provider=settings.rate_limit, scope="calls"),
            ApplicationLimit(limit_provider=settings.rate_limit_writes, scope="writes", methods=_CHANGING),
        ],
        storage_uri=settings.rate_limit_store,
        in_memory_fallback_enabled=True,  # a store that is away stops nobody
        headers_enabled=False,  # its own would tell whoever was answered to come back later
    )
    limiter.request_filter(lambda: not request.path.startswith("/api/") or "principal" not in g)
    try:
        limiter.init_app(app)
    except ConfigurationError as error:
        raise BadInputError(f"ADOLOGY_RATE_LIMIT_STORE: {error}") from error
    app.extensions[_LIMITER] = limiter
    app.register_error_handler(RateLimitExceeded, _refuse)
    app.after_request(_tell)


def count_failed_sign_in() -> None:
    """Raises ThrottledError once there were too many from this address."""
    limit = parse(services().settings.rate_limit_failed_sign_ins)
    of_address = (_FAILED, _network(request.remote_addr or ""))
    if not _limiter().limiter.hit(limit, *of_address):
        seconds = _seconds_until(_limiter().limiter.get_window_stats(limit, *of_address).reset_time)
        raise ThrottledError("too many calls without a valid key or session: wait", retry_after_seconds=seconds)


def _asker() -> str:
    principal = current_principal()
    return f"{principal.organisation_id}:{principal.actor}"


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    bits = _NETWORK_BITS if found.version == 6 else found.max_prefixlen  # noqa: PLR2004
    return str(ipaddress.ip_network((found, bits), strict=False))


def _refuse(error: RateLimitExceeded) -> Response:
    limit = error.limit.limit
    what = "calls that change something" if error.limit.scope == "writes" else "calls"
    message = f"more than {limit.amount:,} {what} in {limit.get_expiry():,} seconds: wait"
    current = _limiter().current_limit
    seconds = _seconds_until(current.reset_at) if current else limit.get_expiry()
    return error_response(STATUS[ThrottledError], ThrottledError.code, message, Retry_After=str(seconds))


def _tell(response: Response) -> Response:
    """On every answer to which limits apply: that of which the least is left, and the seconds until it is whole."""
    applied = _limiter().current_limits
    if applied:
        tightest = min(applied, key=lambda limit: limit.remaining)
        response.headers["RateLimit-Limit"] = str(tightest.limit.amount)
        response.headers["RateLimit-Remaining"] = str(max(0, tightest.remaining))
        response.headers["RateLimit-Reset"] = str(_seconds_until(tightest.reset_at))
    return response


def _seconds_until(moment: float) -> int:
    return max(1, math.ceil(moment - time.time()))


def _limiter() -> Limiter:
    limiter: Limiter = current_app.extensions[_LIMITER]
    return limiter
