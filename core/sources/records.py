"""An AdRecord as JSON and back, and the hashes that say when two ads say the same."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from typing import Any, cast

from pydantic import TypeAdapter

from core.domain.ad import AdRecord, AdVersion
from core.sources.urls import without_tracking

_RECORD: TypeAdapter[AdRecord] = TypeAdapter(AdRecord)


def record_to_json(record: AdRecord) -> dict[str, Any]:
    """The record as JSON values; fields at their default are left out."""
    return cast(dict[str, Any], _RECORD.dump_python(record, mode="json", exclude_defaults=True))


def record_from_json(document: dict[str, Any]) -> AdRecord:
    """The record that ``record_to_json`` wrote. Raises pydantic.ValidationError (a ValueError) on anything else."""
    return _RECORD.validate_python(document)


def normalised_text(text: str) -> str:
    """NFC, runs of whitespace as one space: the form in which texts are compared."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def text_hash(text: str) -> str:
    """Hex SHA-256 of the normalised text; "" for a text without anything in it."""
    normalised = normalised_text(text)
    return hashlib.sha256(normalised.encode()).hexdigest() if normalised else ""


def content_hash(version: AdVersion) -> str:
    """Hex SHA-256 of what a version says and where it leads.

    Platforms, media links and the source's version id are left out: they change from scan to scan
    while the ad says the same.
    """
    landing_url = version.landing_url or ""
    canonical = [
        *(normalised_text(text) for text in (version.copy, version.title, version.description)),
        normalised_text(version.cta).casefold(),
        without_tracking(landing_url) or landing_url,
        version.format.value,
    ]
    return hashlib.sha256(json.dumps(canonical, ensure_ascii=False).encode()).hexdigest()


def labelled_text(version: AdVersion) -> str:
    """The text that labels and their offsets refer to: copy, title and description, one below the other.

    Empty parts and repeats are skipped.
    """
    parts: list[str] = []
    for part in (version.copy, version.title, version.description):
        if part.strip() and part not in parts:
            parts.append(part)
    return "\n".join(parts)
