"""The slug of a brand: its name in ASCII, fit for a path, a queue message and a command line."""

from __future__ import annotations

import hashlib

from slugify import slugify

MAX_SLUG_CHARACTERS = 64
_HASH_CHARACTERS = 12


def slug_for(name: str) -> str:
    """ASCII, at most 64 characters, never empty. A name without a single letter or digit gets a hash of itself."""
    slug = str(slugify(name, max_length=MAX_SLUG_CHARACTERS))
    return slug or f"brand-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:_HASH_CHARACTERS]}"
