"""Media from the public web, under guard: checked and pinned addresses, limits on size, time and redirects."""

from __future__ import annotations

import http.client
import ssl
import tempfile
import time
from typing import BinaryIO, cast
from urllib.parse import parse_qs, urljoin, urlsplit

from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError

from core.adapters.address_guard import Resolver, Target, check_url, resolve_by_system
from core.adapters.pinned_connection import (
    Deadline,
    PinnedHTTPConnection,
    pinned_connection,
    retry_after_seconds,
    system_ssl_context,
)
from core.domain.media import MediaStatus
from core.errors import MediaProblemError, RetryableError, ThrottledError
from core.observability.external_calls import external_call
from core.ports import FetchedMedia

SPOOL_BYTES = 8 * 1024 * 1024  # an image stays in memory, a video goes to disk
_CHUNK_BYTES = 64 * 1024
_HEADERS = {
    "User-Agent": "Adology/0.1 (ad library archive)",
    "Accept": "image/*,video/*",
    "Accept-Encoding": "identity",
}
_OK, _TOO_MANY_REQUESTS, _SERVER_ERRORS = 200, 429, 500
_STATUS_OF_ANSWER = {
    401: MediaStatus.BLOCKED,
    403: MediaStatus.BLOCKED,
    404: MediaStatus.REMOVED,
    410: MediaStatus.REMOVED,
    451: MediaStatus.BLOCKED,
}


class GuardedMediaFetcher:
    """Fetches http and https media. Every hop is checked anew; the proxies of the environment are never used."""

    def __init__(
        self,
        *,
        max_bytes: int,
        connect_timeout_seconds: float,
        read_timeout_seconds: float,
        total_timeout_seconds: float,
        max_redirects: int = 3,
        allow_hosts: frozenset[str] = frozenset(),
        resolver: Resolver = resolve_by_system,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """``max_bytes`` counts decoded bytes; ``allow_hosts`` are exact ``host:port`` that needn't be public (tests).

        ``ssl_context`` replaces the system's certificate authorities.
        """
        self._max_bytes = max_bytes
        self._connect_timeout_seconds = connect_timeout_seconds
        self._read_timeout_seconds = read_timeout_seconds
        self._total_timeout_seconds = total_timeout_seconds
        self._max_redirects = max_redirects
        self._allow_hosts = allow_hosts
        self._resolver = resolver
        self._ssl_context = ssl_context or system_ssl_context()

    def open(self, url: str) -> FetchedMedia:
        """Raises MediaProblemError, RetryableError or ThrottledError; no message holds a query or an inner address."""
        deadline = Deadline(self._total_timeout_seconds)
        for _ in range(self._max_redirects + 1):
            target = check_url(url, allow_hosts=self._allow_hosts, resolver=self._resolver)
            answer = self._request(target, url, deadline)
            if isinstance(answer, FetchedMedia):
                return answer
            url = answer
        raise MediaProblemError(MediaStatus.FETCH_ERROR, f"more than {self._max_redirects} redirects")

    def _request(self, target: Target, url: str, deadline: Deadline) -> FetchedMedia | str:
        """One hop: the media, or the URL it redirects to."""
        with external_call("web", "fetch_media", target=target.host) as call:
            connection = self._connection(target, deadline)
            try:
                connection.connect()
                connection.timeout = self._read_timeout_seconds
                connection.request("GET", target.request_uri, headers=_HEADERS, preload_content=False)
                with connection.getresponse() as response:
                    call.status = response.status
                    if location := response.get_redirect_location():
                        return _redirected(url, location)
                    _refuse_all_but_ok(response, target.host, url)
                    stream, call.size_bytes = self._spool(response, target.host, deadline)
                    return FetchedMedia(stream, _content_type(response), url)
            except ssl.SSLCertVerificationError as error:
                raise MediaProblemError(
                    MediaStatus.FETCH_ERROR, f"the certificate of {target.host} is not valid"
                ) from error
            except (HTTPError, http.client.HTTPException, OSError) as error:
                deadline.check(target.host)
                raise RetryableError(f"fetching from {target.host} failed: {type(error).__name__}") from error
            finally:
                connection.close()
                connection.stop_watching()

    def _connection(self, target: Target, deadline: Deadline) -> PinnedHTTPConnection:
        return pinned_connection(
            target,
            deadline,
            connect_timeout_seconds=self._connect_timeout_seconds,
            ssl_context=self._ssl_context,
        )

    def _spool(self, response: HTTPResponse, host: str, deadline: Deadline) -> tuple[BinaryIO, int]:
        """The body, at its start, and its decoded size."""
        spool = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES))  # noqa: SIM115  the caller closes
        try:
            size = self._copy(response, spool, host)
            deadline.check(host)  # a connection cut by the deadline can look like an end
        except BaseException:
            spool.close()
            raise
        spool.seek(0)
        return spool, size

    def _copy(self, response: HTTPResponse, spool: BinaryIO, host: str) -> int:
        size, announced = 0, response.length_remaining or 0
        if announced <= self._max_bytes:
            for chunk in response.stream(_CHUNK_BYTES, decode_content=True):
                size += len(chunk)
                if size > self._max_bytes:
                    break
                spool.write(chunk)
        if max(size, announced) > self._max_bytes:
            reason = f"{host} sends more than the {self._max_bytes:,} bytes that are kept"
            raise MediaProblemError(MediaStatus.TOO_LARGE, reason)
        return size


def _redirected(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise MediaProblemError(MediaStatus.FETCH_ERROR, "redirected to an address that can't be read") from None


def _refuse_all_but_ok(response: HTTPResponse, host: str, url: str) -> None:
    status = response.status
    if status == _OK:
        return
    if status == _TOO_MANY_REQUESTS:
        raise ThrottledError(f"{host} asks for a pause", retry_after_seconds=retry_after_seconds(response))
    if status >= _SERVER_ERRORS:
        raise RetryableError(f"{host} answered {status}")
    if status == http.client.FORBIDDEN and _has_expired(url):
        raise MediaProblemError(MediaStatus.EXPIRED_URL, "the signed address has expired; scan the ad again")
    raise MediaProblemError(_STATUS_OF_ANSWER.get(status, MediaStatus.FETCH_ERROR), f"{host} answered {status}")


def _has_expired(url: str) -> bool:
    """Meta's CDN writes the expiry of a signed URL into ``oe``: Unix seconds in hexadecimal."""
    try:
        values = parse_qs(urlsplit(url).query).get("oe", [])
        return bool(values) and int(values[0], 16) <= time.time()
    except ValueError:
        return False


def _content_type(response: HTTPResponse) -> str | None:
    declared = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    return declared or None
