"""A second reading by the configured models, paid within the budget: what they say is compared and not kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from core.adapters.paid_model import paying
from core.adapters.postgres.stored_readings import StoredReading
from core.ai.asking import Models
from core.ai.methods.base import Block
from core.ai.methods.labels import TextLabels, VisualLabels
from core.ai.methods.running import run
from core.ai.taxonomy import Taxonomy
from core.domain.label import Label
from core.domain.principal import Principal
from core.domain.spending import Purpose
from core.errors import BadInputError, MediaProblemError, NotFoundError, TerminalError
from core.pipeline.model_reading import LabelMethod, Pictures
from core.ports import ModelImage, ObjectStore

_NO_ANSWER = (BadInputError, TerminalError)  # of this content alone


@dataclass(frozen=True)
class ModelReplay:
    """Reads words by ``labels`` and pictures by ``visual_labels``, as the pipeline does; ``payer`` pays."""

    models: Models
    taxonomy: Taxonomy
    objects: ObjectStore
    pictures: Pictures
    payer: Principal

    @property
    def methods(self) -> frozenset[str]:
        """Both."""
        return frozenset({TextLabels.name, VisualLabels.name})

    def read(self, readings: Sequence[StoredReading]) -> Iterator[Sequence[Label]]:
        """No labels of what can't be read. Raises what keeps the models from answering (BudgetSpentError …)."""
        return iter(asyncio.run(self._read_all(readings)))

    async def _read_all(self, readings: Sequence[StoredReading]) -> list[Sequence[Label]]:
        return await asyncio.gather(*(self._read(reading) for reading in readings))

    async def _read(self, reading: StoredReading) -> Sequence[Label]:
        method = self._methods[reading.kind]
        block = await asyncio.to_thread(self._block, reading)
        purpose = Purpose(self.payer.organisation_id, reading.scope, method.name, content_id=reading.content_id)
        with paying(purpose):
            try:
                result = await run(method, block, self.models)
            except _NO_ANSWER:
                return ()
        return result.value or ()

    def _block(self, reading: StoredReading) -> Block:
        if reading.kind == "words":
            return Block(reading.text, reading.cta)
        return Block(picture_text=reading.text, pictures=tuple(self._picture(reading.content_id)))

    def _picture(self, sha256: str) -> Iterator[ModelImage]:
        try:
            with self.objects.open(sha256) as file:
                yield self.pictures.prepared(file)
        except (MediaProblemError, NotFoundError):
            return  # the method says that there is nothing to read

    @cached_property
    def _methods(self) -> dict[str, LabelMethod]:
        return {"words": TextLabels(self.taxonomy), "picture": VisualLabels(self.taxonomy)}
