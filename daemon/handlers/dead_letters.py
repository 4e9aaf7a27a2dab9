"""What crashed its worker ends here: tried once more, alone, then its item is closed and the message filed."""

from __future__ import annotations

from dataclasses import dataclass

from core.crash_points import crash_point
from core.errors import AdologyError, RetryableError
from core.messages import DEAD_LETTER_SUFFIX, Message, parse_message
from core.observability.logs import get_logger
from core.pipeline.store import RunStore
from core.ports import ReceivedMessage
from daemon.consumer import Handler

_log = get_logger(__name__)
_REASON = "delivered too often without an answer: its worker died each time"
_UNREADABLE = Message()


@dataclass(frozen=True, slots=True)
class DeadLetterHandler:
    """The consumer of a dead-letter queue, in front of the handler whose messages died."""

    of: Handler
    source_queue: str
    runs: RunStore

    @property
    def queue(self) -> str:
        """The dead-letter queue."""
        return self.source_queue + DEAD_LETTER_SUFFIX

    def handle(self, message: ReceivedMessage) -> None:
        """Try it alone; if its worker dies of it again, close what waits for the message and file it."""
        if not self._succeeds_alone(message):
            self._close_and_file(message)

    def _succeeds_alone(self, message: ReceivedMessage) -> bool:
        """Messages that were received together die together, of one of them: its neighbours did nothing wrong."""
        if message.receive_count > 1:
            return False
        try:
            self.of.handle(message)
        except RetryableError:
            raise
        except AdologyError:  # why is said where it is closed
            return False
        _log.warning("message handled alone after all", queue=self.source_queue, message_id=message.message_id)
        return True

    def _close_and_file(self, message: ReceivedMessage) -> None:
        reason = _REASON
        try:
            self.of.give_up(message, _REASON)
        except RetryableError:
            raise
        except AdologyError as error:  # unreadable, unknown or of the past: filed all the same
            reason = f"{_REASON}; {error}"
        crash_point("dead_letter.closed")
        self._file(message, reason)

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        """Close and file it all the same. Raises RetryableError: filed and not closed, somebody would wait for ever."""
        try:
            self.of.give_up(message, reason)
        except RetryableError:
            raise
        except AdologyError as error:
            reason = f"{reason}; {error}"
        except Exception:  # the end of this message's work: people are told
            _log.exception("dead letter can't be closed")
        self._file(message, reason)

    def _file(self, message: ReceivedMessage, reason: str) -> None:
        try:
            body = parse_message(Message, message.body)
        except AdologyError:
            body = _UNREADABLE
        item_id = (body.model_extra or {}).get("item_id")
        with self.runs.transaction() as store:
            store.dead_letters.file(
                scope=body.scope,
                queue=self.source_queue,
                message_id=message.message_id,
                body=message.body,
                reason=reason,
                batch_id=body.batch_id,
                item_id=item_id if isinstance(item_id, str) else None,
            )
        crash_point("dead_letter.filed")
        _log.error("dead letter filed", queue=self.source_queue, reason=reason, batch_id=body.batch_id)
