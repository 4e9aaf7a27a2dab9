"""Shared documents in one home, private ones in another: row-level security reaches them only in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.domain.principal import SHARED_SCOPE
from core.ports import DocumentStore


@dataclass(frozen=True, slots=True)
class ScopedDocuments:
    """A DocumentStore that asks the home of the scope."""

    shared: DocumentStore
    private: DocumentStore

    def prepare(self) -> None:
        """Both homes."""
        self.shared.prepare()
        self.private.prepare()

    def put_many(self, scope: str, collection: str, documents: Iterable[tuple[str, Mapping[str, Any]]]) -> int:
        """Upsert by id; returns how many were given."""
        return self._home(scope).put_many(scope, collection, documents)

    def get(self, scope: str, collection: str, document_id: str) -> dict[str, Any]:
        """One document. Raises NotFoundError."""
        return self._home(scope).get(scope, collection, document_id)

    def _home(self, scope: str) -> DocumentStore:
        return self.shared if scope == SHARED_SCOPE else self.private
