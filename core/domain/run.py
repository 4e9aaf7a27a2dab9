"""A run: one gather-to-commit of one (brand, scope). Its items, states and results as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.domain.media import MediaStatus


class RunState(StrEnum):
    """open → committing → committed; or failed, cancelled. At most one active run per (brand, scope)."""

    OPEN = "open"
    COMMITTING = "committing"
    COMMITTED = "committed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_STATES = frozenset({RunState.OPEN, RunState.COMMITTING})


class ItemKind(StrEnum):
    """A medium to fetch, or the text of an ad that has none."""

    MEDIA = "media"
    TEXT = "text"


class ItemState(StrEnum):
    """A failed item is a result too: that is why a run always completes."""

    PENDING = "pending"
    OK = "ok"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Item:
    """One distinct URL of a run. ``item_id`` = hash(normalised URL, role), made by gather, never by a worker."""

    item_id: str
    kind: ItemKind
    role: str
    url: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ItemResult:
    """The terminal result of an item. ``facts`` holds sha256, content_type, size_bytes, width, height,
    perceptual_hash (signed 64 bits) and colours (a list of ``{"hex", "share"}``, most first).

    ``embedding`` is float32, little-endian, of ``facts["embedding_model"]``.
    """

    item_id: str
    url: str
    state: ItemState
    status: MediaStatus | None = None
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    embedding: bytes | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A run as stored. ``fence`` is the newest lease's token."""

    batch_id: str
    scope: str
    brand_slug: str
    state: RunState
    expected_count: int
    fence: int
    ai_state: str
    source: Mapping[str, Any]

    @property
    def learns(self) -> bool:
        """Started by a count alone: it learns its items by their URLs."""
        return bool(self.source.get("learns"))

    @property
    def repairs(self) -> str | None:
        """The batch whose failed media this run acquires again."""
        return self.source.get("repairs")


@dataclass(frozen=True, slots=True)
class RunSnapshot:
    """A run as the store has it. ``learns``: it was started by a count alone and learns its items by their URLs."""

    batch_id: str
    brand: str
    scope: str
    state: RunState
    expected_count: int
    learns: bool
    items: Mapping[str, ItemState]
