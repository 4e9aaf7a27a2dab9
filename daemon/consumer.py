"""A worker read in one screen: receive, handle, settle. APScheduler repeats it; it decides nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol, Self

from core.errors import (
    AdologyError,
    BadInputError,
    NotFoundError,
    RetryableError,
    StaleError,
    ThrottledError,
    UnavailableError,
    WaitingForTurnError,
)
from core.observability import metrics
from core.observability.logs import bound_context, get_logger
from core.ports import MessageQueue, ReceivedMessage

_log = get_logger(__name__)
_RECEIVE = 10  # the most SQS gives at once
_WAIT_SECONDS = 1.0
_LONGEST_BACKOFF_SECONDS = 60
_PARKED_SECONDS = 3


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
    """Consumes one queue with a pool of threads."""

    handler: Handler
    queue: MessageQueue
    threads: int
    visibility_seconds: int
    max_receive_count: int
    stop: threading.Event
    name: str = ""  # of the queue, when it isn't the handler's (the -background twin)
    _pool: ThreadPoolExecutor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.name = self.name or self.handler.queue
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix=self.name)

    def drain(self) -> None:
        """Poll until the queue has nothing more to give."""
        while not self.stop.is_set() and self.poll_once().received:
            pass

    def poll_once(self) -> PollCounts:
        """Receive up to ten messages, handle them side by side, settle them all."""
        messages = self.queue.receive(self.name, max_messages=_RECEIVE, wait_seconds=_WAIT_SECONDS)
        counts = PollCounts(received=len(messages))
        if not messages:
            return counts
        with _KeptInvisible(self.queue, messages, self.visibility_seconds) as kept:
            outcomes = list(self._pool.map(lambda message: self._settle(message, kept), messages))
        finished = [message for message, outcome in zip(messages, outcomes, strict=True) if outcome != "retried"]
        for message in self.queue.delete_batch(finished):
            _log.warning("message not deleted; it will come again", queue=self.name, message_id=message.message_id)
        for outcome in outcomes:
            setattr(counts, outcome, getattr(counts, outcome) + 1)
        return counts

    def close(self) -> None:
        """Wait for what runs; messages that were received and not started go back at once."""
        self._pool.shutdown(wait=True)

    def _settle(self, message: ReceivedMessage, kept: _KeptInvisible) -> str:
        started = time.monotonic()
        with bound_context(queue=self.name, message_id=message.message_id):
            outcome = self._outcome(message)
        if outcome == "retried":
            kept.forget(message)  # its new visibility stands
        metrics.queue_message(self.name, outcome, seconds=time.monotonic() - started)
        return outcome

    def _outcome(self, message: ReceivedMessage) -> str:
        if self.stop.is_set():
            return self._retry(message, delay_seconds=0)
        try:
            self.handler.handle(message)
        except (WaitingForTurnError, UnavailableError) as error:  # the message is as good as before
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
        return "done"

    def _retry_or_give_up(self, message: ReceivedMessage, error: Exception) -> str:
        if self.stop.is_set():
            return self._retry(message, delay_seconds=0)
        if message.receive_count >= self.max_receive_count - 1:
            # What an error of others says may hold rows or secrets: it stays in the log.
            said = f": {error}" if isinstance(error, AdologyError) else ""
            return self._give_up(message, f"{type(error).__name__} after {message.receive_count} attempts{said}")
        if isinstance(error, ThrottledError):
            return self._retry(message, delay_seconds=int(error.retry_after_seconds) + 1)
        return self._retry(message, delay_seconds=min(2**message.receive_count, _LONGEST_BACKOFF_SECONDS))

    def _park(self, message: ReceivedMessage, error: Exception) -> str:
        """Send a delayed copy and drop this one: waiting must not use up the message's attempts."""
        _log.info("parked", reason=str(error))
        try:
            self.queue.send_batch(self.name, [message.body], delay_seconds=_PARKED_SECONDS)
        except RetryableError:
            return self._retry(message, delay_seconds=_PARKED_SECONDS)
        return "done"

    def _retry(self, message: ReceivedMessage, *, delay_seconds: int) -> str:
        try:
            self.queue.change_visibility(message, seconds=delay_seconds)
        except (StaleError, RetryableError):
            _log.debug("visibility not changed; the message comes again by itself")
        return "retried"

    def _give_up(self, message: ReceivedMessage, reason: str) -> str:
        try:
            self.handler.give_up(message, reason)
        except (StaleError, NotFoundError, BadInputError) as error:
            _log.info("nothing waits for this message any more", reason=str(error))
        except (WaitingForTurnError, UnavailableError) as error:
            return self._park(message, error)
        except AdologyError as error:
            _log.warning("giving up failed; the message comes again", reason=str(error))
            return "retried"
        except Exception:  # the end of a thread's work: the messages beside it are settled all the same
            _log.exception("giving up failed unexpectedly; the message comes again")
            return "retried"
        return "given_up"


class _KeptInvisible:
    """Extends the visibility of messages at a third of the timeout while their work goes on."""

    def __init__(self, queue: MessageQueue, messages: Iterable[ReceivedMessage], visibility_seconds: int) -> None:
        self._queue, self._seconds = queue, visibility_seconds
        self._messages = {message.receipt: message for message in messages}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._extend, name="visibility", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def forget(self, message: ReceivedMessage) -> None:
        """Extend this one no more."""
        self._messages.pop(message.receipt, None)

    def _extend(self) -> None:
        while not self._over.wait(self._seconds / 3):
            for message in list(self._messages.values()):
                self._extend_one(message)

    def _extend_one(self, message: ReceivedMessage) -> None:
        try:
            self._queue.change_visibility(message, seconds=self._seconds)
        except StaleError:
            _log.debug("receipt lost; another worker has the message", message_id=message.message_id)
        except RetryableError:
            _log.warning("visibility not extended", message_id=message.message_id)
