"""COPY with whatever text there is: what goes in comes out, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from core.adapters.postgres import bulk
from core.adapters.postgres.bulk import copy_upsert
from core.adapters.postgres.engine import Database
from core.adapters.postgres.record_store import AD_COLUMNS, CONTENT_COLUMNS
from core.adapters.postgres.schema import ad, content, document, embedding
from tests.running_system import DAY

AWKWARD = [
    "\\N",
    "\\.",
    "\\",
    "\t",
    "\r\n",
    "\b\f\v",
    "'",
    '"',
    "{}",
    "NULL",
    ",",
    "\x85\u2028",
    "😀",
    "e\u0301",
    "\x7f",
]
characters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.one_of(st.text(characters, max_size=30), st.sampled_from(AWKWARD))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

DOCUMENT = ("scope", "collection", "document_id", "body")
EMBEDDING = ("scope", "subject", "model", "dimension", "normalised", "vector")


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with database.worker("shared") as connection:
        yield connection


def written(
    connection: Connection, table: Any, columns: tuple[str, ...], rows: list[tuple[Any, ...]], column: str
) -> Any:
    """The column of the only row, as it comes back from a table that held nothing."""
    connection.execute(text(f"DELETE FROM {table.name}"))
    assert copy_upsert(connection, table, columns, rows) == len(rows)
    return connection.execute(text(f'SELECT "{column}" FROM {table.name}')).scalars().all()


@many
@given(texts)
def test_text_comes_back_as_it_was(connection: Connection, value: str) -> None:
    assert written(connection, content, CONTENT_COLUMNS, [("shared", "c", "h", value, "")], "text") == [value]


@many
@given(st.lists(texts, max_size=4))
@example(["", "NULL", "a b", 'x"y\\z'])
def test_arrays_of_text_come_back_as_they_were(connection: Connection, values: list[str]) -> None:
    given_values = {"ad_id": "a", "scope": "shared", "first_seen": DAY, "last_seen": DAY, "last_scanned_on": DAY,
                    "countries": values, "attributes": {}}  # fmt: skip
    optional = {"page_id", "run_start", "run_end", "source_says_active", "cover_sha256"}
    row = tuple(given_values.get(name, None if name in optional else "x") for name in AD_COLUMNS)

    assert written(connection, ad, AD_COLUMNS, [row], "countries") == [values]


@many
@given(st.dictionaries(texts, json_values, max_size=4))
@example({"a\\": "\\u0000 as letters", "\\\\u0000": ["\\"]})
def test_json_comes_back_as_it_was(connection: Connection, body: dict[str, Any]) -> None:
    assert written(connection, document, DOCUMENT, [("shared", "c", "d", body)], "body") == [body]


@many
@given(st.binary(max_size=60))
@example(bytes(range(256)))
def test_bytes_come_back_as_they_were(connection: Connection, value: bytes) -> None:
    row = ("shared", "s", "m", 1, True, value)

    (found,) = written(connection, embedding, EMBEDDING, [row], "vector")

    assert bytes(found) == value


@many
@given(st.text(max_size=30))
@example("a\0b \ud800")
def test_what_postgresql_can_not_hold_is_left_out(connection: Connection, value: str) -> None:
    storable = value.replace("\0", "").encode("utf-8", "replace").decode()

    assert written(connection, content, CONTENT_COLUMNS, [("shared", "c", "h", value, "")], "text") == [storable]
    body = {"key": [value]}
    assert written(connection, document, DOCUMENT, [("shared", "c", "d", body)], "body") == [{"key": [storable]}]


def test_a_row_that_is_there_is_not_counted_nor_changed(connection: Connection) -> None:
    row = ("shared", "c", "h", "first", "")
    assert copy_upsert(connection, content, CONTENT_COLUMNS, [row]) == 1

    assert copy_upsert(connection, content, CONTENT_COLUMNS, [("shared", "c", "h", "second", "")]) == 0
    assert connection.execute(text("SELECT text FROM content")).scalar_one() == "first"


def test_rows_beyond_one_flush_are_all_written(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "_FLUSH_BYTES", 100)
    rows = [("shared", f"c{number}", "h", "text " * 5, "") for number in range(50)]

    assert copy_upsert(connection, content, CONTENT_COLUMNS, rows) == 50


def test_no_rows_are_no_work(connection: Connection) -> None:
    assert copy_upsert(connection, content, CONTENT_COLUMNS, []) == 0


def test_rows_are_written_in_the_order_of_their_keys(connection: Connection) -> None:
    """Two who write the same rows in orders of their own would hold what the other waits for: a deadlock."""
    copy_upsert(connection, content, CONTENT_COLUMNS, [("shared", key, "h", "text", "") for key in "dbeac"])

    assert connection.execute(text("SELECT content_id FROM content ORDER BY ctid")).scalars().all() == list("abcde")
