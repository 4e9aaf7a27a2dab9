"""Where the objects are: ``ADOLOGY_OBJECTS_URL``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, urlsplit

from core.errors import BadInputError

_URL = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]([/?]|$)")


@dataclass(frozen=True, slots=True)
class S3Address:
    """``s3://bucket/prefix?region=…&endpoint=…&kms_key=…``; ``prefix`` is empty or ends with a slash."""

    bucket: str
    prefix: str = ""
    region: str | None = None
    endpoint: str | None = None
    kms_key: str | None = None

    @classmethod
    def parse(cls, url: str) -> Self:
        """Raises BadInputError that says what is wrong."""
        if not _URL.match(url):
            raise BadInputError("ADOLOGY_OBJECTS_URL must look like s3://bucket/prefix?region=…")
        parts = urlsplit(url)
        options = parse_qs(parts.query, keep_blank_values=True)
        if unknown := options.keys() - {"region", "endpoint", "kms_key"}:
            raise BadInputError(f"ADOLOGY_OBJECTS_URL: unknown option {sorted(unknown)[0]!r}")
        given = {name: values[-1] or None for name, values in options.items()}
        if not (given.get("endpoint") or "https://").startswith(("https://", "http://")):
            raise BadInputError("ADOLOGY_OBJECTS_URL: endpoint must start with https:// or http://")
        prefix = parts.path.strip("/")
        return cls(parts.netloc, f"{prefix}/" if prefix else "", **given)
