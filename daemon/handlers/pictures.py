"""``creative-reading-queue``: what stands on a brand's pictures, behind everything else."""

from __future__ import annotations

from dataclasses import dataclass

from core.messages import PICTURE_QUEUE, PictureMessage, parse_message
from core.observability.logs import bound_context, get_logger
from core.pipeline.pictures import PictureReader
from core.ports import MessageQueue, ReceivedMessage

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PictureHandler:
    """Reads a brand's pictures, a few at a time."""

    reader: PictureReader
    messages: MessageQueue
    queue: str = PICTURE_QUEUE

    def handle(self, message: ReceivedMessage) -> None:
        """Read a few, then go behind whoever waits."""
        body = parse_message(PictureMessage, message.body)
        with bound_context(brand=body.brand):
            if not self.reader.read(body):
                self.messages.send_batch(message.queue, [message.body])

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        """The pictures stay unread until the brand's next run or analysis. People are told."""
        body = parse_message(PictureMessage, message.body)
        _log.error("pictures of a brand are not read", brand=body.brand, reason=reason)
