"""Rows of a file: what the mappings of all formats share. A row that can't be trusted is quarantined, not mended."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from core.domain.ad import Rejection

MAX_EXCERPT_CHARACTERS = 200
_EMPTY = frozenset({"", "[]", "unknown"})  # of a cell, case folded
_SCIENTIFIC = re.compile(r"[+-]?\d+(?:[.,]\d+)?[eE][+-]?\d+")
_ISO_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ]\d{2}:.*)?")
_MAX_ID_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The file being read. Media it names must lie under ``root``; ``today`` None leaves expiry unjudged."""

    path: Path
    root: Path
    brand: str | None = None
    today: date | None = None

    @property
    def name(self) -> str:
        """The file's path below the root, as shown to people."""
        return self.path.relative_to(self.root).as_posix() if self.path.is_relative_to(self.root) else self.path.name


@dataclass(frozen=True, slots=True)
class Row:
    """One row or element and the 1-based line at which it starts."""

    line: int
    values: Mapping[str, Any]


class RowError(Exception):
    """This row can't be stored: ``code`` for machines, the message for people."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def reject(source: SourceFile, row: Row, error: RowError) -> Rejection:
    """The rejection of a row that was read but can't be stored."""
    excerpt = json.dumps(row.values, ensure_ascii=False, default=str)
    return Rejection(source.name, row.line, error.code, str(error), shorten(excerpt))


def shorten(text: str) -> str:
    """An excerpt of at most 200 characters on one line, safe to store."""
    one_line = " ".join(text.replace("\0", "").split())[:MAX_EXCERPT_CHARACTERS]
    return one_line.encode("utf-8", "replace").decode()


def split_rejections(rows: Iterable[Row | Rejection], rejected: list[Rejection]) -> Iterator[Row]:
    """The rows alone; the rejections between them are put into ``rejected``."""
    for row in rows:
        if isinstance(row, Rejection):
            rejected.append(row)
        else:
            yield row


def cell(row: Row, column: str) -> str:
    """A cell without surrounding blanks; "" for each of the spellings of empty, and where there is no such column."""
    value = row.values.get(column)
    text = "" if value is None else str(value).strip()
    return "" if text.casefold() in _EMPTY else text


def cell_list(row: Row, column: str) -> list[str]:
    """The parts of a ``;``-separated cell, without the empty ones."""
    parts = (part.strip() for part in cell(row, column).split(";"))
    return [part for part in parts if part.casefold() not in _EMPTY]


def cell_date(row: Row, column: str) -> date | None:
    """The date in a cell, None if it is empty. Raises RowError "bad_date" for any form but YYYY-MM-DD."""
    text = cell(row, column)
    if not text:
        return None
    found = _ISO_DATE.fullmatch(text)
    try:
        return date.fromisoformat(found[1]) if found else _bad_date(column, text)
    except ValueError:
        return _bad_date(column, text)


def _bad_date(column: str, text: str) -> date:
    raise RowError("bad_date", f"{column} is {shorten(text)!r}; write dates as YYYY-MM-DD, for example 2026-05-27")


def cell_id(row: Row, column: str, *, digits_only: bool = False) -> str:
    """The ad's id. Raises RowError "missing_id", "lost_digits" or "bad_id"."""
    text = cell(row, column)
    if not text:
        raise RowError("missing_id", f"{column} is empty; without an id the ad can't be told from others")
    if _SCIENTIFIC.fullmatch(text):
        raise RowError(
            "lost_digits",
            f"{column} is {text!r}: a spreadsheet has rounded it and digits are lost; "
            "export again with that column as text",
        )
    if len(text) > _MAX_ID_CHARACTERS or (digits_only and not (text.isascii() and text.isdigit())):
        raise RowError("bad_id", f"{column} is {shorten(text)!r}, which is no id of this source")
    return text


def brand_of(source: SourceFile, row: Row, column: str) -> str:
    """The brand given for the whole import, else the row's. Raises RowError "unknown_brand"."""
    brand = source.brand or cell(row, column)
    if not brand:
        said = shorten(str(row.values.get(column) or "").strip())
        raise RowError(
            "unknown_brand",
            f"{column} names no brand ({said!r}); name it there, or import these rows alone with --brand NAME",
        )
    return brand


@dataclass(slots=True)
class AdRows:
    """The rows of one ad in one file (its versions, its carousel cards)."""

    external_id: str
    brand: str
    rows: list[Row] = field(default_factory=list)

    @property
    def lines(self) -> tuple[int, ...]:
        """Where the rows are."""
        return tuple(row.line for row in self.rows)

    @property
    def raw(self) -> Mapping[str, Any] | tuple[Mapping[str, Any], ...]:
        """The rows as they stand in the file; one row is kept as such."""
        return self.rows[0].values if len(self.rows) == 1 else tuple(row.values for row in self.rows)


def add_row(ads: dict[str, AdRows], external_id: str, brand: str, row: Row) -> None:
    """Put a row with its ad. Raises RowError "conflicting_brand" if the ad's first row names another."""
    ad = ads.setdefault(external_id, AdRows(external_id, brand))
    if ad.brand != brand:
        raise RowError("conflicting_brand", f"line {ad.rows[0].line} has this ad under {ad.brand!r}, not {brand!r}")
    ad.rows.append(row)
