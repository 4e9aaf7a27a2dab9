"""Queues in memory as SQS keeps them: what waits, what is hidden and until when. A deque and a heap, no scans.

One thread owns them all (the server's event loop), so nothing is locked.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import itertools
import json
import time
import uuid
from collections import deque
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any

MAX_IN_FLIGHT = 120_000
MAX_VISIBILITY_SECONDS = 43_200  # in total, from the receipt
DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": "1048576",
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
}
_keys = itertools.count(1)


class SqsError(Exception):
    """An answer that isn't 200: ``code`` is the error's name in SQS's model."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


class State(Enum):
    """Where a message is."""

    WAITING = auto()
    DELAYED = auto()
    IN_FLIGHT = auto()
    GONE = auto()


@dataclass(slots=True, eq=False)
class Message:
    """One message; a duplicate is another one with the same ``message_id``."""

    body: str
    attributes: dict[str, Any]
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    sent_at_ms: int = field(default_factory=lambda: int(time.time() * 1000))
    md5: str = ""
    key: int = field(default_factory=lambda: next(_keys))
    state: State = State.GONE
    visible_at: float = 0.0
    received_at: float = 0.0
    first_received_at_ms: int = 0
    receive_count: int = 0
    receipt: str = ""
    source_arn: str = ""
    is_duplicate: bool = False

    def __post_init__(self) -> None:
        self.md5 = self.md5 or hashlib.md5(self.body.encode()).hexdigest()

    def duplicate(self) -> Message:
        """The same message, as another of SQS's servers still has it."""
        return replace(self, key=next(_keys), state=State.GONE, receipt="", is_duplicate=True)


