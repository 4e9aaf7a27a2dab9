"""Connections to checked addresses only, cut at a deadline: what fetching from strangers and sending to them share."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import cast

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry
from urllib3.util.connection import create_connection
from urllib3.util.ssl_ import create_urllib3_context

from core.adapters.address_guard import Target
from core.errors import RetryableError

_DEFAULT_RETRY_AFTER_SECONDS = 60.0
_MAX_RETRY_AFTER_SECONDS = 3600.0


def pinned_connection(
    target: Target, deadline: Deadline, *, connect_timeout_seconds: float, ssl_context: ssl.SSLContext
) -> PinnedHTTPConnection:
    """A connection, not opened yet; the proxies of the environment are never used."""
    connection: PinnedHTTPConnection
    if target.scheme == "https":
        connection = _PinnedHTTPSConnection(
            target.host, target.port, timeout=connect_timeout_seconds, ssl_context=ssl_context
        )
    else:
        connection = PinnedHTTPConnection(target.host, target.port, timeout=connect_timeout_seconds)
    connection.addresses, connection.deadline = target.addresses, deadline
    return connection


class Deadline:
    """The end of the whole, redirects included: a timeout per read alone lets a slow drip go on for ever.

    A name server that keeps silent is bounded by the system's resolver instead, which can't be interrupted.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def remaining_seconds(self) -> float:
        """0 once it has passed."""
        return max(self._at - time.monotonic(), 0.0)

    def check(self, host: str) -> None:
        """Raises RetryableError when it has passed."""
        if not self.remaining_seconds():
            raise RetryableError(f"{host} took longer than {self._seconds:g} s")


class _Watchdog:
    """Cuts a connection at the deadline, wherever its thread waits: handshake, headers or body."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected.dup()  # TLS takes the original over; this one reaches the same connection
        self._timer = threading.Timer(deadline.remaining_seconds(), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def _cut(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # the other side was faster
            return

    def close(self) -> None:
        self._timer.cancel()
        self._timer.join()
        self._socket.close()


class PinnedHTTPConnection(HTTPConnection):
    """Connects to the checked addresses only; ``host`` serves for the Host header, SNI and the certificate."""

    addresses: tuple[str, ...] = ()
    deadline: Deadline
    _watchdog: _Watchdog | None = None

    def _new_conn(self) -> socket.socket:
        connected = self._connect_to_first()
        self._watchdog = _Watchdog(connected, self.deadline)
        return connected

    def _connect_to_first(self) -> socket.socket:
        failure: OSError = ConnectionError("no address to connect to")
        for address in self.addresses:
            self.deadline.check(self.host)
            timeout = min(cast(float, self.timeout), self.deadline.remaining_seconds())
            try:
                return create_connection((address, self.port), timeout, socket_options=self.socket_options)
            except OSError as error:
                failure = error
        raise failure

    def stop_watching(self) -> None:
        """Not part of ``close``, which http.client calls before the body of an answer without a length is read."""
        if self._watchdog is not None:
            self._watchdog.close()


class _PinnedHTTPSConnection(PinnedHTTPConnection, HTTPSConnection):
    """The same over TLS."""


def system_ssl_context() -> ssl.SSLContext:
    """The system's certificate authorities."""
    context = create_urllib3_context()
    context.load_default_certs()
    return context


def retry_after_seconds(response: HTTPResponse) -> float:
    """How long the answer asks to wait: a minute where it doesn't say, never more than an hour."""
    try:
        seconds = Retry().parse_retry_after(response.headers.get("Retry-After", ""))
    except InvalidHeader:
        seconds = _DEFAULT_RETRY_AFTER_SECONDS
    return min(float(seconds), _MAX_RETRY_AFTER_SECONDS)
