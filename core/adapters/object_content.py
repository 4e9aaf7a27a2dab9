"""What every home of objects shares: the copy that is hashed on its way in, the key, the types a link may name."""

from __future__ import annotations

import errno
import hashlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from core.errors import BadInputError, UnavailableError

SPOOL_BYTES = 8 * 1024 * 1024  # an image stays in memory, a video goes to disk
CHUNK_BYTES = 256 * 1024
UNKNOWN_TYPE = "application/octet-stream"
# What a browser may be told: nothing it would run as a page of ours (HTML, SVG).
_IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"})
SERVED_TYPES = _IMAGE_TYPES | {"video/mp4", UNKNOWN_TYPE}
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Spooled:
    """A copy, rewound; ``sha256`` in hexadecimal. Whoever asked for it closes ``stream``."""

    stream: BinaryIO
    sha256: str
    size_bytes: int


def spool(stream: BinaryIO, *, max_bytes: int, folder: Path | None = None) -> Spooled:
    """Copy a stream to its end; ``folder`` takes what is large, else the system's folder for temporary files.

    Raises BadInputError as soon as there are more than ``max_bytes``.
    """
    on_disk = str(folder) if folder else None
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(SPOOL_BYTES, dir=on_disk))  # noqa: SIM115 - handed on
    try:
        digest, size = hashlib.sha256(), 0
        while chunk := stream.read(CHUNK_BYTES):
            size += len(chunk)
            if size > max_bytes:
                raise BadInputError(f"the file has more than the {max_bytes:,} bytes allowed; send a smaller one")
            digest.update(chunk)
            copy.write(chunk)
        copy.seek(0)
    except BaseException:
        copy.close()
        raise
    return Spooled(copy, digest.hexdigest(), size)


@contextmanager
def clear_of_full_disk(what: str) -> Iterator[None]:
    """Turns a full disk into an UnavailableError that names ``what`` lies there."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK_FULL:
            raise
        raise UnavailableError(
            f"the disk that holds {what} is full; free space and try again", retry_after_seconds=30
        ) from error


def content_key(sha256: str) -> str:
    """Where the content lies, such as ``ab/cd/<sha256>``. Raises BadInputError for anything but a hash."""
    if not _KEY.fullmatch(sha256):
        raise BadInputError("an object key is 64 lower-case hexadecimal digits, the SHA-256 of its content")
    return f"{sha256[:2]}/{sha256[2:4]}/{sha256}"


def served_type(content_type: str) -> str:
    """The type that a link names: a type that browsers might run becomes a plain download type."""
    return content_type if content_type in SERVED_TYPES else UNKNOWN_TYPE
