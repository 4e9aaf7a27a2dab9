"""Asks one of our own processes whether it answers."""

from __future__ import annotations

import urllib3

_OK = 200
_TIMEOUT_SECONDS = 2.0


class HealthProbe:
    """Not an external call: `up` asks its own children, and until they answer a refusal is no news."""

    def __init__(self) -> None:
        self._http = urllib3.PoolManager(retries=False, timeout=_TIMEOUT_SECONDS)

    def is_healthy(self, url: str) -> bool:
        """Whether the address answers 200."""
        try:
            return self._http.request("GET", url).status == _OK
        except urllib3.exceptions.HTTPError:
            return False
