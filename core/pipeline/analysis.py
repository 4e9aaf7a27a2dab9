"""Analysis on demand: somebody asks for a brand, so it is read at once, ahead of what the background has to read.

Local methods first, which are free; then, where models are configured, they read what no model has read yet, and the
asker's organisation pays. From then on the brand is *analysed*: what comes later is read by models, too, and whoever
asked last pays for it. A re-run has read again, on purpose, what is frozen otherwise.

What stops the models doesn't fail the request: out of budget it ends completed, with how many are pending and why, and
the background goes on when there is room again. A provider that rests is waited for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.access.rights import require
from core.adapters.postgres.analysis_store import (
    ANALYSE,
    PostgresAnalyses,
    cost_of_request,
    count_texts,
    mark_analysed,
)
from core.adapters.postgres.asked_contents import AskedCounts
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.adapters.postgres.outbox import PostgresOutbox
from core.adapters.postgres.request_store import insert_request
from core.adapters.postgres.worked_requests import WorkedRequest
from core.domain.label import Rerun
from core.domain.principal import SHARED_SCOPE, Permission, Principal
from core.errors import (
    BudgetSpentError,
    QuotaSpentError,
    RetryableError,
    StaleError,
    WaitingForTurnError,
)
from core.messages import AI_QUEUE, AiPhaseMessage
from core.pipeline.enrich import Enricher
from core.pipeline.model_reading import ModelReader, Task
from core.pipeline.relabelling import Relabeller
from core.queries.brands import known_slug

_BATCHES_AT_ONCE = 8  # about a thousand texts, or a hundred for a model; then whoever waits in the queue has his turn


def ask_for_analysis(database: Database, principal: Principal, brand: str) -> str:
    """Have a brand (in any spelling) read wherever the asker may see it; returns the request id.

    Raises NotFoundError for a brand nobody has collected yet, and NotAllowedError.
    """
    return _ask(database, principal, brand, "brand.analyse", {})


def ask_for_rerun(
    database: Database, principal: Principal, brand: str, *, by: Rerun, dimensions: Sequence[str], reason: str
) -> str:
    """Have a brand's labels made again, in some dimensions or in all (empty); returns the request id.

    It changes what every organisation sees of a shared brand, so only the command line offers it.
    """
    params = {"rerun": by.value, "dimensions": list(dimensions), "reason": reason}
    return _ask(database, principal, brand, "labels.rerun", params)


def _ask(database: Database, principal: Principal, brand: str, action: str, params: dict[str, Any]) -> str:
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        slug = known_slug(connection, brand)
        request_id = insert_request(connection, principal, kind=ANALYSE, params={"brand": slug, **params})
        message = AiPhaseMessage(brand=slug, scope=principal.scope, request_id=request_id, on_demand=True)
        PostgresOutbox(connection).add(AI_QUEUE, [message.to_body()])
        record(connection, principal, action, slug, request_id=request_id, **params)
    return request_id


@dataclass(frozen=True, slots=True)
class Analyst:
    """Reads brands on demand. Delivered twice, an analysis is done once: what is read stays read."""

    enricher: Enricher
    reader: ModelReader

    def analyse(self, message: AiPhaseMessage) -> bool:
        """Read for a while; False when the message must come again because more is left.

        Raises StaleError once nobody waits for it, WaitingForTurnError while the models rest, NotAllowedError while
        they refuse our credentials, RetryableError when this process stops.
        """
        request = self._begin(message.request_id or "")
        scopes = list(dict.fromkeys((SHARED_SCOPE, message.scope)))
        turn = _Turn(self, request, message.brand, scopes)
        turn.prepare()
        turn.tell()
        if not turn.read_locally():
            return False
        stopped = turn.read_by_models()
        if stopped is None:
            return False
        with self.database.machinery() as connection:
            result = {"brand": message.brand, "state": "analysed", **turn.counts(), **stopped}
            PostgresAnalyses(connection).finish(request.request_id, result)
        return True

    def give_up(self, request_id: str, reason: str) -> None:
        """End the request with the reason; what is read stays."""
        with self.database.machinery() as connection:
            PostgresAnalyses(connection).fail(request_id, reason)

    @property
    def database(self) -> Database:
        """Of both readers."""
        return self.enricher.database

    def _begin(self, request_id: str) -> WorkedRequest:
        with self.database.machinery() as connection:
            request = PostgresAnalyses(connection).begin(request_id)
        if request is None:
            raise StaleError(f"analysis {request_id} is over")
        return request


@dataclass
class _Turn:
    """One delivery of one analysis: some batches of each kind."""

    analyst: Analyst
    request: WorkedRequest
    brand: str
    scopes: Sequence[str]

    def prepare(self) -> None:
        """What is to be read, marked; what rules tell, told."""
        rerun, dimensions = self.request.params.get("rerun"), self.request.params.get("dimensions", ())
        reader, enricher = self.analyst.reader, self.analyst.enricher
        for scope in self.scopes:
            with self.analyst.database.worker(scope) as connection:
                if rerun != Rerun.LOCAL:
                    payer = self.request.organisation_id
                    mark_analysed(connection, scope=scope, brand_slug=self.brand, payer=payer)
            enricher.read_by_rules(AiPhaseMessage(brand=self.brand, scope=scope))
            if rerun == Rerun.MODEL:
                reader.ask_again(scope, self.brand, dimensions, since=self.request.request_id)
            elif rerun is None:
                reader.ask_for(scope, self.brand)

    def read_locally(self) -> bool:
        """False while more is left."""
        left = _BATCHES_AT_ONCE
        for scope in self.scopes:
            for _ in self._local_batches(scope):
                self.tell()
                left -= 1
                if not left:
                    return False
        return True

    def _local_batches(self, scope: str) -> Any:
        enricher = self.analyst.enricher
        yield from enricher.read_batches(scope, self.brand)
        if self.request.params.get("rerun") == Rerun.LOCAL:
            relabeller = Relabeller(enricher.database, enricher.labeller, enricher.is_stopping)
            dimensions = self.request.params.get("dimensions", ())
            yield from relabeller.batches(scope, self.brand, dimensions, since=self.request.request_id)

    def read_by_models(self) -> dict[str, Any] | None:
        """What stopped them, empty for nothing; None while more is left."""
        if self.request.params.get("rerun") == Rerun.LOCAL:
            return {}
        try:
            is_done = all(self._read_scope(scope) for scope in self.scopes)
        except BudgetSpentError as error:
            return {"stopped_by": "budget", "stopped": str(error)}
        except QuotaSpentError as error:
            return {"stopped_by": "quota", "stopped": str(error)}
        except RetryableError as error:
            if self.analyst.reader.is_stopping():
                raise
            raise WaitingForTurnError(f"the models can't be asked now: {error}") from error
        return {} if is_done else None

    def _read_scope(self, scope: str) -> bool:
        reader = self.analyst.reader
        task = Task(scope, self.brand, self.request.organisation_id, self.request.request_id)
        for _ in range(_BATCHES_AT_ONCE):
            count = reader.read_batch(task)
            self.tell()
            if not count:
                if reader.models is not None and reader.counts(scope, self.brand).held:
                    raise WaitingForTurnError("somebody else asks a model about the rest")
                return True
        return False

    def tell(self) -> None:
        """Raises StaleError once nobody waits."""
        with self.analyst.database.machinery() as connection:
            if not PostgresAnalyses(connection).tell(self.request.request_id, self.counts()):
                raise StaleError(f"analysis {self.request.request_id} is over")

    def counts(self) -> dict[str, Any]:
        """Texts, and how many local methods have read; where there are models, what they have and what it cost."""
        counts: Counter[str] = Counter(texts=0, texts_read=0)
        asked = AskedCounts()
        for scope in self.scopes:
            with self.analyst.database.worker(scope) as connection:
                texts, read = count_texts(connection, scope=scope, brand_slug=self.brand)
            counts.update(texts=texts, texts_read=read)
            if self.analyst.reader.models is not None:
                asked += self.analyst.reader.counts(scope, self.brand)
        return {**counts, **(self._of_models(asked) if self.analyst.reader.models is not None else {})}

    def _of_models(self, asked: AskedCounts) -> dict[str, Any]:
        payer, request_id = self.request.organisation_id, self.request.request_id
        with self.analyst.database.machinery() as connection:
            cost_usd = cost_of_request(connection, payer=payer, request_id=request_id)
        return {"asked": asked.asked, "answered": asked.answered, "pending": asked.pending, "cost_usd": cost_usd}
