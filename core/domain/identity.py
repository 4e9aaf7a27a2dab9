"""Identities by hash: the same thing gets the same id wherever and whenever it is met."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

_ID_CHARACTERS = 32  # 128 bits


def identity(*parts: str) -> str:
    """A stable id of its parts (their borders count: ("ab", "c") differs from ("a", "bc"))."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:_ID_CHARACTERS]


def ad_identity(scope: str, channel: str, account: str, external_id: str) -> str:
    """Of an ad. The scope is part of it: a private ad is never merged into a shared one."""
    return identity("ad", scope, channel, account, external_id)


def version_identity(ad_id: str, content_hash: str) -> str:
    """Of what an ad says."""
    return identity("version", ad_id, content_hash)


def content_identity(text_hash: str, cta: str) -> str:
    """Of what labels are made for: a text together with its declared call to action."""
    return identity("content", text_hash, cta.casefold())


def scan_identity(*, scope: str, brand_slug: str, channel: str, account: str, day: str, digest: str) -> str:
    """Of one look at one source: the same file again is the same scan."""
    return identity("scan", scope, brand_slug, channel, account, day, digest)


def digest_of(lines: Iterable[str]) -> str:
    """One hash over many lines, whatever their order."""
    return identity("digest", *sorted(lines))
