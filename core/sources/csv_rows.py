"""CSV read strictly: a row that isn't exactly the header's shape is quarantined with its line number."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from core.domain.ad import Rejection
from core.sources.rows import Row, SourceFile, shorten
from core.sources.text_file import has_surrogates

MAX_CELL_CHARACTERS = 1_000_000
DELIMITERS = (",", ";", "\t")
# The limit is the process's: the csv module keeps one. Its default of 131,072 is below a long raw column.
csv.field_size_limit(MAX_CELL_CHARACTERS)


@dataclass(slots=True)
class _Lines:
    """Lines that can be gone back to: a quote that is never closed must not swallow the rows below it."""

    lines: list[str]
    position: int = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.position >= len(self.lines):
            raise StopIteration
        self.position += 1
        return self.lines[self.position - 1].replace("\0", "")


def header_of(head: str) -> tuple[list[str], str]:
    """The columns and delimiter of a CSV of which ``head`` is the beginning: the split with most columns."""
    line = head.replace("\0", "").lstrip("\r\n").partition("\n")[0].rstrip("\r")
    splits = [([column.strip() for column in _split(line, delimiter)], delimiter) for delimiter in DELIMITERS]
    return max(splits, key=lambda split: len(split[0]))


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []


def read_csv(text: str, source: SourceFile) -> Iterator[Row | Rejection]:
    """Every row below the header. Blank lines are skipped, NUL characters dropped."""
    columns, delimiter = header_of(text)
    named = list(filter(None, columns))
    if len(named) != len(set(named)) or has_surrogates("".join(columns)):
        reason = "the header repeats a column or holds bytes that are no UTF-8; correct it and import again"
        yield Rejection(source.name, 1, "bad_header", reason, shorten(" | ".join(columns)))
        return
    lines = _Lines(list(io.StringIO(text, newline="")))
    is_header = True
    while lines.position < len(lines.lines):
        start = lines.position
        try:
            fields = next(csv.reader(lines, delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            lines.position = start + 1
            yield _broken(source, start + 1, error, lines.lines[start])
            continue
        if not fields:
            continue
        if is_header:
            is_header = False
            continue
        yield _row(source, start + 1, columns, fields)


def _row(source: SourceFile, line: int, columns: list[str], fields: list[str]) -> Row | Rejection:
    if len(fields) != len(columns):
        reason = (
            f"the row has {len(fields)} fields, the header {len(columns)}: "
            "probably a comma or quote that isn't quoted; correct the row and import again"
        )
        return Rejection(source.name, line, "ragged_row", reason, shorten(" | ".join(fields)))
    if has_surrogates("".join(fields)):
        reason = "the row holds bytes that are no UTF-8; save the file as UTF-8 and import again"
        return Rejection(source.name, line, "bad_encoding", reason, shorten(" | ".join(fields)))
    return Row(line, dict(zip(columns, fields, strict=True)))


def _broken(source: SourceFile, line: int, error: csv.Error, text: str) -> Rejection:
    if "field larger than field limit" in str(error):
        reason = f"a cell is longer than {MAX_CELL_CHARACTERS:,} characters; shorten it, or close its quote"
        return Rejection(source.name, line, "cell_too_long", reason, shorten(text[:1000]))
    reason = f"the row isn't CSV ({error}); check its quotes"
    return Rejection(source.name, line, "bad_csv", reason, shorten(text[:1000]))
