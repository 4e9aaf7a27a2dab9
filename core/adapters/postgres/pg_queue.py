"""Queues in PostgreSQL with the semantics of SQS: the embedded home of the message queue.

Only the database's clock counts. Messages don't expire (SQS drops them after its retention).
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Engine, text

from core.adapters.postgres.engine import translated_errors
from core.adapters.queue_limits import (
    DEFAULT_VISIBILITY_SECONDS,
    check_queue,
    check_receive,
    check_send,
    check_visibility,
)
from core.errors import BadInputError, StaleError
from core.messages import DEAD_LETTER_SUFFIX
from core.ports import QueueDepth, ReceivedMessage

_ROWS_PER_INSERT = 100  # bodies reach 1 MiB
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.02, 0.5  # between two looks at a queue that was just, or long, empty

_SEND = text("""
    INSERT INTO queue_message (queue, body, sent_at, visible_at)
    SELECT :queue, body, now(), now() + make_interval(secs => :delay) FROM unnest(CAST(:bodies AS text[])) AS body
""")

# One statement, so that a message is either still waiting, in flight or a dead letter, whatever crashes.
_RECEIVE = text("""
    WITH due AS MATERIALIZED (
        SELECT message_id, :may_die AND receive_count >= :max_receive_count AS is_dead
        FROM queue_message WHERE queue = :queue AND visible_at <= now()
        ORDER BY visible_at, message_id LIMIT :most FOR UPDATE SKIP LOCKED
    ), buried AS (
        UPDATE queue_message AS m
        SET queue = :dead_letter_queue, source_queue = :queue, receive_count = 0, receipt = NULL,
            first_received_at = NULL, visible_at = now()
        FROM due WHERE due.message_id = m.message_id AND is_dead
    )
    UPDATE queue_message AS m
    SET receive_count = receive_count + 1, receipt = gen_random_uuid()::text,
        first_received_at = coalesce(first_received_at, now()),
        visible_at = now() + make_interval(secs => :visibility)
    FROM due WHERE due.message_id = m.message_id AND NOT is_dead
    RETURNING m.message_id, m.receipt, m.body, m.receive_count
""")

_DELETE = text("""
    DELETE FROM queue_message AS m
    USING unnest(CAST(:ids AS bigint[]), CAST(:receipts AS text[])) AS given (message_id, receipt)
    WHERE m.message_id = given.message_id AND m.receipt = given.receipt RETURNING m.message_id
""")

_STILL_THERE = text("SELECT message_id FROM queue_message WHERE message_id = ANY(CAST(:ids AS bigint[]))")

_CHANGE_VISIBILITY = text("""
    UPDATE queue_message SET visible_at = now() + make_interval(secs => :seconds)
    WHERE message_id = :id AND receipt = :receipt AND visible_at > now()
""")

_DEPTH = text("""
    SELECT count(*) FILTER (WHERE visible_at <= now()) AS waiting,
           count(*) FILTER (WHERE visible_at > now() AND receipt IS NOT NULL) AS in_flight,
           count(*) FILTER (WHERE visible_at > now() AND receipt IS NULL) AS delayed,
           extract(epoch FROM now() - min(sent_at))::float8 AS oldest_age_seconds
    FROM queue_message WHERE queue = :queue
