"""A fake SQS: at least once, in any order, and as unpleasant as its contract allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from core.errors import RetryableError, StaleError, ThrottledError
from core.messages import DEAD_LETTER_SUFFIX, QUEUES
from core.ports import QueueDepth, ReceivedMessage
from tests.faults.simulation.knobs import Knobs
from tests.faults.simulation.scheduler import Scheduler

_LONGEST_AFTERLIFE_SECONDS = 200.0


@dataclass(eq=False)
class _Message:
    message_id: str
    body: str
    visible_at: float
    receive_count: int = 0
    receipt: str = ""


@dataclass
class SimulatedQueue:
    """A MessageQueue. Faults stop when ``is_hostile`` does."""

    scheduler: Scheduler
    knobs: Knobs
    is_hostile: bool = True
    on_last_copy: Callable[[str, str], None] = lambda _queue, _body: None  # the last copy of a body is deleted
    duplicates: int = 0
    _queues: dict[str, list[_Message]] = field(default_factory=lambda: {name: [] for name in QUEUES})
    _buried: list[tuple[str, _Message]] = field(default_factory=list)
    _sent: int = 0
    _receipts: int = 0

    def prepare(self) -> None:
        """The queues are there."""

    def send_batch(self, queue: str, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        """In batches of ten, each of which may be refused or lose its answer."""
        for start in range(0, len(bodies), 10):
            self._step(f"send {queue} {min(10, len(bodies) - start)}")
            self._maybe_throttled()
            for body in bodies[start : start + 10]:
                self._sent += 1
                self._put(queue, _Message(f"m{self._sent}", body, self.scheduler.now + delay_seconds))
            if self._chance(self.knobs.send_lost_reply):
                raise RetryableError("the answer to a send was lost")

    def receive(self, queue: str, *, max_messages: int = 10, wait_seconds: float = 0.0) -> list[ReceivedMessage]:
        """An endless long poll: nothing is told of polls that find nothing."""
        self._step(f"receive {queue}")
        self._maybe_throttled()
        while not (found := self._take(queue, max_messages)):
            if not wait_seconds:
                return []
            times = [message.visible_at for message in self._queues[queue]]
            soonest = max(0.0, min(times) - self.scheduler.now) if times else None
            self.scheduler.wait(("queue", queue), seconds=soonest)
        if self._chance(self.knobs.receive_lost_reply):
            raise RetryableError("the answer to a receive was lost")
        self.scheduler.say(self.scheduler.task.name, f"received {[message.message_id for message in found]}")
        return found

    def delete_batch(self, messages: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
        """Some may fail; some that are deleted come again all the same."""
        if not messages:
            return []
        self._step(f"delete {messages[0].queue} {[message.message_id for message in messages]}")
        self._maybe_throttled()
        return [message for message in messages if not self._delete(message)]

    def change_visibility(self, message: ReceivedMessage, *, seconds: int) -> None:
        """Raises StaleError on a lost receipt."""
        self._step(f"visibility {message.message_id} {seconds}")
        self._maybe_throttled()
        found = self._find(message)
        if found is None or found.receipt != message.receipt or found.visible_at <= self.scheduler.now:
            raise StaleError(f"message {message.message_id} is not in flight under this receipt")
        found.visible_at = self.scheduler.now + seconds
        self.scheduler.notify(("queue", message.queue))

    def depth(self, queue: str) -> QueueDepth:
        """All that is there counts as waiting."""
        return QueueDepth(len(self._queues[queue]), 0, 0)

    @property
    def is_empty(self) -> bool:
        """Nothing waits, is in flight or delayed."""
        return not any(self._queues.values())

    def contents(self) -> dict[str, list[str]]:
        """What is left, for reports."""
        return {name: [m.body[:120] for m in messages] for name, messages in self._queues.items() if messages}

    def raise_the_dead(self, share: float) -> None:
        """Deliver again what was deleted long ago."""
        for queue, message in self._buried:
            if self.scheduler.random.random() < share:
                self._revive(queue, message, 0.0)
        self._buried.clear()

    def _take(self, queue: str, most: int) -> list[ReceivedMessage]:
        now = self.scheduler.now
        ready = [message for message in self._queues[queue] if message.visible_at <= now]
        self.scheduler.random.shuffle(ready)
        taken = []
        for message in ready[:most]:
            if not queue.endswith(DEAD_LETTER_SUFFIX) and message.receive_count >= self.knobs.max_receive_count:
                self._queues[queue].remove(message)
                self._put(queue + DEAD_LETTER_SUFFIX, _Message(message.message_id, message.body, now))
                continue
            message.receive_count += 1
            self._receipts += 1
            message.receipt = f"{message.message_id}/{self._receipts}"
            message.visible_at = now + self.knobs.visibility_seconds
            taken.append(
                ReceivedMessage(queue, message.message_id, message.receipt, message.body, message.receive_count)
            )
            if self._chance(self.knobs.duplicated):
                self._revive(queue, message, self.scheduler.random.random() * 10)
        return taken

    def _delete(self, message: ReceivedMessage) -> bool:
        if self._chance(self.knobs.delete_failed):
            return False
        found = self._find(message)
        if found is None:
            return True
        if found.receipt != message.receipt:
            return False
        self._queues[message.queue].remove(found)
        self._buried.append((message.queue, found))
        if all(found.body != other.body for messages in self._queues.values() for other in messages):
            self.on_last_copy(message.queue, found.body)
        if self._chance(self.knobs.resurrected):
            self._revive(message.queue, found, self.scheduler.random.random() ** 3 * _LONGEST_AFTERLIFE_SECONDS)
        return True

    def _revive(self, queue: str, message: _Message, seconds: float) -> None:
        """A second copy under the same id, as SQS gives it."""
        self.duplicates += 1
        self._put(queue, _Message(message.message_id, message.body, self.scheduler.now + seconds))

    def _put(self, queue: str, message: _Message) -> None:
        self._queues[queue].append(message)
        self.scheduler.notify(("queue", queue))

    def _find(self, message: ReceivedMessage) -> _Message | None:
        same = [found for found in self._queues[message.queue] if found.message_id == message.message_id]
        return next((found for found in same if found.receipt == message.receipt), same[0] if same else None)

    def _step(self, what: str) -> None:
        self.scheduler.step(what)

    def _chance(self, probability: float) -> bool:
        return self.is_hostile and self.scheduler.chance(probability)

    def _maybe_throttled(self) -> None:
        if self._chance(self.knobs.throttled):
            raise ThrottledError("the queue is throttled", retry_after_seconds=1)
