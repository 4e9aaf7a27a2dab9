"""Outbox, requests, brands and dead letters in memory, each the twin of a class under ``core/adapters/postgres``."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from core.domain.brand import alias_key
from core.domain.run import Run
from core.sources.brands import slug_for
from tests.fakes.memory_run_rows import Noun, statement


class MemoryOutbox(Noun):
    """Messages on their way out."""

    @statement
    def add(self, queue: str, bodies: Iterable[str]) -> int:
        rows = [(next(self.tx.store.numbers), body) for body in bodies]
        for number, body in rows:
            self.tx.put("outbox", number, (queue, body))
        return len(rows)

    @statement
    def take(self, *, limit: int, without: Collection[str] = ()) -> list[tuple[int, str, str]]:
        taken: list[tuple[int, str, str]] = []
        for number, (queue, body) in sorted(self.tx.rows("outbox").items()):
            if len(taken) == limit:
                break
            if queue not in without and self.tx.try_lock("outbox", number):
                taken.append((number, queue, body))
        return taken

    @statement
    def delete(self, ids: Sequence[int]) -> None:
        for number in ids:
            self.tx.put("outbox", number, None)


class MemoryRequests(Noun):
    """Callers' handles."""

    @statement
    def link(self, *, request_id: str, batch_id: str) -> None:
        if self.tx.get("request", request_id) is not None:
            self.tx.put("request_run", (request_id, batch_id), self.tx.now)

    @statement
    def run_of(self, request_id: str, *, brand_slug: str, scope: str) -> Run | None:
        linked = [
            self.tx.get("run", batch_id) for request, batch_id in self.tx.rows("request_run") if request == request_id
        ]
        found = [row for row in linked if (row.run.brand_slug, row.run.scope) == (brand_slug, scope)]
        return max(found, key=lambda row: row.created_at).run if found else None

    @statement
    def is_wanted(self, request_id: str) -> bool:
        return self.tx.get("request", request_id) != "cancelled"


class MemoryBrands(Noun):
    """Brands by name."""

    @statement
    def find(self, *, scope: str, name: str) -> str | None:
        key = alias_key(name)
        return self._slug(scope, key) or self._slug("shared", key)

    @statement
    def resolve(self, *, scope: str, name: str, aliases: Sequence[str] = ()) -> str:
        slug = self.find(scope=scope, name=name) or self._free_slug(scope, slug_for(name))
        self.tx.insert("brand", (scope, slug), name)
        for alias in dict.fromkeys((name, slug, *aliases)):
            self.tx.insert("brand_alias", (scope, alias_key(alias)), slug)
        return self._slug(scope, alias_key(name)) or slug

    def _slug(self, scope: str, key: str) -> str | None:
        slug: str | None = self.tx.get("brand_alias", (scope, key))
        return slug

    def _free_slug(self, scope: str, wanted: str) -> str:
        number, slug = 2, wanted
        while self.tx.get("brand", (scope, slug)) is not None:
            slug, number = f"{wanted}-{number}", number + 1
        return slug


class MemoryDeadLetters(Noun):
    """What nobody could handle."""

    @statement
    def file(
        self,
        *,
        scope: str,
        queue: str,
        message_id: str,
        body: str,
        reason: str,
        batch_id: str | None,
        item_id: str | None,
    ) -> None:
        row = {"scope": scope, "body": body, "reason": reason, "batch_id": batch_id, "item_id": item_id}
        self.tx.insert("dead_letter", (queue, message_id), row)