""")


class PostgresQueue:
    """A MessageQueue over the table ``queue_message``.

    ``visibility_seconds`` is one number, or one per queue (30 for those not named). Stricter than SQS where that is
    vague: only the latest receipt deletes, and a message may be hidden for 12 h a call, not in total.
    """

    def __init__(
        self, engine: Engine, *, visibility_seconds: Mapping[str, int] | int, max_receive_count: int = 5
    ) -> None:
        given = visibility_seconds.values() if isinstance(visibility_seconds, Mapping) else [visibility_seconds]
        for seconds in given:
            check_visibility(seconds)
        if max_receive_count < 1:
            raise BadInputError(f"max_receive_count is {max_receive_count}: give at least 1")
        self._engine = engine
        self._statements = engine.execution_options(isolation_level="AUTOCOMMIT")  # each is whole: one round trip
        self._visibility_seconds = visibility_seconds
        self._max_receive_count = max_receive_count
        self._pauses: dict[str, float] = {}  # of queues that were empty when last asked: a dozen idle ones cost little

    def prepare(self) -> None:
        """Nothing: the migrations made the table."""

    def send_batch(self, queue: str, bodies: Sequence[str], *, delay_seconds: int = 0) -> None:
        """All or none. Raises BadInputError, NotFoundError, RetryableError."""
        check_send(queue, bodies, delay_seconds)
        with translated_errors(), self._engine.begin() as connection:
            for start in range(0, len(bodies), _ROWS_PER_INSERT):
                part = list(bodies[start : start + _ROWS_PER_INSERT])
                connection.execute(_SEND, {"queue": queue, "delay": delay_seconds, "bodies": part})

    def receive(self, queue: str, *, max_messages: int = 10, wait_seconds: float = 0.0) -> list[ReceivedMessage]:
        """Take up to 10 messages, looking again until one comes or the wait is over."""
        check_receive(queue, max_messages, wait_seconds)
        deadline = time.monotonic() + wait_seconds
        pause = self._pauses.pop(queue, _FIRST_PAUSE_SECONDS)
        while True:
            if messages := self._take(queue, max_messages):
                return messages
            left = deadline - time.monotonic()
            if left <= 0:
                self._pauses[queue] = pause
                return []
            time.sleep(min(pause, left))
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def delete_batch(self, messages: Sequence[ReceivedMessage]) -> list[ReceivedMessage]:
        """Delete; returns those that were received anew since. One that is gone already counts as deleted."""
        if not messages:
            return []
        given = {"ids": [int(m.message_id) for m in messages], "receipts": [m.receipt for m in messages]}
        with translated_errors(), self._statements.connect() as connection:
            deleted = set(connection.execute(_DELETE, given).scalars())
            missed = [m for m in messages if int(m.message_id) not in deleted]
            if not missed:
                return []
            there = set(connection.execute(_STILL_THERE, {"ids": [int(m.message_id) for m in missed]}).scalars())
        return [m for m in missed if int(m.message_id) in there]

    def change_visibility(self, message: ReceivedMessage, *, seconds: int) -> None:
        """Count the visibility from now; 0 gives the message back. Raises StaleError on a lost receipt."""
        check_visibility(seconds)
        change = {"id": int(message.message_id), "receipt": message.receipt, "seconds": seconds}
        with translated_errors(), self._statements.connect() as connection:
            changed = connection.execute(_CHANGE_VISIBILITY, change).rowcount
        if not changed:
            raise StaleError(f"message {message.message_id} is no longer in flight under this receipt: abandon it")

    def depth(self, queue: str) -> QueueDepth:
        """How much waits; the age is that of the oldest message, in flight or not."""
        check_queue(queue)
        with translated_errors(), self._statements.connect() as connection:
            return QueueDepth(**connection.execute(_DEPTH, {"queue": queue}).one()._asdict())

    def _take(self, queue: str, most: int) -> list[ReceivedMessage]:
        values = {
            "queue": queue,
            "most": most,
            "visibility": self._visibility_of(queue),
            "may_die": not queue.endswith(DEAD_LETTER_SUFFIX),
            "max_receive_count": self._max_receive_count,
            "dead_letter_queue": queue + DEAD_LETTER_SUFFIX,
        }
        with translated_errors(), self._statements.connect() as connection:
            rows = connection.execute(_RECEIVE, values).all()
        return [ReceivedMessage(queue, str(row[0]), *row[1:]) for row in rows]

    def _visibility_of(self, queue: str) -> int:
        if isinstance(self._visibility_seconds, Mapping):
            return self._visibility_seconds.get(queue, DEFAULT_VISIBILITY_SECONDS)
        return self._visibility_seconds
