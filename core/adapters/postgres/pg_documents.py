"""JSON documents in PostgreSQL: the embedded home of the document store, and the only one for private documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import select

from core.adapters.postgres.bulk import copy_upsert
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import document
from core.errors import NotFoundError

_COLUMNS = ("scope", "collection", "document_id", "body")
_REPLACE = (
    "(scope, collection, document_id) DO UPDATE SET body = excluded.body, updated_at = now()"
    " WHERE document.body <> excluded.body"
)


class PostgresDocuments:
    """A DocumentStore over the table ``document``, behind row-level security.

    PostgreSQL has no text that holds NUL: it is dropped from keys and values.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def prepare(self) -> None:
        """Nothing: migrations made the table."""

    def put_many(self, scope: str, collection: str, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Upsert by id in one transaction; returns how many were given. The last of one id wins."""
        given, newest = 0, dict[str, Mapping[str, Any]]()
        for document_id, body in documents:
            given, newest[document_id] = given + 1, body
        rows = ((scope, collection, document_id, body) for document_id, body in newest.items())
        with self._database.worker(scope) as connection:
            copy_upsert(connection, document, _COLUMNS, rows, on_conflict=_REPLACE)
        return given

    def get(self, scope: str, collection: str, document_id: str) -> dict[str, Any]:
        """One document of exactly this scope. Raises NotFoundError."""
        key = (document.c.scope == scope, document.c.collection == collection, document.c.document_id == document_id)
        with self._database.worker(scope) as connection:
            body: dict[str, Any] | None = connection.execute(select(document.c.body).where(*key)).scalar()
        if body is None:
            raise NotFoundError(f"there is no document {document_id!r} in {collection!r}")
        return body
