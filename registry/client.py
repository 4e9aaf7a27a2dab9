"""The registry's HTTP contract from a worker's side. No answer is an error: a message is never deleted without one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import urllib3
from pydantic import BaseModel, ValidationError

from core.domain.run import ItemResult
from core.errors import (
    AdologyError,
    BadInputError,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    StaleError,
    UnavailableError,
)
from core.observability.external_calls import external_call

_ERRORS: Mapping[int, type[AdologyError]] = {
    400: BadInputError,
    401: NotAllowedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    410: StaleError,
    413: BadInputError,
    422: BadInputError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
}
_OK = 200
MAX_REASON_CHARACTERS = 2_000
# Asked again at once, for a kept connection may have been closed, and half a second later. Then the message goes back:
# its queue waits better than a thread. A silent registry costs two read timeouts, less than a worker has to stop in.
_RETRIES = urllib3.Retry(
    total=2,
    read=1,
    backoff_factor=0.25,
    status_forcelist=(502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
    respect_retry_after_header=False,
)
_TIMEOUT = urllib3.Timeout(connect=2.0, read=5.0)


class _Answer(BaseModel):
    batch_id: str
    should_commit: bool
    lease_token: int | None = None

    @property
    def token(self) -> int | None:
        return self.lease_token if self.should_commit else None


class RegistryClient:
    """start, submit and commit-complete over one connection pool. Every call may be repeated safely."""

    def __init__(self, base_url: str, *, token: str, connections: int = 16) -> None:
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._pool = urllib3.PoolManager(maxsize=connections, retries=_RETRIES, timeout=_TIMEOUT)

    def start(self, *, brand: str, expected_count: int, batch_id: str, scope: str) -> int | None:
        """Open the run; a lease token when it is complete already."""
        body = {"brand": brand, "expected_count": expected_count, "batch_id": batch_id, "scope": scope}
        return self._ask("start", body).token

    def submit(self, *, brand: str, scope: str, batch_id: str | None, result: ItemResult) -> tuple[str, int | None]:
        """Hand in an item's result; (batch_id, lease token if the caller must commit)."""
        answer = self._ask("submit", submit_body(brand, scope, batch_id, result))
        return answer.batch_id, answer.token

    def commit_complete(self, *, brand: str, scope: str, batch_id: str) -> None:
        """Let the registry forget the batch."""
        self._post("commit-complete", {"brand": brand, "scope": scope, "batch_id": batch_id})

    def _ask(self, operation: str, body: Mapping[str, Any]) -> _Answer:
        try:
            return _Answer.model_validate_json(self._post(operation, body))
        except ValidationError:
            raise UnavailableError(
                f"{self._base_url} answers, but is no registry: check ADOLOGY_REGISTRY_URL"
            ) from None

    def _post(self, operation: str, body: Mapping[str, Any]) -> bytes:
        with external_call("registry", operation) as call:
            try:
                response = self._pool.request(
                    "POST",
                    f"{self._base_url}/{operation}",
                    body=json.dumps(body),
                    headers=self._headers,
                    redirect=False,
                )
            except urllib3.exceptions.HTTPError as error:
                raise UnavailableError(f"the registry doesn't answer: {type(error).__name__}") from error
            call.status, call.size_bytes = response.status, len(response.data)
            if response.status != _OK:
                raise _error(response)
            return response.data


def submit_body(brand: str, scope: str, batch_id: str | None, result: ItemResult) -> dict[str, Any]:
    """The specification's body, with our fields added."""
    embedding = [] if result.embedding is None else np.frombuffer(result.embedding, dtype="<f4").tolist()
    return {
        "brand": brand,
        "scope": scope,
        "batch_id": batch_id,
        "item_id": result.item_id,
        "state": result.state.value,
        "status": None if result.status is None else result.status.value,
        "error": None if result.reason is None else _plain(result.reason)[:MAX_REASON_CHARACTERS],
        "result": {"url": _plain(result.url), "embedding": embedding, **result.facts},
    }


def _plain(text: str) -> str:
    """Text that the store takes: a reason or an address may repeat whatever came from outside."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _error(response: urllib3.BaseHTTPResponse) -> AdologyError:
    kind = _ERRORS.get(response.status, RetryableError)
    try:
        message = str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        message = f"the registry answered {response.status}"
    return kind(message)
