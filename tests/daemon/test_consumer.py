"""A consumer's rules: what becomes of a message by how its handling ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_queue import PostgresQueue
from core.domain.media import MediaStatus
from core.errors import (
    AdologyError,
    BadInputError,
    ConflictError,
    MediaProblemError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    StaleError,
    TerminalError,
    ThrottledError,
    UnavailableError,
    WaitingForTurnError,
)
from core.messages import BACKGROUND_SUFFIX, URL_QUEUE
from core.ports import ReceivedMessage
from daemon.consumer import Consumer, PollCounts

ATTEMPTS = 5


@dataclass
class Scripted:
    """Handles a message by raising what ``ends`` says for its body, if anything; remembers what it was told."""

    ends: dict[str, Exception] = field(default_factory=dict)
    giving_up_ends: dict[str, Exception] = field(default_factory=dict)
    on_handle: Callable[[ReceivedMessage], None] = lambda _: None
    queue: str = URL_QUEUE
    handled: list[str] = field(default_factory=list)
    given_up: dict[str, str] = field(default_factory=dict)

    def handle(self, message: ReceivedMessage) -> None:
        self.handled.append(message.body)
        self.on_handle(message)
        if message.body in self.ends:
            raise self.ends[message.body]

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        self.given_up[message.body] = reason
        if message.body in self.giving_up_ends:
            raise self.giving_up_ends[message.body]


class Bench:
    """A queue, a scripted handler and the consumer between them."""

    def __init__(self, database: Database, *, visibility_seconds: int = 60, threads: int = 10) -> None:
        self.database = database
        self.queue = PostgresQueue(
            database.worker_engine, visibility_seconds=visibility_seconds, max_receive_count=ATTEMPTS
        )
        self.handler = Scripted()
        self.stop = threading.Event()
        self.consumer = Consumer(
            handler=self.handler,
            queue=self.queue,
            threads=threads,
            visibility_seconds=visibility_seconds,
            max_receive_count=ATTEMPTS,
            stop=self.stop,
        )

    def send(self, *bodies: str, received: int = 0) -> None:
        """Messages that were received so often before."""
        self.queue.send_batch(URL_QUEUE, bodies)
        with self.database.machinery() as connection:
            connection.execute(text("UPDATE queue_message SET receive_count = :n"), {"n": received})

    def poll(self, *, ends: Exception | None = None, received: int = 0) -> PollCounts:
        """One message of body "m", handled with that end."""
        self.send("m", received=received)
        if ends is not None:
            self.handler.ends["m"] = ends
        return self.consumer.poll_once()

    def waiting(self) -> list[tuple[str, float]]:
        """(body, seconds until it is visible) of every message, at once visible: 0."""
        statement = "SELECT body, greatest(extract(epoch FROM visible_at - now()), 0) FROM queue_message ORDER BY body"
        with self.database.machinery() as connection:
            return [(body, float(seconds)) for body, seconds in connection.execute(text(statement))]


@pytest.fixture
def bench(database: Database) -> Iterator[Bench]:
    bench = Bench(database)
    yield bench
    bench.consumer.close()


def test_an_empty_queue_is_no_work(bench: Bench) -> None:
    assert bench.consumer.poll_once() == PollCounts()


def test_what_is_handled_is_deleted(bench: Bench) -> None:
    assert bench.poll() == PollCounts(received=1, done=1)
    assert bench.waiting() == []
    assert bench.handler.given_up == {}


def test_what_is_of_the_past_is_dropped(bench: Bench) -> None:
    assert bench.poll(ends=StaleError("over")) == PollCounts(received=1, done=1)
    assert bench.waiting() == []
    assert bench.handler.given_up == {}


@pytest.mark.parametrize(
    ("error", "received_before", "seconds"),
    [
        (RetryableError("later"), 0, 2),
        (RetryableError("later"), 1, 4),
        (RetryableError("later"), 2, 8),
        (ValueError("a fault of ours"), 0, 2),  # unexpected: the same again, and people are told
        (ThrottledError("slowly", retry_after_seconds=30), 0, 31),
    ],
)
def test_what_may_succeed_later_comes_again_after_a_pause(
    bench: Bench, error: Exception, received_before: int, seconds: int
) -> None:
    assert bench.poll(ends=error, received=received_before) == PollCounts(received=1, retried=1)

    ((_, pause),) = bench.waiting()
    assert seconds - 2 < pause <= seconds
    assert bench.handler.given_up == {}


@pytest.mark.parametrize(
    "error", [RetryableError("still not"), ValueError("a fault"), ThrottledError("no", retry_after_seconds=1)]
)
def test_the_last_attempt_gives_up_before_the_message_is_dead(bench: Bench, error: Exception) -> None:
    counts = bench.poll(ends=error, received=ATTEMPTS - 2)

    assert counts == PollCounts(received=1, given_up=1)
    reason = bench.handler.given_up["m"]
    assert reason.startswith(f"{type(error).__name__} after {ATTEMPTS - 1} attempts")
    assert (str(error) in reason) is isinstance(error, RetryableError)  # others' errors may quote rows: log only
    assert bench.waiting() == []


@pytest.mark.parametrize(
    "error",
    [
        BadInputError("unreadable"),
        NotFoundError("nobody knows it"),
        TerminalError("never"),
        ConflictError("taken"),
        MediaProblemError(MediaStatus.BLOCKED, "refused"),
        AdologyError("?"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_has_no_hope_is_given_up_at_once_with_its_reason(bench: Bench, error: AdologyError) -> None:
    assert bench.poll(ends=error) == PollCounts(received=1, given_up=1)
    assert bench.handler.given_up == {"m": f"{error.code}: {error}"}
    assert bench.waiting() == []


@pytest.mark.parametrize(
    "error", [WaitingForTurnError("another run"), UnavailableError("not ready"), NotAllowedError("s3:PutObject")]
)
def test_waiting_uses_up_no_attempt(bench: Bench, error: AdologyError) -> None:
    assert bench.poll(ends=error, received=ATTEMPTS - 2) == PollCounts(received=1, done=1)

    ((body, pause),) = bench.waiting()
    assert body == "m"
    assert 1 < pause <= 3
    with bench.database.machinery() as connection:
        assert connection.execute(text("SELECT receive_count FROM queue_message")).scalar_one() == 0


class _DeletesNothing:
    """The right to delete is lost."""

    def __init__(self, queue: PostgresQueue) -> None:
        self._queue = queue

    def delete_batch(self, messages: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
        return list(messages)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


def test_parked_copies_do_not_multiply_while_nothing_can_be_deleted(bench: Bench) -> None:
    bench.consumer.queue = _DeletesNothing(bench.queue)
    bench.handler.ends["m"] = UnavailableError("not ready")
    bench.send("m")

    for _ in range(6):
        bench.consumer.poll_once()
        with bench.database.machinery() as connection:
            connection.execute(text("UPDATE queue_message SET visible_at = now(), receive_count = 1"))

    assert len(bench.waiting()) == 2  # the copy of the round in which deleting began to fail


@pytest.mark.parametrize("error", [StaleError("over"), NotFoundError("gone"), BadInputError("unreadable")])
def test_giving_up_what_nobody_waits_for_is_giving_up(bench: Bench, error: AdologyError) -> None:
    bench.handler.giving_up_ends["m"] = error

    assert bench.poll(ends=TerminalError("never")) == PollCounts(received=1, given_up=1)
    assert bench.waiting() == []


@pytest.mark.parametrize("error", [RetryableError("store away"), ConflictError("taken"), ValueError("a fault of ours")])
def test_a_failure_that_can_not_be_recorded_is_kept(bench: Bench, error: Exception) -> None:
    bench.handler.giving_up_ends["m"] = error

    assert bench.poll(ends=TerminalError("never")) == PollCounts(received=1, retried=1)
    assert [body for body, _ in bench.waiting()] == ["m"]


def test_a_bad_message_harms_none_of_those_beside_it(bench: Bench) -> None:
    bodies = [f"m{number}" for number in range(10)]
    bench.handler.ends = {"m3": ValueError("a fault"), "m4": BadInputError("unreadable"), "m5": RetryableError("later")}
    bench.send(*bodies)

    counts = bench.consumer.poll_once()

    assert counts == PollCounts(received=10, done=7, retried=2, given_up=1)
    assert [body for body, _ in bench.waiting()] == ["m3", "m5"]


def test_ten_messages_are_handled_side_by_side(bench: Bench) -> None:
    together = threading.Barrier(10)
    bench.handler.on_handle = lambda _: (together.wait(10), None)[1]
    bench.send(*(f"m{number}" for number in range(10)))

    assert bench.consumer.poll_once().done == 10


def test_draining_takes_everything_that_waits(bench: Bench) -> None:
    bench.send(*(f"m{number}" for number in range(25)))

    bench.consumer.drain()

    assert len(bench.handler.handled) == 25
    assert bench.waiting() == []


def test_no_more_is_received_than_can_start_at_once(database: Database) -> None:
    bench = Bench(database, threads=2)
    bench.send("a", "b", "c")

    assert bench.consumer.poll_once().received == 2
    assert [seconds for _, seconds in bench.waiting()] == [0]  # nobody holds the third
    bench.consumer.close()


def test_a_message_stays_hidden_as_long_as_it_is_handled(database: Database) -> None:
    """Handled for longer than its visibility, it is delivered once; so is one that is done and waits for the others."""
    bench = Bench(database, visibility_seconds=1, threads=2)
    hidden_for = threading.Event()
    stolen: list[ReceivedMessage] = []

    def slow(message: ReceivedMessage) -> None:
        if message.body == "slow":
            hidden_for.wait(1.3)
            stolen.extend(bench.queue.receive(URL_QUEUE))

    bench.handler.on_handle = slow
    bench.send("slow", "quick")

    assert bench.consumer.poll_once().done == 2
    assert stolen == []
    assert sorted(bench.handler.handled) == ["quick", "slow"]
    assert bench.waiting() == []
    bench.consumer.close()


class _StopsOnReceipt:
    """The process is told to stop while messages are on their way to it."""

    def __init__(self, bench: Bench) -> None:
        self._queue, self._stop = bench.queue, bench.stop

    def receive(self, *arguments: Any, **options: Any) -> list[ReceivedMessage]:
        messages = self._queue.receive(*arguments, **options)
        self._stop.set()
        return messages

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


def test_stopping_gives_back_what_was_not_started(bench: Bench) -> None:
    bench.consumer.queue = _StopsOnReceipt(bench)
    bench.send("a", "b", "c")

    assert bench.consumer.poll_once() == PollCounts(received=3, retried=3)
    assert bench.handler.handled == []
    assert [seconds for _, seconds in bench.waiting()] == [0, 0, 0]


def test_the_background_waits_while_the_foreground_has_its_hands_full(database: Database) -> None:
    bench = Bench(database, threads=2)
    background = Consumer(
        handler=bench.handler,
        queue=bench.queue,
        threads=2,
        visibility_seconds=60,
        max_receive_count=ATTEMPTS,
        stop=bench.stop,
        name=URL_QUEUE + BACKGROUND_SUFFIX,
        before=(bench.consumer,),
    )
    bench.queue.send_batch(URL_QUEUE + BACKGROUND_SUFFIX, ["later"])
    bench.send("a", "b", "c")

    bench.consumer.poll_once()
    assert background.poll_once().received == 0
    bench.consumer.poll_once()  # the third alone: there is room now
    assert background.poll_once().done == 1
    assert bench.handler.handled[-1] == "later"
    background.close()
    bench.consumer.close()


def test_what_fails_while_stopping_goes_back_at_once(bench: Bench) -> None:
    bench.handler.on_handle = lambda _: bench.stop.set()

    assert bench.poll(ends=RetryableError("interrupted"), received=ATTEMPTS - 2).retried == 1
    assert bench.waiting() == [("m", 0.0)]
    assert bench.handler.given_up == {}


def test_a_stopped_consumer_takes_nothing(bench: Bench) -> None:
    bench.send("a")
    bench.stop.set()

    bench.consumer.drain()

    assert bench.handler.handled == []
    assert bench.waiting() == [("a", 0.0)]


def test_a_queue_that_is_away_while_deleting_leaves_the_message_to_come_again(bench: Bench) -> None:
    """Another worker has received it in between: its receipt is newer."""

    def lose(message: ReceivedMessage) -> None:
        bench.queue.change_visibility(message, seconds=0)
        bench.queue.receive(URL_QUEUE)

    bench.handler.on_handle = lose

    assert bench.poll() == PollCounts(received=1, done=1)
    assert [body for body, _ in bench.waiting()] == ["m"]
