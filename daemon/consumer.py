"""A worker read in one screen: receive, handle, settle. APScheduler repeats it; it decides nothing."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

from core.crash_points import crash_point
from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    StaleError,
    ThrottledError,
    UnavailableError,
    WaitingForTurnError,
)
from core.observability import metrics
from core.observability.logs import bound_context, get_logger
from core.pipeline.repeat import Repeat, every
from core.ports import MessageQueue, ReceivedMessage

_log = get_logger(__name__)
_RECEIVE = 10  # the most SQS gives at once
_LONGEST_BACKOFF_SECONDS = 60
_PARKED_SECONDS = 3
_TELL_SECONDS = 60
# A right that a store or the registry takes back in the middle of the work is for people to give again.
_NOT_THE_MESSAGES_FAULT = (WaitingForTurnError, UnavailableError, NotAllowedError)


class Handler(Protocol):
    """What a phase does with a message, and what it does when there is no hope."""

    @property
    def queue(self) -> str:
        """The queue whose messages it handles."""
        ...

    def handle(self, message: ReceivedMessage) -> None:
        """Raises RetryableError to see the message again; StaleError when it is of the past."""
        ...

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        """Record the failure so that nothing waits for this message; it is deleted afterwards."""
        ...


@dataclass
class PollCounts:
    """What one poll did with how many messages."""

    received: int = 0
    done: int = 0
    retried: int = 0
    given_up: int = 0


@dataclass
class Consumer:
    """Consumes one queue: up to ``threads`` (at most ten) messages at a time, each of them at once.

    It yields to the consumers ``before`` it: while one of them has its hands full, it receives nothing.
    """

    handler: Handler
    queue: MessageQueue
    threads: int
    visibility_seconds: int
    max_receive_count: int
    stop: threading.Event
    name: str = ""  # of the queue, when it isn't the handler's (the -background twin)
    before: Sequence[Consumer] = ()
    pool: Executor | None = None
    wait_seconds: float = 1.0
    repeat: Repeat = every
    has_its_hands_full: bool = field(init=False, default=False)
    _pool: Executor = field(init=False, repr=False)
    _can_delete: bool = field(init=False, default=True)
    _told_at: float = field(init=False, default=-math.inf)

    def __post_init__(self) -> None:
        self.name = self.name or self.handler.queue
        self.threads = min(self.threads, _RECEIVE)
        self._pool = self.pool or ThreadPoolExecutor(self.threads, thread_name_prefix=self.name)

    def drain(self) -> None:
        """Poll until the queue has nothing more to give."""
        while not self.stop.is_set() and self.poll_once().received:
            pass

    def poll_once(self) -> PollCounts:
        """Receive what can start at once, handle it side by side, settle it all."""
        if any(consumer.has_its_hands_full for consumer in self.before):
            return PollCounts()
        messages = self.queue.receive(self.name, max_messages=self.threads, wait_seconds=self.wait_seconds)
        self.has_its_hands_full = len(messages) == self.threads
        counts = PollCounts(received=len(messages))
        if not messages:
            return counts
        crash_point("consumer.received")
        in_work = dict.fromkeys(message.receipt for message in messages)
        with self.repeat(self.visibility_seconds / 3, lambda: self._extend(messages, in_work)):
            outcomes = list(self._pool.map(lambda message: self._settle(message, in_work), messages))
        crash_point("consumer.handled")
        self._delete([message for message, outcome in zip(messages, outcomes, strict=True) if outcome != "retried"])
        crash_point("consumer.deleted")
        for outcome in outcomes:
            setattr(counts, outcome, getattr(counts, outcome) + 1)
        return counts

    def close(self) -> None:
        """Wait for what runs; messages that were received and not started go back at once."""
        self._pool.shutdown(wait=True)

    def _delete(self, messages: Sequence[ReceivedMessage]) -> None:
        if not messages:
            return
        self._can_delete = False
        failed = self.queue.delete_batch(messages)
        self._can_delete = len(failed) < len(messages)
        for message in failed:
            _log.warning("message not deleted; it will come again", queue=self.name, message_id=message.message_id)

    def _extend(self, messages: Sequence[ReceivedMessage], in_work: dict[str, None]) -> None:
        """Keep the messages of the batch to ourselves until all of them are settled."""
        for message in messages:
            if message.receipt not in in_work:
                continue
            try:
                self.queue.change_visibility(message, seconds=self.visibility_seconds)
            except StaleError:
                _log.debug("receipt lost; another worker has the message", message_id=message.message_id)
            except RetryableError:
                _log.warning("visibility not extended", message_id=message.message_id)

    def _settle(self, message: ReceivedMessage, in_work: dict[str, None]) -> str:
        started = time.monotonic()
        with bound_context(queue=self.name, message_id=message.message_id):
            outcome = self._outcome(message, in_work)
        metrics.queue_message(self.name, outcome, seconds=time.monotonic() - started)
        return outcome

    def _outcome(self, message: ReceivedMessage, in_work: dict[str, None]) -> str:
        outcome, delay_seconds = self._handle(message)
        if outcome == "retried":
            in_work.pop(message.receipt)  # first, so that its new visibility stands
            self._come_again(message, delay_seconds)
        return outcome

    def _handle(self, message: ReceivedMessage) -> tuple[str, int]:
        """What became of a message; if it is retried, after how many seconds."""
        if self.stop.is_set():
            return "retried", 0
        try:
            self.handler.handle(message)
        except _NOT_THE_MESSAGES_FAULT as error:  # it is as good as before
            return self._park(message, error)
        except RetryableError as error:
            return self._retry_or_give_up(message, error)
        except StaleError as error:
            _log.info("message of the past dropped", reason=str(error))
        except AdologyError as error:
            return self._give_up(message, f"{error.code}: {error}")
        except Exception as error:  # the end of a thread's work: the message comes again, people are told
            _log.exception("handler failed unexpectedly")
            return self._retry_or_give_up(message, error)
        return "done", 0

    def _retry_or_give_up(self, message: ReceivedMessage, error: Exception) -> tuple[str, int]:
        if self.stop.is_set():
            return "retried", 0
        if message.receive_count >= self.max_receive_count - 1:
            # What an error of others says may hold rows or secrets: it stays in the log.
            said = f": {error}" if isinstance(error, AdologyError) else ""
            return self._give_up(message, f"{type(error).__name__} after {message.receive_count} attempts{said}")
        if isinstance(error, ThrottledError):
            return "retried", int(error.retry_after_seconds) + 1
        return "retried", min(2**message.receive_count, _LONGEST_BACKOFF_SECONDS)

    def _park(self, message: ReceivedMessage, error: Exception) -> tuple[str, int]:
        """Send a delayed copy and drop this one: waiting must not use up the message's attempts."""
        self._tell_of_parking(error)
        if not self._can_delete:  # a copy beside an original that stays would double with each round
            return "retried", _PARKED_SECONDS
        try:
            self.queue.send_batch(self.name, [message.body], delay_seconds=_PARKED_SECONDS)
        except RetryableError:
            return "retried", _PARKED_SECONDS
        return "done", 0

    def _tell_of_parking(self, error: Exception) -> None:
        """A right that is missing is for people to give: they are told once a minute, not once a message."""
        now = time.monotonic()
        if isinstance(error, NotAllowedError) and now - self._told_at > _TELL_SECONDS:
            self._told_at = now
            _log.error("messages wait for a right", queue=self.name, reason=str(error))
        else:
            _log.info("parked", reason=str(error))

    def _come_again(self, message: ReceivedMessage, seconds: int) -> None:
        try:
            self.queue.change_visibility(message, seconds=seconds)
        except (StaleError, RetryableError):
            _log.debug("visibility not changed; the message comes again by itself")

    def _give_up(self, message: ReceivedMessage, reason: str) -> tuple[str, int]:
        try:
            self.handler.give_up(message, reason)
        except (StaleError, NotFoundError, BadInputError) as error:
            _log.info("nothing waits for this message any more", reason=str(error))
        except _NOT_THE_MESSAGES_FAULT as error:
            return self._park(message, error)
        except AdologyError as error:
            _log.warning("giving up failed; the message comes again", reason=str(error))
            return "retried", self.visibility_seconds
        except Exception:  # the end of a thread's work: the messages beside it are settled all the same
            _log.exception("giving up failed unexpectedly; the message comes again")
            return "retried", self.visibility_seconds
        return "given_up", 0
