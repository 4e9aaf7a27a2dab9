"""Ads from files: a path in, one AdRecord per ad out, and a Rejection for every row that can't be stored.

The kind of a file is told by its content, never by its name. Rows in a file = the ``lines`` of its records
+ its rejections.
"""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from core.domain.ad import AdRecord, Rejection
from core.errors import BadInputError
from core.sources import customer_csv, meta_csv, meta_json
from core.sources.csv_rows import header_of
from core.sources.rows import SourceFile
from core.sources.text_file import read_text, sniff_text


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    recognises: Callable[[str], bool]
    records: Callable[[str, SourceFile], Iterator[AdRecord | Rejection]]


def _has_columns(columns: frozenset[str]) -> Callable[[str], bool]:
    return lambda head: columns.issubset(header_of(head)[0])


def _is_meta_json(head: str) -> bool:
    return head.lstrip().startswith("[") and all(re.search(rf'"{key}"\s*:', head) for key in meta_json.KEYS)


_KINDS = (
    _Kind("JSON of a Meta monitor (libId, competitor, copy)", _is_meta_json, meta_json.records),
    _Kind("CSV of the Meta Ad Library (ad_library_id, …)", _has_columns(meta_csv.COLUMNS), meta_csv.records),
    _Kind("CSV of a customer (adId, startDate, brand, …)", _has_columns(customer_csv.COLUMNS), customer_csv.records),
)


def default_scope_is_private(channel: str) -> bool:
    """Whether ads of this channel belong to the organisation that imports them unless it says otherwise."""
    return channel == "customer"


def read_path(
    path: Path, *, brand: str | None = None, today: date | None = None, root: Path | None = None
) -> Iterator[AdRecord | Rejection]:
    """Read a file, or every file below a folder in the order of their paths.

    Images, videos and hidden files are passed over. ``brand`` names the brand of all rows; ``today`` judges
    which media links have expired (None: none is judged); files named by rows must lie under ``root``
    (default: the folder). Raises BadInputError at once if there is nothing to read.
    """
    root = root or (path if path.is_dir() else path.parent)
    found = [(file, _kind_of(file, root)) for file in _files(path)]
    known = ", ".join(kind.name for kind in _KINDS)
    if not any(isinstance(kind, _Kind) for _, kind in found):
        what = "holds no file of a known kind" if path.is_dir() else "is of no known kind"
        unreadable = [kind.reason for _, kind in found if isinstance(kind, Rejection) and kind.code != "unknown_format"]
        why = f" ({unreadable[0]})" if unreadable else ""
        raise BadInputError(f"{path} {what}{why}. Known kinds: {known}")
    return _read_all(found, root, brand, today)


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise BadInputError(f"{path} doesn't exist; give a file or a folder")
    if not path.is_dir():
        return [path]
    files = sorted(
        Path(folder) / name
        for folder, _, names in os.walk(path)
        for name in names
        if not _is_hidden((Path(folder) / name).relative_to(path))
    )
    if not files:
        raise BadInputError(f"{path} is empty; give a file or a folder with files")
    return [file for file in files if not _is_medium(file)]


def _is_hidden(file: Path) -> bool:
    return any(part.startswith(".") for part in file.parts)


def _is_medium(file: Path) -> bool:
    kind = mimetypes.guess_type(file.name, strict=False)[0] or ""
    return kind.startswith(("image/", "video/"))


def _kind_of(file: Path, root: Path) -> _Kind | Rejection:
    name = SourceFile(file, root).name
    if not file.resolve().is_relative_to(root.resolve()):
        return Rejection(name, None, "blocked_path", "the file leads out of the imported folder; it was not opened")
    try:
        head = sniff_text(file)
    except BadInputError as error:
        return Rejection(name, None, "unreadable_file", str(error))
    recognised = next((kind for kind in _KINDS if kind.recognises(head)), None)
    return recognised or Rejection(name, None, "unknown_format", "the file is of no known kind; it was passed over")


def _read_all(
    found: list[tuple[Path, _Kind | Rejection]], root: Path, brand: str | None, today: date | None
) -> Iterator[AdRecord | Rejection]:
    for file, kind in found:
        if isinstance(kind, Rejection):
            yield kind
            continue
        source = SourceFile(file, root, brand, today)
        try:
            text = read_text(file)
        except BadInputError as error:
            yield Rejection(source.name, None, "unreadable_file", str(error))
            continue
        yield from kind.records(text, source)
