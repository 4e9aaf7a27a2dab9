"""Objects in a folder: content-addressed files, and the signed links that give them out for a while."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlencode

from core.errors import BadInputError, NotAllowedError, NotFoundError, UnavailableError
from core.ports import StoredObject

SPOOL_BYTES = 8 * 1024 * 1024  # an image stays in memory, a video goes to disk
_CHUNK_BYTES = 256 * 1024
_ABANDONED_AFTER_SECONDS = 3600  # a younger temporary file may belong to another process at work
_KEY = re.compile(r"[0-9a-f]{64}")
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_UNKNOWN_TYPE = "application/octet-stream"
# What a browser may be told: nothing it would run as a page of ours (HTML, SVG).
_IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/gif", "image/avif"})
SERVED_TYPES = _IMAGE_TYPES | {"video/mp4", _UNKNOWN_TYPE}


class FolderObjectStore:
    """Object store in one folder, safe for several threads and processes; needs hard links (any POSIX file system)."""

    def __init__(self, root: Path, *, link_key: bytes, base_url: str) -> None:
        """``link_key`` signs links; ``base_url`` is where ``/media`` is served, such as ``http://127.0.0.1:8080``."""
        self._objects = root / "objects"
        self._incoming = root / "tmp"
        self._link_key = link_key
        self._base_url = base_url.rstrip("/")
        with self._clear_of_full_disk():
            self._objects.mkdir(parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
        self._remove_abandoned()

    def put(self, stream: BinaryIO, *, max_bytes: int) -> StoredObject:
        """Store the content once, whoever else stores it at the same time.

        Raises BadInputError beyond ``max_bytes`` and UnavailableError when the disk is full; neither leaves anything.
        """
        with (
            self._clear_of_full_disk(),
            tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES, dir=str(self._incoming)) as spool,
        ):
            sha256, size = _spool(stream, cast(BinaryIO, spool), max_bytes)
            is_new = not self.exists(sha256) and self._store(cast(BinaryIO, spool), sha256)
        return StoredObject(sha256, size, f"objects://{sha256}", is_new)

    def open(self, sha256: str) -> BinaryIO:
        """Open for reading. Raises NotFoundError."""
        try:
            return self._path(sha256).open("rb")
        except FileNotFoundError:
            raise NotFoundError(f"object {sha256} is not in the store; import or fetch its ad again") from None

    def exists(self, sha256: str) -> bool:
        """Whether the content is stored."""
        return self._path(sha256).is_file()

    def delete(self, sha256: str) -> None:
        """Forget the content; no error if it isn't there."""
        self._path(sha256).unlink(missing_ok=True)

    def link(self, sha256: str, *, content_type: str, expires_in_seconds: int) -> str:
        """A signed URL under ``/media``; a type that browsers might run becomes a plain download type."""
        self._path(sha256)
        served_as = content_type if content_type in SERVED_TYPES else _UNKNOWN_TYPE
        expires = str(int(time.time()) + expires_in_seconds)
        signature = _sign(self._link_key, sha256, served_as, expires)
        query = urlencode({"type": served_as, "expires": expires, "signature": signature})
        return f"{self._base_url}/media/{sha256}?{query}"

    def _path(self, sha256: str) -> Path:
        if not _KEY.fullmatch(sha256):
            raise BadInputError("an object key is 64 lower-case hexadecimal digits, the SHA-256 of its content")
        return self._objects / sha256[:2] / sha256[2:4] / sha256

    def _store(self, spool: BinaryIO, sha256: str) -> bool:
        """Write beside, then link into place: a reader sees all of it or nothing. False if another was first."""
        final = self._path(sha256)
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._incoming) as written:
            spool.seek(0)
            shutil.copyfileobj(spool, written, _CHUNK_BYTES)
            written.flush()
            os.fsync(written.fileno())
            try:
                os.link(written.name, final)
            except FileExistsError:
                return False
        _sync_folder(final.parent)
        return True

    @contextmanager
    def _clear_of_full_disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            raise UnavailableError(
                "the disk that holds the object store is full; free space and try again", retry_after_seconds=30
            ) from error

    def _remove_abandoned(self) -> None:
        """Delete what killed processes left behind."""
        oldest_alive = time.time() - _ABANDONED_AFTER_SECONDS
        for path in self._incoming.iterdir():
            with suppress(FileNotFoundError):  # another process cleans too
                if path.stat().st_mtime < oldest_alive:
                    path.unlink()


def verify_link(link_key: bytes, sha256: str, params: Mapping[str, str], now: datetime) -> str:
    """The content type of a link that is ours and still valid at ``now`` (aware). Raises NotAllowedError."""
    content_type, expires = params.get("type", ""), params.get("expires", "")
    expected = _sign(link_key, sha256, content_type, expires)
    if not hmac.compare_digest(expected.encode(), params.get("signature", "").encode(errors="replace")):
        raise NotAllowedError("this media link was not made by us; open the ad again for a new one")
    if now.timestamp() >= int(expires):
        raise NotAllowedError("this media link has expired; open the ad again for a new one")
    return content_type


def _sign(link_key: bytes, sha256: str, content_type: str, expires: str) -> str:
    message = "\n".join((sha256, content_type, expires)).encode(errors="replace")
    return hmac.new(link_key, message, hashlib.sha256).hexdigest()


def _spool(stream: BinaryIO, spool: BinaryIO, max_bytes: int) -> tuple[str, int]:
    """Copy into the spool; returns the hash and size. Raises BadInputError as soon as there is too much."""
    digest, size = hashlib.sha256(), 0
    while chunk := stream.read(_CHUNK_BYTES):
        size += len(chunk)
        if size > max_bytes:
            raise BadInputError(f"the file has more than the {max_bytes:,} bytes allowed; send a smaller one")
        digest.update(chunk)
        spool.write(chunk)
    return digest.hexdigest(), size


def _sync_folder(folder: Path) -> None:
    """Make a new name in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
