"""The relay beside a queue that takes nothing, or takes its time: what is sent is sent once, and nothing else waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_queue import PostgresQueue
from core.adapters.postgres.roles import Cluster
from core.adapters.postgres.run_store import PostgresRunStore
from core.errors import AdologyError, NotAllowedError, NotFoundError, ThrottledError, UnavailableError
from core.messages import AI_QUEUE, GATHER_QUEUE, URL_QUEUE
from core.pipeline.relay import send_outbox
from core.pipeline.store import RunStore
from core.ports import MessageQueue

IDLE_SECONDS = 1.0
REASONS = (
    NotAllowedError("allow sqs:SendMessage"),
    NotFoundError("no such queue"),
    UnavailableError("away"),
    ThrottledError("slower", retry_after_seconds=5),
)


@dataclass
class Relayed:
    """An outbox, the queues it goes to, and what stands in the way of a send."""

    runs: RunStore
    queue: PostgresQueue
    meets: Callable[[str, Sequence[str]], None] = lambda queue, bodies: None
    sent: Counter[str] = field(default_factory=Counter)

    def add(self, queue: str, *bodies: str) -> None:
        with self.runs.transaction() as store:
            store.outbox.add(queue, bodies)

    def send_batch(self, queue: str, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        self.meets(queue, bodies)
        self.queue.send_batch(queue, bodies, delay_seconds=delay_seconds)
        self.sent.update(bodies)

    def relay(self) -> int:
        to: MessageQueue = self  # type: ignore[assignment]  # it sends; nobody asks it for more
        return send_outbox(self.runs, to)

    def waiting(self) -> list[str]:
        with self.runs.transaction() as store:
            return [body for _, _, body in store.outbox.take(limit=1_000)]

    def filed(self) -> list[str]:
        with self.runs.transaction() as store:
            return list(store.connection.execute(text("SELECT body FROM dead_letter")).scalars())


@pytest.fixture
def relayed(cluster: Cluster) -> Iterator[Relayed]:
    database = Database(cluster.urls, idle_seconds=IDLE_SECONDS)
    yield Relayed(PostgresRunStore(database), PostgresQueue(database.worker_engine, visibility_seconds=30))
    database.dispose()


def _refuses(name: str, error: AdologyError) -> Callable[[str, Sequence[str]], None]:
    def meets(queue: str, bodies: Sequence[str]) -> None:
        if queue == name:
            raise error

    return meets


@pytest.mark.parametrize("error", REASONS, ids=lambda error: error.code)
def test_what_another_queue_took_is_not_sent_again(relayed: Relayed, error: AdologyError) -> None:
    relayed.add(URL_QUEUE, "1", "2")
    relayed.add(GATHER_QUEUE, "waits")
    relayed.add(AI_QUEUE, "3")
    relayed.meets = _refuses(GATHER_QUEUE, error)

    assert [relayed.relay(), relayed.relay()] == [3, 0]

    assert relayed.sent == {"1": 1, "2": 1, "3": 1}
    assert relayed.waiting() == ["waits"]


def test_many_messages_of_a_queue_that_is_away_stop_no_other(relayed: Relayed) -> None:
    relayed.add(URL_QUEUE, *(f"waits {n}" for n in range(1_000)))
    relayed.add(GATHER_QUEUE, "1")
    relayed.meets = _refuses(URL_QUEUE, UnavailableError("away"))

    assert relayed.relay() == 1

    assert relayed.sent == {"1": 1}


def test_a_queue_that_fails_among_refused_messages_doubles_none(relayed: Relayed) -> None:
    relayed.add(GATHER_QUEUE, "1", "\x01", "2", "3")

    def meets(queue: str, bodies: Sequence[str]) -> None:
        if bodies == ["2"] and not asked:
            asked.append("2")
            raise ThrottledError("slower", retry_after_seconds=5)

    asked: list[str] = []
    relayed.meets = meets

    assert [relayed.relay(), relayed.relay()] == [2, 2]

    assert relayed.sent == {"1": 1, "2": 1, "3": 1}
    assert len(relayed.filed()) == 1


def test_a_queue_may_take_its_time(relayed: Relayed) -> None:
    """Twice what would be too long for one transaction, in batches of ten, as SQS takes them."""
    relayed.add(URL_QUEUE, *(str(n) for n in range(600)))
    relayed.meets = lambda queue, bodies: _pass(relayed, len(bodies) / 10 * IDLE_SECONDS / 30)

    assert relayed.relay() == 600

    assert set(relayed.sent.values()) == {1}


def _pass(relayed: Relayed, seconds: float) -> None:
    """The server's time: the relay's own transaction is silent meanwhile."""
    with relayed.runs.transaction() as store:
        store.connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": seconds})
