"""What models read: the contents of analysed brands, each once, paid by whoever had the brand analysed.

The words' labels and a description, the labels of covers. A content is claimed before a model is asked and closed with
its outcome; the claim is renewed while that lasts and looked at before each call: whoever is told twice asks once. What
can't be asked now (a budget is spent, a provider rests, a key is missing) stays pending, and is asked when it can be.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, BinaryIO, Protocol

from core.adapters.paid_model import paying
from core.adapters.postgres.ai_ledger import paid_calls
from core.adapters.postgres.asked_contents import (
    AskedCounts,
    Claimed,
    ask_again,
    ask_for_contents,
    claim_contents,
    close_content,
    count_asked,
    release_contents,
    renew_claim,
)
from core.adapters.postgres.engine import Database
from core.ai.asking import Models
from core.ai.methods.base import Asker, Block, MethodResult
from core.ai.methods.description import Describe, Description
from core.ai.methods.labels import TextLabels, VisualLabels
from core.ai.methods.running import run
from core.ai.taxonomy import Taxonomy
from core.domain.ad import DESCRIPTION_COLLECTION, description_id
from core.domain.label import UNKNOWN, Label, Modality, Outcome, Provenance
from core.domain.spending import Purpose
from core.errors import (
    AdologyError,
    BadInputError,
    MediaProblemError,
    NotFoundError,
    RetryableError,
    TerminalError,
)
from core.observability.logs import get_logger
from core.pipeline.held_content import NotOursError, WhileOurs
from core.pipeline.repeat import Repeat, every
from core.ports import Clock, DocumentStore, ModelImage, ObjectStore

_log = get_logger(__name__)
_AT_ONCE = 16  # contents: a few seconds of a model, and little is asked again when a process dies
_LASTING_SECONDS = 180.0  # what a process that died had claimed is free again after so long
_RENEWED_SECONDS = _LASTING_SECONDS / 4
_NO_ANSWER = (BadInputError, TerminalError)  # of this content alone; repeating it would not help

LabelMethod = TextLabels | VisualLabels


class Pictures(Protocol):
    """Makes pictures small enough for models."""

    def prepared(self, stream: BinaryIO) -> ModelImage:
        """Raises MediaProblemError for what is the file's fault."""
        ...


@dataclass(frozen=True, slots=True)
class Task:
    """A brand to be read. ``payer``: the organisation whose budget it is; ``request_id``: the request that waits."""

    scope: str
    brand_slug: str
    payer: str
    request_id: str | None = None


