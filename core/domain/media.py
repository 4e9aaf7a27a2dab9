"""Media of an ad: what the source declares, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

THUMBNAIL_SIDE: Final = 480  # pixels of the longer side of what is kept small; a smaller picture stays as it is


class MediaStatus(StrEnum):
    """The state of one medium. Everything but OK is stored together with a reason."""

    OK = "ok"
    NONE_DECLARED = "none_declared"
    REMOVED = "removed"
    AGE_RESTRICTED = "age_restricted"
    EXPIRED_URL = "expired_url"
    BLOCKED = "blocked"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    FETCH_ERROR = "fetch_error"
    NOT_ATTEMPTED = "not_attempted"


class MediaRole(StrEnum):
    """What a medium is to its ad."""

    IMAGE = "image"
    VIDEO = "video"
    POSTER = "poster"  # a still frame standing for a video
    PAGE_AVATAR = "page_avatar"  # the page's picture, not a creative: found by rule, see core.domain.avatars


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A medium a source declares for an ad, before anything is fetched.

    ``url`` is ``https://…`` (fetched under guard), ``upload://<sha256>/<name>`` (bytes already put into the
    object store by an import) or ``sample://…`` (rendered by the sample market). ``local_path`` is set by
    file sources instead: relative to the import's root, resolved and turned into ``upload://`` by the import.
    ``problem`` is set when the source already knows that the medium can't be had; it is then never fetched.
    """

    role: MediaRole
    url: str | None = None
    local_path: str | None = None
    position: int = 0
    problem: MediaStatus | None = None
    reason: str | None = None
