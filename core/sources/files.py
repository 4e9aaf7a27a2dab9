"""Ads from files: a path in, one AdRecord per ad out, and a Rejection for every row that can't be stored.

The kind of a file is told by its content, never by its name. Rows in a file = the ``lines`` of its records
+ its rejections.
"""

from __future__ import annotations

import mimetypes
import os
import re
from collections.abc import Callable, Collection, Iterator
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
    """``needs``: the columns that tell it; ``columns_of`` the beginning of a file, as this kind would have them."""

    name: str
    needs: frozenset[str]
    columns_of: Callable[[str], Collection[str]]
    records: Callable[[str, SourceFile], Iterator[AdRecord | Rejection]]

    def lacks(self, head: str) -> frozenset[str]:
        """None for a file of this kind."""
        return self.needs.difference(self.columns_of(head))


def _csv_columns(head: str) -> Collection[str]:
    return header_of(head)[0]


def _json_keys(head: str) -> Collection[str]:
    return re.findall(r'"(\w+)"\s*:', head) if head.lstrip().startswith("[") else ()


_KINDS = (
    _Kind("JSON of a Meta monitor", frozenset(meta_json.KEYS), _json_keys, meta_json.records),
    _Kind("CSV of the Meta Ad Library", meta_csv.COLUMNS, _csv_columns, meta_csv.records),
    _Kind("CSV of a customer", customer_csv.COLUMNS, _csv_columns, customer_csv.records),
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
    if not any(isinstance(kind, _Kind) for _, kind in found):
        what = "holds no file of a known kind" if path.is_dir() else "can't be imported"
        reasons = [(kind.file, kind.reason) for _, kind in found if isinstance(kind, Rejection)]
        why = "" if not reasons else f" ({': '.join(reasons[0])})" if path.is_dir() else f": {reasons[0][1]}"
        known = "; ".join(f"{kind.name} ({', '.join(sorted(kind.needs))})" for kind in _KINDS)
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
    if not head.strip():
        return Rejection(name, None, "empty_file", "the file is empty")
    recognised = next((kind for kind in _KINDS if not kind.lacks(head)), None)
    return recognised or Rejection(name, None, "unknown_format", f"the file is of no known kind{_nearest(head)}")


def _nearest(head: str) -> str:
    """What a file lacks of the kind that it has most columns of; "" where it has none of any."""
    kind = max(_KINDS, key=lambda kind: 1 - len(kind.lacks(head)) / len(kind.needs))
    lacking = kind.lacks(head)
    if lacking == kind.needs:
        return ""
    missing = f"the column {', '.join(lacking)} is" if len(lacking) == 1 else f"{', '.join(sorted(lacking))} are"
    return f"; it is nearest to a {kind.name}, but {missing} missing"


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
