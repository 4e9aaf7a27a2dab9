"""How the rows of an export are written: CSV for people and spreadsheets, NDJSON for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic_core import to_json

from core.errors import BadInputError
from core.queries.exports import COLUMNS, ExportRow
from core.sources.formulas import harmless

_BYTE_ORDER_MARK = "\ufeff"  # without it Excel reads UTF-8 as the code page of its country
_SEPARATOR = "; "


class Format(Protocol):
    """One way to write rows."""

    @property
    def content_type(self) -> str:
        """Of the file."""
        ...

    def head(self) -> bytes:
        """What comes before the first row."""
        ...

    def lines(self, rows: Iterable[ExportRow]) -> bytes:
        """The rows, one a line."""
        ...


@dataclass(frozen=True, slots=True)
class Csv:
    """UTF-8 with a byte order mark, comma, quotes where needed; a column for each dimension of the labels.

    Several values of a cell are joined by "; ". No text is a formula: one that would be gets an apostrophe before it.
    """

    dimensions: Sequence[str]
    content_type: str = "text/csv; charset=utf-8"

    def head(self) -> bytes:
        """The names of the columns."""
        return (_BYTE_ORDER_MARK + _csv([[*COLUMNS, *(f"label_{name}" for name in self.dimensions)]])).encode()

    def lines(self, rows: Iterable[ExportRow]) -> bytes:
        """A cell is empty where nothing is known of it."""
        return _csv([self._cells(row) for row in rows]).encode("utf-8", "replace")

    def _cells(self, row: ExportRow) -> list[Any]:
        labels = [row["labels"].get(name) for name in self.dimensions]
        return [_cell(value) for value in (*(row[name] for name in COLUMNS), *labels)]


@dataclass(frozen=True, slots=True)
class Ndjson:
    """A JSON object a line, values as they are: lists are lists, ``labels`` maps a dimension to its values."""

    content_type: str = "application/x-ndjson"

    def head(self) -> bytes:
        """Nothing."""
        return b""

    def lines(self, rows: Iterable[ExportRow]) -> bytes:
        """The rows."""
        return b"".join(to_json(row) + b"\n" for row in rows)


FORMATS = ("csv", "ndjson")


def format_of(name: str, dimensions: Sequence[str]) -> Format:
    """The format of that name, for labels of these dimensions. Raises BadInputError."""
    if name not in FORMATS:
        raise BadInputError(f"format: use {' or '.join(FORMATS)}")
    return Csv(dimensions) if name == "csv" else Ndjson()


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """A small table whole, as ``Csv`` writes its cells; shorter rows end in empty cells."""
    table = [[_cell(value) for value in row] for row in rows]
    width = max(map(len, table), default=0)
    return (_BYTE_ORDER_MARK + _csv([*row, *[""] * (width - len(row))] for row in table)).encode("utf-8", "replace")


def _csv(rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Numbers stay numbers; everything else is text that no spreadsheet runs."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return value
    text = _SEPARATOR.join(map(_word, value)) if isinstance(value, list | tuple) else str(value)
    return harmless(text)


def _word(value: Any) -> str:
    """A medium in words: its role, what became of it and why, and the hash of what is stored."""
    return " ".join(str(part) for part in value.values() if part) if isinstance(value, dict) else str(value)
