"""Bulk writes: COPY into a temporary table, then one INSERT … SELECT … ON CONFLICT.

COPY straight into a table is refused under row-level security, and it can't skip what is there already.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Table, text

_FLUSH_BYTES = 4_000_000  # bounds the memory of a copy, whatever the number of rows
_NUL_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": ""}  # the backslash first
_UNSAFE = re.compile("[\\\\\t\n\r\0\ud800-\udfff]")


def copy_upsert(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    on_conflict: str = "DO NOTHING",
) -> int:
    """Write rows; returns how many were inserted or updated. ``on_conflict`` is SQL of ours, never data."""
    staging = f"staging_{table.name}"
    names = ", ".join(f'"{name}"' for name in columns)
    # Without the table's NOT NULLs: columns that are not given get their defaults only on the way in.
    create = f"CREATE TEMP TABLE {staging} ON COMMIT DROP AS SELECT {names} FROM {table.name} WITH NO DATA"  # noqa: S608
    connection.execute(text(create))
    written = 0
    if copy_rows(connection, f"COPY {staging} ({names}) FROM STDIN", rows):
        # In the order of the key: two commits that share creatives or contents must not wait for each other crosswise.
        order = ", ".join(f'"{column.name}"' for column in table.primary_key if column.name in columns)
        select = f"SELECT {names} FROM {staging}" + (f" ORDER BY {order}" if order else "")  # noqa: S608
        statement = f"INSERT INTO {table.name} ({names}) {select} ON CONFLICT {on_conflict}"
        written = connection.execute(text(statement)).rowcount
    connection.execute(text(f"DROP TABLE {staging}"))
    return written


def copy_rows(connection: Connection, statement: str, rows: Iterable[Sequence[Any]]) -> int:
    """Run a COPY … FROM STDIN over rows; returns how many there were."""
    cursor: Any = connection.connection.cursor()
    buffer, count = io.StringIO(), 0
    for row in rows:
        buffer.write("\t".join(copy_field(value) for value in row) + "\n")
        count += 1
        if buffer.tell() > _FLUSH_BYTES:
            _flush(cursor, statement, buffer)
            buffer = io.StringIO()
    if buffer.tell():
        _flush(cursor, statement, buffer)
    cursor.close()
    return count


def _flush(cursor: Any, statement: str, buffer: io.StringIO) -> None:
    buffer.seek(0)
    cursor.copy_expert(statement, buffer)


def copy_field(value: Any) -> str:  # noqa: PLR0911 - a table of types
    """One field of COPY's text format; a mapping is JSON, a list an array of texts.

    NUL is dropped: PostgreSQL has no text that holds it.
    """
    match value:
        case None:
            return "\\N"
        case bool():
            return "t" if value else "f"
        case str():
            return _clean(value)
        case int() | float():
            return repr(value)
        case date() | datetime():
            return value.isoformat()
        case bytes() | memoryview():  # psycopg2 reads bytea as a memoryview
            return "\\\\x" + value.hex()
        case Mapping():
            return _json(value)
        case list() | tuple():
            return _array(value)
    raise TypeError(f"no COPY form for {type(value).__name__}")


def _clean(value: str) -> str:
    # Most values have nothing to escape; str.replace is five times faster than str.translate on the others.
    if _UNSAFE.search(value) is None:
        return value
    for sign, escaped in _ESCAPES.items():
        value = value.replace(sign, escaped)
    return value.encode("utf-8", "replace").decode("utf-8")


def _json(value: Any) -> str:
    # A NUL escape is valid JSON but not valid jsonb; after an odd backslash it is only the letters "u0000".
    return _clean(_NUL_ESCAPE.sub(r"\1", json.dumps(value, ensure_ascii=False, separators=(",", ":"))))


def _array(values: Sequence[Any]) -> str:
    quoted = ('"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values)
    return _clean("{" + ",".join(quoted) + "}")
