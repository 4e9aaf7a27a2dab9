"""Where the queues are: ``ADOLOGY_QUEUE_URL``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlsplit

from core.errors import BadInputError
from core.messages import QUEUES

_EXAMPLE = "sqs://eu-west-1/adology-prod-"
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d")
_PREFIX = re.compile(r"[A-Za-z0-9_-]*")
_LONGEST_NAME = 80  # SQS
_LONGEST_PREFIX = _LONGEST_NAME - max(map(len, QUEUES))


@dataclass(frozen=True, slots=True)
class SqsAddress:
    """``sqs://region/prefix?endpoint=…``; the prefix stands before every queue's name, so that copies share an account.

    ``endpoint`` is a compatible server in place of AWS.
    """

    region: str
    prefix: str = ""
    endpoint: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises BadInputError that says what is wrong."""
        parts = urlsplit(url)
        prefix, options = parts.path.removeprefix("/"), parse_qs(parts.query, keep_blank_values=True)
        if parts.scheme != "sqs" or not _REGION.fullmatch(parts.netloc):
            raise BadInputError(f"ADOLOGY_QUEUE_URL must name a region, such as {_EXAMPLE}")
        if not _PREFIX.fullmatch(prefix) or len(prefix) > _LONGEST_PREFIX:
            raise BadInputError(
                f"ADOLOGY_QUEUE_URL: the prefix {prefix!r} must be up to {_LONGEST_PREFIX} letters, digits, - and _"
            )
        if unknown := options.keys() - {"endpoint"}:
            raise BadInputError(f"ADOLOGY_QUEUE_URL: unknown option {sorted(unknown)[0]!r}; there is endpoint")
        [endpoint] = options.get("endpoint", [""])[-1:]
        if endpoint and not endpoint.startswith(("https://", "http://")):
            raise BadInputError("ADOLOGY_QUEUE_URL: endpoint must start with https:// or http://")
        return cls(parts.netloc, prefix, endpoint or None)

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the endpoint is a server on loopback: it wants no credentials, but the client wants some."""
        host = urlsplit(self.endpoint or "").hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"
