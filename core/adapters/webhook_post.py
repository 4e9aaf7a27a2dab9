"""One POST to an address that a customer gave, under guard: checked and pinned, no redirect, ten seconds in all."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from contextlib import suppress

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from core.adapters.address_guard import Resolver, Target, check_url, resolve_by_system
from core.adapters.pinned_connection import Deadline, pinned_connection, retry_after_seconds, system_ssl_context
from core.errors import BadInputError, MediaProblemError, RetryableError, TerminalError
from core.observability.external_calls import external_call
from core.ports import WebhookAnswer

MAX_URL_CHARACTERS = 2_000
_HEADERS = {"User-Agent": "Adology/0.1 (webhook)", "Content-Type": "application/json", "Connection": "close"}
_MOST_READ_BYTES = 16 * 1024  # of an answer that nobody looks at: its sender shall not see a broken pipe


class GuardedWebhookSender:
    """Posts to public https addresses; ``allow_hosts`` are exact ``host:port`` that may be neither (tests)."""

    def __init__(
        self,
        *,
        timeout_seconds: float = 10.0,
        allow_hosts: frozenset[str] = frozenset(),
        resolver: Resolver = resolve_by_system,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """``timeout_seconds`` covers everything from connecting to the answer's head."""
        self._timeout_seconds = timeout_seconds
        self._allow_hosts = allow_hosts
        self._resolver = resolver
        self._ssl_context = ssl_context or system_ssl_context()

    def check(self, url: str) -> None:
        """Raises BadInputError for an address that would not be sent to."""
        try:
            self._target(url)
        except (TerminalError, RetryableError) as error:
            raise BadInputError(f"url: {error}") from None

    def send(self, url: str, body: bytes, headers: Mapping[str, str]) -> WebhookAnswer:
        """Raises TerminalError for an address that is refused, RetryableError without an answer.

        No message holds more of the address than its host.
        """
        target = self._target(url)
        deadline = Deadline(self._timeout_seconds)
        with external_call("webhook", "post", target=target.host) as call:
            connection = pinned_connection(
                target, deadline, connect_timeout_seconds=self._timeout_seconds, ssl_context=self._ssl_context
            )
            try:
                connection.connect()
                connection.request(
                    "POST", target.request_uri, body=body, headers={**_HEADERS, **headers}, preload_content=False
                )
                with connection.getresponse() as response:
                    deadline.check(target.host)  # a head cut by the deadline can look whole
                    call.status = response.status
                    return _answer(response)
            except ssl.SSLCertVerificationError as error:
                raise RetryableError(f"the certificate of {target.host} is not valid") from error
            except (HTTPError, http.client.HTTPException, OSError) as error:
                deadline.check(target.host)
                raise RetryableError(f"{target.host} gave no answer: {type(error).__name__}") from error
            finally:
                connection.close()
                connection.stop_watching()

    def _target(self, url: str) -> Target:
        if len(url) > MAX_URL_CHARACTERS:
            raise TerminalError(f"the address has more than {MAX_URL_CHARACTERS:,} characters")
        try:
            target = check_url(url, allow_hosts=self._allow_hosts, resolver=self._resolver)
        except MediaProblemError as error:
            raise TerminalError(str(error)) from None
        if target.scheme != "https" and f"{target.host}:{target.port}" not in self._allow_hosts:
            raise TerminalError("only https addresses are sent to")
        return target


def _answer(response: HTTPResponse) -> WebhookAnswer:
    """The status counts, whatever becomes of the body."""
    with suppress(HTTPError, http.client.HTTPException, OSError):
        response.read(_MOST_READ_BYTES, decode_content=False)
    asked = "Retry-After" in response.headers
    return WebhookAnswer(response.status, retry_after_seconds(response) if asked else None)
