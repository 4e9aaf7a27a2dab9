"""Other long work: ``request-queue``. What is asked for stands in the request."""

from __future__ import annotations

from dataclasses import dataclass

from core.messages import REQUEST_QUEUE, RequestMessage, parse_message
from core.observability.logs import bound_context
from core.pipeline.exports import Exporter
from core.ports import ReceivedMessage


@dataclass(frozen=True, slots=True)
class RequestHandler:
    """Does what a request asks for; exports are the only such kind."""

    exporter: Exporter
    queue: str = REQUEST_QUEUE

    def handle(self, message: ReceivedMessage) -> None:
        """Write the export."""
        body = parse_message(RequestMessage, message.body)
        with bound_context(request_id=body.request_id):
            self.exporter.export(body.request_id)

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        """End the request with the reason."""
        self.exporter.give_up(parse_message(RequestMessage, message.body).request_id, reason)
