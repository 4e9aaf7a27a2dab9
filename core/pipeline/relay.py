"""The outbox relay: what was stored together with its cause is sent, at least once."""

from __future__ import annotations

from core.crash_points import crash_point
from core.errors import BadInputError, RetryableError
from core.observability.logs import get_logger
from core.pipeline.store import RunStore, Transaction
from core.ports import MessageQueue

_log = get_logger(__name__)
_BATCH = 500


def send_outbox(runs: RunStore, queue: MessageQueue) -> int:
    """Send everything that waits; returns how many.

    Rows stay locked until they are sent and deleted: a relay that dies in between sends again, never loses.
    """
    sent = 0
    while True:
        with runs.transaction() as store:
            taken = store.outbox.take(limit=_BATCH)
            if not taken:
                return sent
            crash_point("relay.taken")
            done = _send(store, queue, taken)
            store.outbox.delete(done)
            crash_point("relay.sent")
        sent += len(done)
        if len(taken) < _BATCH or len(done) < len(taken):
            return sent


def _send(store: Transaction, queue: MessageQueue, taken: list[tuple[int, str, str]]) -> list[int]:
    """The ids that are out: sent, or filed because no queue will ever take them."""
    by_queue: dict[str, list[tuple[int, str]]] = {}
    for outbox_id, name, body in taken:
        by_queue.setdefault(name, []).append((outbox_id, body))
    done: list[int] = []
    for name, messages in by_queue.items():
        try:
            queue.send_batch(name, [body for _, body in messages])
            done += [outbox_id for outbox_id, _ in messages]
        except BadInputError:
            done += _send_one_by_one(store, queue, name, messages)
        except RetryableError as error:  # one queue that is away doesn't stop the others
            _log.warning("messages wait in the outbox", queue=name, messages=len(messages), reason=str(error))
    return done


def _send_one_by_one(store: Transaction, queue: MessageQueue, name: str, messages: list[tuple[int, str]]) -> list[int]:
    """Find the message that a queue refuses: it is filed, the others go."""
    done: list[int] = []
    for outbox_id, body in messages:
        try:
            queue.send_batch(name, [body])
        except BadInputError as error:
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
        done.append(outbox_id)
    return done
