"""The outbox relay: what was stored together with its cause is sent, at least once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.crash_points import crash_point
from core.errors import AdologyError, BadInputError
from core.observability.logs import get_logger
from core.pipeline.store import RunStore, Transaction
from core.ports import MessageQueue

_log = get_logger(__name__)
# Ten calls of SQS: a transaction that is silent for longer than a lease is ended, and all of them are sent again.
_BATCH = 100

_Waiting = tuple[int, str]  # outbox_id, body


def send_outbox(runs: RunStore, queue: MessageQueue) -> int:
    """Send everything that waits; returns how many.

    Rows stay locked until they are sent and deleted: a relay that dies in between sends again, never loses. A queue
    that takes nothing now, whatever its reason, stops no other.
    """
    sent, away = 0, set[str]()
    while True:
        with runs.transaction() as store:
            taken = store.outbox.take(limit=_BATCH, without=away)
            if not taken:
                return sent
            crash_point("relay.taken")
            done = _send_all(store, queue, taken, away)
            store.outbox.delete(done)
            crash_point("relay.sent")
        sent += len(done)
        if len(taken) < _BATCH:
            return sent


def _send_all(
    store: Transaction, queue: MessageQueue, taken: Sequence[tuple[int, str, str]], away: set[str]
) -> list[int]:
    """The ids that are out; a queue that failed is ``away`` now."""
    by_queue: dict[str, list[_Waiting]] = {}
    for outbox_id, name, body in taken:
        by_queue.setdefault(name, []).append((outbox_id, body))
    done: list[int] = []
    for name, messages in by_queue.items():
        try:
            for outbox_id in _send(store, queue, name, messages):
                done.append(outbox_id)  # one by one: what went before an error is out
        except AdologyError as error:
            away.add(name)
            _log.warning("messages wait in the outbox", queue=name, reason=str(error))
    return done


def _send(store: Transaction, queue: MessageQueue, name: str, messages: Sequence[_Waiting]) -> Iterator[int]:
    """The ids that are out: sent, or filed because no queue will ever take them."""
    try:
        queue.send_batch(name, [body for _, body in messages])
    except BadInputError as error:
        if len(messages) > 1:  # one by one, so that the others go
            for message in messages:
                yield from _send(store, queue, name, [message])
            return
        _file(store, name, *messages[0], error)
    yield from (outbox_id for outbox_id, _ in messages)


def _file(store: Transaction, name: str, outbox_id: int, body: str, error: BadInputError) -> None:
    store.dead_letters.file(
        scope="",
        queue=name,
        message_id=f"outbox-{outbox_id}",
        body=body,
        reason=f"refused by its queue: {error}",
        batch_id=None,
        item_id=None,
    )
    _log.error("message refused by its queue", queue=name, reason=str(error))