@dataclass(frozen=True)
class ModelReader:
    """Reads contents with the configured models; without any it reads nothing."""

    database: Database
    models: Models | None
    taxonomy: Taxonomy
    documents: DocumentStore
    objects: ObjectStore
    pictures: Pictures
    clock: Clock
    is_stopping: Callable[[], bool] = lambda: False
    repeat: Repeat = every

    def ask_for(self, scope: str, brand_slug: str) -> int:
        """Have everything of the brand read that no model was asked about yet; returns how many contents."""
        if self.models is None:
            return 0
        with self.database.worker(scope) as connection:
            return ask_for_contents(connection, scope=scope, brand_slug=brand_slug)

    def ask_again(self, scope: str, brand_slug: str, dimensions: Sequence[str], *, since: str) -> int:
        """Have everything of the brand read again, once for the request ``since``; some dimensions or all (empty)."""
        kinds = list(label_methods(self.taxonomy, dimensions))
        with self.database.worker(scope) as connection:
            return ask_again(
                connection, scope=scope, brand_slug=brand_slug, dimensions=dimensions, kinds=kinds, since=since
            )

    def counts(self, scope: str, brand_slug: str) -> AskedCounts:
        """How far it is."""
        with self.database.worker(scope) as connection:
            return count_asked(connection, scope=scope, brand_slug=brand_slug)

    def read_batch(self, task: Task) -> int:
        """Ask about a few contents that wait; returns how many, 0 when none is free.

        Raises what keeps the models from answering (BudgetSpentError, ThrottledError, NotAllowedError …) once those
        that were answered are stored and the others given back.
        """
        if self.models is None:
            return 0
        if self.is_stopping():
            raise RetryableError("this worker stops; another one goes on")
        with self.database.worker(task.scope) as connection:
            contents = claim_contents(
                connection,
                scope=task.scope,
                brand_slug=task.brand_slug,
                limit=_AT_ONCE,
                lasting_seconds=_LASTING_SECONDS,
            )
        if contents:
            with self.repeat(_RENEWED_SECONDS, lambda: self._renew_all(task, contents)):
                asyncio.run(self._read_all(self.models, task, contents))
        return len(contents)

    def _renew_all(self, task: Task, contents: Sequence[Claimed]) -> None:
        for content in contents:  # a transaction each: nobody waits for two
            self._renew(task, content)

    def _renew(self, task: Task, content: Claimed) -> bool:
        with self.database.worker(task.scope) as connection:
            return renew_claim(connection, scope=task.scope, content=content, lasting_seconds=_LASTING_SECONDS)

    async def _read_all(self, models: Models, task: Task, contents: Sequence[Claimed]) -> None:
        readings = (self._read(models, task, content) for content in contents)
        ended = await asyncio.gather(*readings, return_exceptions=True)
        unread = [content for content, error in zip(contents, ended, strict=True) if error is not None]
        with self.database.worker(task.scope) as connection:
            release_contents(connection, scope=task.scope, contents=unread)
        for error in sorted(filter(None, ended), key=lambda error: isinstance(error, AdologyError)):
            raise error  # a mistake of ours before all that is to be expected

    async def _read(self, models: Models, task: Task, content: Claimed) -> None:
        block = await asyncio.to_thread(self._block, task, content)
        asker = WhileOurs(
            models, lambda: self._renew(task, content), lambda method: self._paid_calls(task, content, method)
        )
        try:
            if content.kind == "words":
                await self._describe(asker, task, content, block)
            method = self._methods(content.dimensions)[content.kind]
            with paying(self._purpose(task, content, method.name)):
                outcome, labels = await _labelled(asker, method, block)
        except NotOursError as error:
            _log.warning("a reading is given up", brand=task.brand_slug, reason=str(error))
        else:
            await asyncio.to_thread(self._close, task, content, outcome, labels)

    async def _describe(self, asker: Asker, task: Task, content: Claimed, block: Block) -> None:
        """First, and stored at once: whatever stops the labels, nobody pays for it twice."""
        if await asyncio.to_thread(self._is_described, task, content):
            return
        with paying(self._purpose(task, content, self._description.name)):
            try:
                body = _document(await run(self._description, block, asker))
            except _NO_ANSWER as error:
                body = {"outcome": Outcome.FAILED.value, "reason": str(error)}
        body["picture_sha256"] = content.picture_sha256 if block.pictures or block.picture_text else None
        body["described_at"] = self.clock.now().isoformat()
        documents = [(description_id(task.brand_slug, content.content_id), body)]
        await asyncio.to_thread(self.documents.put_many, task.scope, DESCRIPTION_COLLECTION, documents)

    def _is_described(self, task: Task, content: Claimed) -> bool:
        document_id = description_id(task.brand_slug, content.content_id)
        try:
            self.documents.get(task.scope, DESCRIPTION_COLLECTION, document_id)
        except NotFoundError:
            return False
        return True

    def _close(self, task: Task, content: Claimed, outcome: Outcome, labels: Sequence[Label]) -> None:
        with self.database.worker(task.scope) as connection:
            closed = close_content(
                connection,
                scope=task.scope,
                content=content,
                outcome=outcome,
                labels=labels,
                taxonomy_version=self.taxonomy.version,
            )
        if not closed:
            _log.warning("a reading came too late: somebody else has the content", brand=task.brand_slug)

    def _block(self, task: Task, content: Claimed) -> Block:
        pictures = tuple(self._pictures(content.picture_sha256))
        if content.kind == "picture":
            return Block(picture_text=content.text, pictures=pictures)
        facts = {"brand": task.brand_slug}
        return Block(content.text, content.cta, picture_text=content.picture_text, facts=facts, pictures=pictures)

    def _pictures(self, sha256: str | None) -> Iterator[ModelImage]:
        if sha256 is None:
            return
        try:
            with self.objects.open(sha256) as file:
                yield self.pictures.prepared(file)
        except (MediaProblemError, NotFoundError) as error:
            _log.warning("a model is not shown a picture", reason=str(error))

    def _purpose(self, task: Task, content: Claimed, method: str) -> Purpose:
        return Purpose(task.payer, task.scope, method, task.brand_slug, content.content_id, task.request_id)

    def _paid_calls(self, task: Task, content: Claimed, method: str) -> int:
        with self.database.worker(task.scope) as connection:
            return paid_calls(connection, self._purpose(task, content, method))

    def _methods(self, dimensions: Sequence[str]) -> dict[str, LabelMethod]:
        """By kind of content; of some dimensions, or of all (empty)."""
        return label_methods(self.taxonomy, dimensions) if dimensions else self._all_methods

    @cached_property
    def _all_methods(self) -> dict[str, LabelMethod]:
        return label_methods(self.taxonomy, ())

    @cached_property
    def _description(self) -> Describe:
        return Describe()


def label_methods(taxonomy: Taxonomy, dimensions: Sequence[str]) -> dict[str, LabelMethod]:
    """Kind of content → the method that reads it, in the dimensions asked for (empty: all). Kinds not asked are left.

    Raises BadInputError where no method reads any of them.
    """
    made: dict[str, LabelMethod] = {}
    refusals: list[BadInputError] = []
    kinds: tuple[tuple[str, type[LabelMethod]], ...] = (("words", TextLabels), ("picture", VisualLabels))
    for kind, method in kinds:
        try:
            made[kind] = method(taxonomy, dimensions)
        except BadInputError as error:
            refusals.append(error)
    if not made:
        raise refusals[0]
    return made


async def _labelled(asker: Asker, method: LabelMethod, block: Block) -> tuple[Outcome, Sequence[Label]]:
    try:
        result = await run(method, block, asker)
    except _NO_ANSWER as error:
        _log.warning("a model did not read a content", method=method.name, reason=str(error))
        return Outcome.FAILED, _failed(method)
    return result.outcome, result.value or ()


def _failed(method: LabelMethod) -> list[Label]:
    provenance = Provenance(method.name, method.version, "none", method.taxonomy_version)
    modality = Modality.TEXT if isinstance(method, TextLabels) else Modality.IMAGE
    return [
        Label(name, UNKNOWN, 0.0, provenance, outcome=Outcome.FAILED, modality=modality) for name in method.dimensions
    ]


def _document(result: MethodResult[Description]) -> dict[str, Any]:
    value = result.value
    return {
        "outcome": result.outcome.value,
        "description": value.text if value else None,
        "attributes": [asdict(each) for each in value.attributes] if value else [],
        "reason": result.reason,
        "provenance": asdict(result.provenance),
        "cost_usd": result.cost_usd,
    }
