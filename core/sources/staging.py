"""From files to what the pipeline takes: media put into the object store, records bundled by brand."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from core.domain.ad import AdRecord, Rejection
from core.domain.media import MediaRef, MediaStatus
from core.errors import BadInputError
from core.ports import ObjectStore
from core.sources.files import read_path
from core.sources.records import record_from_json, record_to_json

_SPOOL_BYTES = 8 * 1024 * 1024  # of a bundle; what is larger goes to disk


def stage(
    path: Path,
    *,
    root: Path,
    objects: ObjectStore,
    brand: str | None,
    today: date | None,
    max_media_bytes: int,
    progress: Callable[[int], None] | None = None,
) -> Iterator[AdRecord | Rejection]:
    """Read a path as ``read_path`` does, with every file that an ad names put into the object store once.

    Its reference becomes ``upload://<sha256>/<name>``. ``progress`` is told the rows done so far, rejected or not.
    """
    rows = 0
    uploads = _Uploads(root, objects, max_media_bytes)
    for record in read_path(path, brand=brand, today=today, root=root):
        rows += len(record.lines) if isinstance(record, AdRecord) else 1
        yield uploads.of_record(record) if isinstance(record, AdRecord) else record
        if progress:
            progress(rows)


class _Uploads:
    """Files already put, by the path under which the import knows them."""

    def __init__(self, root: Path, objects: ObjectStore, max_bytes: int) -> None:
        self._root, self._objects, self._max_bytes = root, objects, max_bytes
        self._done: dict[str, MediaRef | str] = {}

    def of_record(self, record: AdRecord) -> AdRecord:
        """The record with uploaded media in place of local ones."""
        return replace(record, media=tuple(map(self._of_medium, record.media)))

    def _of_medium(self, medium: MediaRef) -> MediaRef:
        name = medium.local_path
        if name is None or medium.problem:
            return medium
        if name not in self._done:
            self._done[name] = self._put(name, medium)
        known = self._done[name]
        if isinstance(known, MediaRef):
            return replace(medium, local_path=None, problem=known.problem, reason=known.reason)
        return replace(medium, local_path=None, url=known)

    def _put(self, name: str, medium: MediaRef) -> MediaRef | str:
        """The upload's URL, or the medium with the problem that keeps it from being stored."""
        file = self._root / name
        try:
            with file.open("rb") as stream:
                stored = self._objects.put(stream, max_bytes=self._max_bytes)
        except BadInputError:
            reason = f"{file.name} is larger than {self._max_bytes:,} bytes"
            return replace(medium, problem=MediaStatus.TOO_LARGE, reason=reason)
        except OSError as error:
            reason = f"{file.name} can't be read: {error.strerror}"
            return replace(medium, problem=MediaStatus.UNREADABLE, reason=reason)
        return f"upload://{stored.sha256}/{quote(file.name)}"


def write_bundle(records: Iterable[AdRecord]) -> BinaryIO:
    """Gzipped NDJSON, rewound for reading; the same records give the same bytes. The caller closes it."""
    spool = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES))  # noqa: SIM115 - handed to the caller
    with gzip.GzipFile("", mode="wb", fileobj=spool, mtime=0) as packed:
        for record in records:
            line = json.dumps(record_to_json(record), ensure_ascii=False, separators=(",", ":"))
            packed.write(line.encode() + b"\n")
    spool.seek(0)
    return spool


def read_bundle(stream: BinaryIO) -> Iterator[AdRecord]:
    """The records of a bundle, in their order."""
    with gzip.GzipFile("", mode="rb", fileobj=stream) as packed:
        for line in packed:
            yield record_from_json(json.loads(line))
