"""The manifest: every medium keeps its own fate."""

from __future__ import annotations

from core.domain.media import MediaRef, MediaRole, MediaStatus
from core.pipeline.manifest import build_manifest
from tests.running_system import an_ad


def unavailable(status: MediaStatus, reason: str) -> MediaRef:
    return MediaRef(MediaRole.IMAGE, problem=status, reason=reason)


def test_media_without_an_address_keep_their_own_status_and_reason() -> None:
    outside = unavailable(MediaStatus.BLOCKED, "'../a.png' leads out of the folder")
    gone = unavailable(MediaStatus.REMOVED, "'A.png' isn't in the folder")
    another = unavailable(MediaStatus.REMOVED, "'a.png' isn't in the folder")
    manifest = build_manifest([an_ad("1", "", outside), an_ad("2", "", gone), an_ad("3", "", another)], "shared")
    found = [manifest.items[items[0]].metadata for _, _, items in manifest.entries]
    assert [(one["problem"], one["reason"]) for one in found] == [
        (medium.problem, medium.reason) for medium in (outside, gone, another)
    ]


def test_the_same_missing_file_in_two_ads_is_one_item() -> None:
    gone = unavailable(MediaStatus.REMOVED, "'a.png' isn't in the folder")
    assert len(build_manifest([an_ad("1", "", gone), an_ad("2", "", gone)], "shared").items) == 1
