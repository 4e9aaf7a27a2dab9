"""Phase 3: ``brand-ai-phase-queue`` for what rules tell at once, its background twin for the slow rest."""

from __future__ import annotations

from dataclasses import dataclass

from core.crash_points import crash_point
from core.domain.principal import SHARED_SCOPE
from core.messages import (
    AI_QUEUE,
    BACKGROUND_SUFFIX,
    PICTURE_QUEUE,
    AiPhaseMessage,
    PictureMessage,
    parse_message,
)
from core.observability.logs import bound_context, get_logger
from core.pipeline.analysis import Analyst
from core.pipeline.enrich import Enricher
from core.pipeline.model_reading import ModelReader
from core.ports import MessageQueue, ReceivedMessage

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EnrichHandler:
    """Reads a brand's new content."""

    enricher: Enricher
    messages: MessageQueue
    reader: ModelReader
    queue: str = AI_QUEUE

    def handle(self, message: ReceivedMessage) -> None:
        """Label what waits."""
        body = parse_message(AiPhaseMessage, message.body)
        with bound_context(brand=body.brand, batch_id=body.batch_id, request_id=body.request_id):
            if body.on_demand:
                self._analyse(body, message)
                return
            if message.queue.endswith(BACKGROUND_SUFFIX):
                self.enricher.read_closely(body)
                self._have_pictures_read(body, PICTURE_QUEUE + BACKGROUND_SUFFIX)
                return
            self.enricher.read_by_rules(body)
            crash_point("ai.by_rules")
            # No brand's first labels wait for another brand's vectors.
            self.messages.send_batch(AI_QUEUE + BACKGROUND_SUFFIX, [message.body])
            crash_point("ai.handed_on")

    def _analyse(self, body: AiPhaseMessage, message: ReceivedMessage) -> None:
        if not Analyst(self.enricher, self.reader).analyse(body):
            self.messages.send_batch(AI_QUEUE, [message.body])  # behind those who waited meanwhile
            return
        self._have_pictures_read(body, PICTURE_QUEUE)  # somebody asked: ahead of what nobody asked for

    def _have_pictures_read(self, body: AiPhaseMessage, queue: str) -> None:
        """Once the words are read: no label of theirs waits for a picture."""
        for scope in dict.fromkeys((SHARED_SCOPE, body.scope)) if body.on_demand else (body.scope,):
            message = PictureMessage(brand=body.brand, scope=scope, trace_id=body.trace_id)
            self.messages.send_batch(queue, [message.to_body()])

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        """The ads are stored; their contents wait for the brand's next run. People are told."""
        body = parse_message(AiPhaseMessage, message.body)
        _log.error("a brand could not be read; its ads are stored", brand=body.brand, reason=reason)
        if body.on_demand:
            Analyst(self.enricher, self.reader).give_up(body.request_id or "", reason)
        elif body.batch_id is not None:
            self.enricher.phase.give_up(body.batch_id)