class Queue:
    """One standard queue. Times are seconds of ``time.monotonic``."""

    def __init__(self, name: str, arn: str, attributes: dict[str, str]) -> None:
        self.name, self.arn = name, arn
        self.attributes = DEFAULTS | attributes
        self.created_at = int(time.time())
        self.hidden = {State.DELAYED: 0, State.IN_FLIGHT: 0}
        self._messages: dict[int, Message] = {}
        self._ready: deque[Message] = deque()
        self._timers: list[tuple[float, int, Message]] = []
        self._waiters: dict[asyncio.Future[None], None] = {}  # in order of arrival

    def number(self, attribute: str) -> int:
        """A numeric attribute."""
        return int(self.attributes[attribute])

    @property
    def waiting(self) -> int:
        """How many messages could be received now."""
        self._wake()
        return len(self._messages) - sum(self.hidden.values())

    # --- messages in and out

    def add(self, message: Message, *, delay_seconds: int = 0) -> None:
        """Take a message in."""
        self._messages[message.key] = message
        if delay_seconds:
            self._hide(message, State.DELAYED, delay_seconds)
        else:
            self._show(message)

    def receive(self, most: int, visibility_seconds: int, dead_letters: Queue | None) -> list[Message]:
        """Hide up to ``most`` messages and hand them out; who was received too often dies instead."""
        if self.hidden[State.IN_FLIGHT] >= MAX_IN_FLIGHT:
            raise SqsError("OverLimit", "Too many messages are in flight")
        self._wake()
        received: list[Message] = []
        most_receives = self.max_receive_count
        oldest_ms = (time.time() - self.number("MessageRetentionPeriod")) * 1000
        while self._ready and len(received) < most:
            message = self._ready.popleft()
            if message.state is not State.WAITING:
                continue  # deleted while it waited
            if message.sent_at_ms < oldest_ms:
                self.remove(message)
            elif dead_letters and message.receive_count >= most_receives:
                self.move(message, dead_letters)
            else:
                self._hand_out(message, visibility_seconds)
                received.append(message)
        return received

    def find(self, receipt: str) -> Message | None:
        """The message of a receipt, or None if it is gone. Raises ReceiptHandleIsInvalid for what is no receipt."""
        queue, _, rest = receipt.partition(":")
        key, _, count = rest.partition(":")
        if queue != self.name or not (key.isdigit() and count.isdigit()):
            raise SqsError("ReceiptHandleIsInvalid", f'The input receipt handle "{receipt}" is not valid')
        return self._messages.get(int(key))

    def delete(self, receipt: str) -> Message | None:
        """Delete by the newest receipt; an older one deletes nothing, and SQS doesn't say so."""
        message = self.find(receipt)
        if message is None or message.receipt != receipt:
            return None
        self.remove(message)
        return message

    def change_visibility(self, receipt: str, seconds: int) -> None:
        """Count the visibility from now. Raises for a message that isn't in flight under this receipt."""
        message = self.find(receipt)
        if message is None:
            reason = "Message does not exist or is not available for visibility timeout change."
            raise SqsError("InvalidParameterValue", f"Value {receipt} for parameter ReceiptHandle is invalid: {reason}")
        self._wake()
        if message.state is not State.IN_FLIGHT or message.receipt != receipt:
            raise SqsError("MessageNotInflight", "The message isn't in flight")
        if int(time.monotonic() - message.received_at) + seconds > MAX_VISIBILITY_SECONDS:
            reason = f"Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY_SECONDS} seconds]"
            raise SqsError("InvalidParameterValue", f"Value {seconds} for parameter VisibilityTimeout: {reason}")
        if seconds:
            self._hide(message, State.IN_FLIGHT, seconds)
        else:
            self._show(message)

    def remove(self, message: Message) -> None:
        """Forget a message."""
        del self._messages[message.key]
        self._change_state(message, State.GONE)

    def move(self, message: Message, target: Queue) -> None:
        """To the dead letters: the message keeps its id, its age and its receive count."""
        self.remove(message)
        message.source_arn, message.receipt = self.arn, ""
        target.add(message)

    def take_out(self, *, only_waiting: bool = False) -> list[Message]:
        """Forget every message, or all that are neither hidden nor in flight; returns them."""
        self._wake()
        taken = [m for m in self._messages.values() if m.state is State.WAITING or not only_waiting]
        for message in taken:
            self.remove(message)
        return taken

    # --- redrive policy

    @property
    def redrive_policy(self) -> dict[str, Any]:
        """``deadLetterTargetArn`` and ``maxReceiveCount``, or nothing."""
        policy: dict[str, Any] = json.loads(self.attributes.get("RedrivePolicy") or "{}")
        return policy

    @property
    def max_receive_count(self) -> int:
        """After how many receives a message dies."""
        return int(self.redrive_policy.get("maxReceiveCount", 10))

    # --- waiting for messages

    async def arrival(self, seconds: float) -> None:
        """Return when a message may be there, after ``seconds`` at the latest."""
        if self._timers:
            seconds = min(seconds, max(0.0, self._timers[0][0] - time.monotonic()))
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        timer = loop.call_later(seconds, _resolve, waiter)
        self._waiters[waiter] = None
        try:
            await waiter
        except asyncio.CancelledError:
            self._notify()  # it may have been this one's turn
            raise
        finally:
            timer.cancel()
            self._waiters.pop(waiter, None)

    def _notify(self) -> None:
        while self._waiters:
            waiter = next(iter(self._waiters))
            del self._waiters[waiter]
            if not waiter.done():
                waiter.set_result(None)
                return

    # --- states

    def _hand_out(self, message: Message, visibility_seconds: int) -> None:
        message.receive_count += 1
        message.receipt = f"{self.name}:{message.key}:{message.receive_count}"
        message.received_at = time.monotonic()
        message.first_received_at_ms = message.first_received_at_ms or int(time.time() * 1000)
        if visibility_seconds:
            self._hide(message, State.IN_FLIGHT, visibility_seconds)
        else:
            self._show(message)

    def _hide(self, message: Message, state: State, seconds: float) -> None:
        self._change_state(message, state)
        message.visible_at = time.monotonic() + seconds
        heapq.heappush(self._timers, (message.visible_at, next(_keys), message))
        if self._timers[0][2] is message:
            self._notify()  # who waits must look earlier

    def _show(self, message: Message) -> None:
        self._change_state(message, State.WAITING)
        self._ready.append(message)
        self._notify()

    def _wake(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            at, _, message = heapq.heappop(self._timers)
            if message.state in self.hidden and message.visible_at == at and message.key in self._messages:
                self._show(message)

    def _change_state(self, message: Message, state: State) -> None:
        if message.state in self.hidden:
            self.hidden[message.state] -= 1
        if state in self.hidden:
            self.hidden[state] += 1
        message.state = state


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
