"""Media files that an import names: only regular files below its root are ever opened."""

from __future__ import annotations

import stat
from pathlib import Path, PureWindowsPath

from core.domain.media import MediaRef, MediaRole, MediaStatus
from core.sources.rows import SourceFile, shorten


def local_media(source: SourceFile, name: str, role: MediaRole, position: int) -> MediaRef:
    """The medium called ``name`` beside the source's file; with a problem set if it is missing or out of bounds."""
    name = name.replace("\0", "")
    root = source.root.resolve()
    if _is_absolute(name) or not _resolved(source, name).is_relative_to(root):
        reason = f"{shorten(name)!r} leads out of the imported folder; it was not opened"
        return MediaRef(role, position=position, problem=MediaStatus.BLOCKED, reason=reason)
    path = _resolved(source, name)
    if any(part.startswith(".") for part in path.relative_to(root).parts):
        reason = f"{shorten(name)!r} is hidden; hidden files are never read"
        return MediaRef(role, position=position, problem=MediaStatus.BLOCKED, reason=reason)
    try:
        is_regular = stat.S_ISREG(path.stat().st_mode)
    except OSError:
        reason = f"{shorten(name)!r} is named by the source but isn't in the folder"
        return MediaRef(role, position=position, problem=MediaStatus.REMOVED, reason=reason)
    if not is_regular:
        reason = f"{shorten(name)!r} isn't a regular file; it was not opened"
        return MediaRef(role, position=position, problem=MediaStatus.BLOCKED, reason=reason)
    return MediaRef(role, local_path=path.relative_to(root).as_posix(), position=position)


def _is_absolute(name: str) -> bool:
    windows = PureWindowsPath(name)
    return name.startswith(("/", "\\")) or bool(windows.drive)


def _resolved(source: SourceFile, name: str) -> Path:
    return (source.path.parent / name.replace("\\", "/")).resolve()
