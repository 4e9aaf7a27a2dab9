"""Golden sets: files in which people say what is right. CSV or JSONL; a row is one judgement of one text.

Columns: ``text`` or ``ad_id`` (or both: then the ad must have said the text), ``cta`` (the declared button),
``language`` (of the text, for the eye), ``dimension``, ``values`` (several joined by "|", in JSONL a list; "unknown":
the text doesn't say), ``annotator``, ``annotated_on`` (YYYY-MM-DD). A row without ``values`` isn't judged yet. Several
people may judge the same text. A file with a single row that can't be trusted isn't used at all.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from core.domain.ad import Rejection
from core.errors import BadInputError
from core.sources.csv_rows import read_csv
from core.sources.formulas import harmless, restored
from core.sources.rows import Row, RowError, SourceFile, cell_date, shorten
from core.sources.text_file import read_text

COLUMNS = ("text", "ad_id", "cta", "language", "dimension", "values", "annotator", "annotated_on")
MAX_ROWS = 100_000
_NEEDED = frozenset({"dimension", "values", "annotator"})
_MOST_FAULTS_TOLD = 20
_SEPARATOR = "|"

CheckValues = Callable[[str, Sequence[str]], tuple[str, ...]]  # (dimension, values) → values; raises BadInputError


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one person says of one dimension of one text. ``line`` is where it stands."""

    line: int
    text: str
    ad_id: str
    cta: str
    dimension: str
    values: frozenset[str]
    annotator: str
    annotated_on: date | None


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """The judgements of a file; ``unjudged`` rows have no values yet."""

    judgements: tuple[Judgement, ...]
    unjudged: int


def faulty(file: str, faults: Sequence[tuple[int, str]]) -> BadInputError:
    """The error that names the bad rows of a file by line: (line, reason)."""
    told = [f"line {line}: {reason}" for line, reason in sorted(faults)[:_MOST_FAULTS_TOLD]]
    rest = [f"and {len(faults) - len(told)} more"] if len(faults) > len(told) else []
    return BadInputError("\n  ".join([f"{file}: nothing was used, for these rows can't be:", *told, *rest]))


def read_golden_set(path: Path, check: CheckValues) -> GoldenSet:
    """Read and check every row. Raises BadInputError naming the bad ones by line."""
    judgements: list[Judgement] = []
    faults: list[tuple[int, str]] = []
    seen: dict[tuple[str, ...], int] = {}
    unjudged = 0
    for number, row in enumerate(_rows(path)):
        if number >= MAX_ROWS:
            raise BadInputError(f"{path.name} has more than {MAX_ROWS:,} rows: split it")
        if isinstance(row, Rejection):
            faults.append((row.line or 1, row.reason))
            continue
        try:
            judgement = _judgement(row, check)
            if judgement is None:
                unjudged += 1
                continue
            _check_repeated(judgement, seen)
            judgements.append(judgement)
        except (RowError, BadInputError) as fault:
            faults.append((row.line, str(fault)))
    if faults:
        raise faulty(path.name, faults)
    if not judgements:
        raise BadInputError(f"{path.name}: no row has values yet; its columns are {', '.join(COLUMNS)}")
    return GoldenSet(tuple(judgements), unjudged)


def blank_sheet(rows: Sequence[tuple[str, str, str, str]]) -> bytes:
    """A CSV to fill in, of (ad id, text, call to action, dimension): it doesn't say what the machine made of them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    writer.writerows(
        [harmless(text), ad_id, harmless(cta), "", dimension, "", "", ""] for ad_id, text, cta, dimension in rows
    )
    return ("\ufeff" + out.getvalue()).encode("utf-8", "replace")


def _rows(path: Path) -> Iterator[Row | Rejection]:
    text = read_text(path)
    if text.lstrip().startswith("{"):
        yield from _json_lines(text, path)
        return
    is_first = True
    for row in read_csv(text, SourceFile(path, path.parent)):
        if is_first and isinstance(row, Row) and (lacking := _NEEDED - row.values.keys()):
            raise BadInputError(f"{path.name}: no column {', '.join(sorted(lacking))}; there are {', '.join(COLUMNS)}")
        is_first = False
        yield row


def _json_lines(text: str, path: Path) -> Iterator[Row | Rejection]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Rejection(path.name, number, "bad_json", f"not JSON ({error})", shorten(line[:1000]))
            continue
        if isinstance(value, dict):
            yield Row(number, value)
        else:
            yield Rejection(path.name, number, "bad_json", "not a JSON object", shorten(line[:1000]))


def _judgement(row: Row, check: CheckValues) -> Judgement | None:
    """None for a row that isn't judged yet. Raises RowError or BadInputError."""
    if strange := row.values.keys() - {*COLUMNS, ""}:
        raise RowError("unknown_column", f"{shorten(sorted(strange)[0])!r} is no column: use {', '.join(COLUMNS)}")
    values = _values(row)
    if not values:
        return None
    text, ad_id, annotator, dimension = (_cell(row, name) for name in ("text", "ad_id", "annotator", "dimension"))
    if not text and not ad_id:
        raise RowError("missing_text", "give the text or the ad_id that was judged")
    if not annotator:
        raise RowError("missing_annotator", "annotator is empty: say who judged, a short name will do")
    checked = frozenset(check(dimension, values))
    return Judgement(
        row.line, text, ad_id, _cell(row, "cta"), dimension, checked, annotator, cell_date(row, "annotated_on")
    )


def _check_repeated(judgement: Judgement, seen: dict[tuple[str, ...], int]) -> None:
    """Raises RowError where one person judges the same twice."""
    key = (judgement.annotator, judgement.dimension, judgement.ad_id, judgement.text, judgement.cta)
    line = seen.setdefault(key, judgement.line)
    if line != judgement.line:
        raise RowError(
            "repeated", f"{judgement.annotator} has judged this {judgement.dimension} in line {line} already"
        )


def _values(row: Row) -> list[str]:
    given: Any = row.values.get("values")
    parts = given if isinstance(given, list) else str(given or "").split(_SEPARATOR)
    return [part for part in (str(part).strip() for part in parts) if part]


def _cell(row: Row, column: str) -> str:
    value = row.values.get(column)
    text = "" if value is None else str(value).strip()
    return restored(text)
