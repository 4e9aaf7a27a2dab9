"""The outbox relay: what was stored together with its cause is sent, at least once."""

from __future__ import annotations

from core.adapters.postgres.engine import Database
from core.adapters.postgres.run_store import delete_outbox, take_outbox
from core.ports import MessageQueue

_BATCH = 500


def send_outbox(database: Database, queue: MessageQueue) -> int:
    """Send everything that waits; returns how many.

    Rows stay locked until they are sent and deleted: a relay that dies in between sends again, never loses.
    """
    sent = 0
    while True:
        with database.machinery() as connection:
            taken = take_outbox(connection, limit=_BATCH)
            by_queue: dict[str, list[str]] = {}
            for _, name, body in taken:
                by_queue.setdefault(name, []).append(body)
            for name, bodies in by_queue.items():
                queue.send_batch(name, bodies)
            delete_outbox(connection, [outbox_id for outbox_id, _, _ in taken])
        sent += len(taken)
        if len(taken) < _BATCH:
            return sent
