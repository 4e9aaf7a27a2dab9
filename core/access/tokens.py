"""Secrets that their bearer shows: 256 random bits, of which only a hash is stored.

A plain SHA-256 is enough: there is nothing to guess, so nothing for a slow hash to slow down.
"""

from __future__ import annotations

import hashlib
import secrets

SESSION_COOKIE = "adology_session"
KEY_PREFIX = "adk_"


def new_token() -> str:
    """URL-safe text of 43 characters."""
    return secrets.token_urlsafe(32)


def new_key(key_id: str) -> str:
    """An API key; its id can be read in it, so that an owner knows which one a log or a program shows."""
    return f"{KEY_PREFIX}{key_id}_{new_token()}"


def hash_of(token: str) -> str:
    """What is stored of a token, 64 hex digits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
