"""Analysis on demand: somebody asks for a brand, so it is read at once, ahead of what the background has to read.

All reading is local and free today. What an analysis changes is the order, and the brand's state: *analysed*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.access.rights import require
from core.adapters.postgres.analysis_store import ANALYSE, PostgresAnalyses, count_texts, mark_analysed
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.adapters.postgres.outbox import PostgresOutbox
from core.adapters.postgres.request_store import insert_request
from core.domain.principal import SHARED_SCOPE, Permission, Principal
from core.errors import StaleError
from core.messages import AI_QUEUE, AiPhaseMessage
from core.pipeline.enrich import Enricher
from core.queries.brands import known_slug

_BATCHES_AT_ONCE = 8  # about a thousand texts; then whoever waits in the queue has his turn


def ask_for_analysis(database: Database, principal: Principal, brand: str) -> str:
    """Have a brand (in any spelling) read wherever the asker may see it; returns the request id.

    Raises NotFoundError for a brand nobody has collected yet, and NotAllowedError.
    """
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        slug = known_slug(connection, brand)
        request_id = insert_request(connection, principal, kind=ANALYSE, params={"brand": slug})
        message = AiPhaseMessage(brand=slug, scope=principal.scope, request_id=request_id, on_demand=True)
        PostgresOutbox(connection).add(AI_QUEUE, [message.to_body()])
        record(connection, principal, "brand.analyse", slug, request_id=request_id)
    return request_id


@dataclass(frozen=True, slots=True)
class Analyst:
    """Reads brands on demand. Delivered twice, an analysis is done once: what is read stays read."""

    enricher: Enricher

    def analyse(self, message: AiPhaseMessage) -> bool:
        """Read for a while; False when the message must come again because more is left.

        Raises StaleError once nobody waits for it, RetryableError when this process stops.
        """
        request_id = message.request_id or ""
        with self._database.machinery() as connection:
            if PostgresAnalyses(connection).begin(request_id) is None:
                raise StaleError(f"analysis {request_id} is over")
        scopes = list(dict.fromkeys((SHARED_SCOPE, message.scope)))
        for scope in scopes:
            with self._database.worker(scope) as connection:
                mark_analysed(connection, scope=scope, brand_slug=message.brand)
            self.enricher.read_by_rules(message.model_copy(update={"scope": scope}))
        self._tell(request_id, message.brand, scopes)
        if not self._read_closely(request_id, message.brand, scopes):
            return False
        with self._database.machinery() as connection:
            result = {"brand": message.brand, "state": "analysed", **self._counts(message.brand, scopes)}
            PostgresAnalyses(connection).finish(request_id, result)
        return True

    def give_up(self, request_id: str, reason: str) -> None:
        """End the request with the reason; what is read stays."""
        with self._database.machinery() as connection:
            PostgresAnalyses(connection).fail(request_id, reason)

    @property
    def _database(self) -> Database:
        return self.enricher.database

    def _read_closely(self, request_id: str, brand: str, scopes: Sequence[str]) -> bool:
        left = _BATCHES_AT_ONCE
        for scope in scopes:
            for _ in self.enricher.read_batches(scope, brand):
                self._tell(request_id, brand, scopes)
                left -= 1
                if not left:
                    return False
        return True

    def _tell(self, request_id: str, brand: str, scopes: Sequence[str]) -> None:
        with self._database.machinery() as connection:
            if not PostgresAnalyses(connection).tell(request_id, self._counts(brand, scopes)):
                raise StaleError(f"analysis {request_id} is over")

    def _counts(self, brand: str, scopes: Sequence[str]) -> Counter[str]:
        counts: Counter[str] = Counter(texts=0, texts_read=0)
        for scope in scopes:
            with self._database.worker(scope) as connection:
                texts, read = count_texts(connection, scope=scope, brand_slug=brand)
            counts["texts"] += texts
            counts["texts_read"] += read
        return counts
