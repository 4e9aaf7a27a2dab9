"""One migrated database, given to test after test: emptied in milliseconds where a copy costs a quarter of a second.

What a test left in the tables is truncated and the rows of the migrations put back; a database whose schema or grants a
test changed is thrown away.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql

from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.roles import OWNER

_VERSION_TABLE = "alembic_version"
_FINGERPRINT = """
    SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute), (SELECT count(*) FROM pg_constraint),
           (SELECT count(*) FROM pg_policy), (SELECT md5(string_agg(proname || prosrc, '' ORDER BY oid)) FROM pg_proc),
           (SELECT md5(string_agg(relname || relacl::text, '' ORDER BY oid)) FROM pg_class)
"""
_USED_TABLES = """
    SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    AND relname <> %s AND pg_relation_size(oid) > 0
"""
_DISCONNECT = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()
"""


class ReusedDatabase:
    """Copies of one template under one name."""

    def __init__(self, server: EmbeddedPostgres, template: str, name: str) -> None:
        self._server = server
        self._template = template
        self._name = name
        self._exists = False
        with self._cursor(template) as cursor:
            self._fingerprint = _fingerprint(cursor)
            self._seeds = {table: _copy_out(cursor, table) for table in _used_tables(cursor)}

    def provide(self) -> str:
        """The name of the database as the migrations left it; the caller restores it afterwards."""
        if not self._exists:
            with self._cursor("postgres") as cursor:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY")
                cursor.execute(statement.format(*map(sql.Identifier, (self._name, self._template, OWNER))))
            self._exists = True
        return self._name

    def restore(self) -> None:
        """Disconnect everyone, then empty the tables, or drop the database if it can't be trusted any more."""
        with self._cursor(self._name) as cursor:
            cursor.execute(_DISCONNECT, (self._name,))
            is_as_before = _fingerprint(cursor) == self._fingerprint
            if is_as_before:
                self._empty(cursor)
        if not is_as_before:
            with self._cursor("postgres") as cursor:
                cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(self._name)))
            self._exists = False

    def _empty(self, cursor: Any) -> None:
        tables = sql.SQL(", ").join(map(sql.Identifier, {*_used_tables(cursor), *self._seeds}))
        cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))
        for table, rows in self._seeds.items():
            cursor.copy_expert(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table)), io.StringIO(rows))

    @contextmanager
    def _cursor(self, database: str) -> Iterator[Any]:
        connection = psycopg2.connect(host=str(self._server.socket_folder), user="postgres", dbname=database)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()


def _fingerprint(cursor: Any) -> Any:
    cursor.execute(_FINGERPRINT)
    return cursor.fetchone()


def _used_tables(cursor: Any) -> list[str]:
    cursor.execute(_USED_TABLES, (_VERSION_TABLE,))
    return [name for (name,) in cursor.fetchall()]


def _copy_out(cursor: Any, table: str) -> str:
    rows = io.StringIO()
    cursor.copy_expert(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table)), rows)
    return rows.getvalue()
