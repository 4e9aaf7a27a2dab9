"""Objects in a folder: content-addressed files, and the signed links that give them out for a while."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote_plus

from core.adapters.object_content import CHUNK_BYTES, clear_of_full_disk, content_key, served_type, spool
from core.errors import NotAllowedError, NotFoundError
from core.ports import StoredObject

_STORE = "the object store"
_ABANDONED_AFTER_SECONDS = 3600  # a younger temporary file may belong to another process at work


class FolderObjectStore:
    """Object store in one folder, safe for several threads and processes; needs hard links (any POSIX file system)."""

    def __init__(self, root: Path, *, link_key: bytes, base_url: str) -> None:
        """``link_key`` signs links; ``base_url`` is where ``/media`` is served, such as ``http://127.0.0.1:8080``."""
        self._objects = root / "objects"
        self._incoming = root / "tmp"
        self._link_key = link_key
        self._base_url = base_url.rstrip("/")
        with clear_of_full_disk(_STORE):
            self._objects.mkdir(parents=True, exist_ok=True)
            self._incoming.mkdir(exist_ok=True)
        self._remove_abandoned()

    def prepare(self) -> None:
        """Nothing: the folders were made with the store."""

    def put(self, stream: BinaryIO, *, max_bytes: int) -> StoredObject:
        """Store the content once, whoever else stores it at the same time.

        Raises BadInputError beyond ``max_bytes`` and UnavailableError when the disk is full; neither leaves anything.
        """
        with clear_of_full_disk(_STORE):
            copy = spool(stream, max_bytes=max_bytes, folder=self._incoming)
            with copy.stream:
                is_new = not self.exists(copy.sha256) and self._store(copy.stream, copy.sha256)
        return StoredObject(copy.sha256, copy.size_bytes, f"objects://{copy.sha256}", is_new)

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
        content_key(sha256)
        served_as = served_type(content_type)
        expires = str(int(time.time()) + expires_in_seconds)
        signature = _sign(self._link_key, sha256, served_as, expires)
        return f"{self._base_url}/media/{sha256}?type={quote_plus(served_as)}&expires={expires}&signature={signature}"

    def _path(self, sha256: str) -> Path:
        return self._objects / content_key(sha256)

    def _store(self, stream: BinaryIO, sha256: str) -> bool:
        """Write beside, then link into place: a reader sees all of it or nothing. False if another was first."""
        final = self._path(sha256)
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._incoming) as written:
            shutil.copyfileobj(stream, written, CHUNK_BYTES)
            written.flush()
            os.fsync(written.fileno())
            try:
                os.link(written.name, final)
            except FileExistsError:
                return False
        _sync_folder(final.parent)
        return True

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


def _sync_folder(folder: Path) -> None:
    """Make a new name in the folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
