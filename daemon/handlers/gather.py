"""Phase 1: ``brand-gather-queue``."""

from __future__ import annotations

from dataclasses import dataclass

from core.messages import GATHER_QUEUE, GatherMessage, parse_message
from core.observability.logs import bound_context
from core.pipeline.commit import Committer
from core.pipeline.gather import Gatherer
from core.ports import ReceivedMessage
from registry.client import RegistryClient


@dataclass(frozen=True, slots=True)
class GatherHandler:
    """Opens the run; commits at once what has no items."""

    gatherer: Gatherer
    committer: Committer
    registry: RegistryClient
    queue: str = GATHER_QUEUE

    def handle(self, message: ReceivedMessage) -> None:
        """Open or join the run of the brand."""
        body = parse_message(GatherMessage, message.body)
        with bound_context(brand=body.brand, request_id=body.request_id):
            run, token = self.gatherer.gather(body, message_key=message.message_id)
            if token is not None:
                self.committer.commit(run.batch_id, token=token)
                self.registry.commit_complete(brand=run.brand_slug, scope=run.scope, batch_id=run.batch_id)

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        """End the request with the reason."""
        body = parse_message(GatherMessage, message.body)
        self.gatherer.give_up(body, message_key=message.message_id, reason=reason)
