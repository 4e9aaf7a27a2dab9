"""Delivering: claim, send outside any transaction, settle. At least once, under one message id however often.

One delivery at a time to a webhook, several webhooks side by side: a slow receiver delays nobody but itself.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from pydantic_core import to_json

from core.adapters.postgres import webhook_store as store
from core.adapters.postgres.audit_store import record_by_system
from core.adapters.postgres.engine import Connection, Database
from core.adapters.postgres.webhook_store import DueDelivery
from core.crash_points import crash_point
from core.errors import AdologyError
from core.observability.logs import get_logger
from core.ports import Clock, Notice, Notifier, SecretStore, WebhookAnswer, WebhookSender
from core.webhooks.manage import secret_name
from core.webhooks.signing import signed_headers

_log = get_logger(__name__)
_THREADS: Final = 16
_HOLD: Final = timedelta(seconds=60)  # far beyond the whole of a sending: after it, its process is taken for dead
# After each failed attempt but the last, which is the eighth: 27 hours in all.
RETRY_SECONDS: Final = (5, 300, 1_800, 7_200, 18_000, 36_000, 36_000)
_DISABLED_AFTER: Final = timedelta(days=5)
_GONE: Final = 410


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What came of a sending; ``error`` is None when it arrived."""

    status: int | None = None
    error: str | None = None
    retry_after_seconds: float = 0.0


def _jitter() -> float:
    return random.uniform(0.8, 1.2)  # noqa: S311  spreads retries, guards nothing


@dataclass
class Deliverer:
    """Delivers what is due; ``close`` it to wait for what is on its way."""

    database: Database
    secrets: SecretStore
    sender: WebhookSender
    clock: Clock
    notifier: Notifier
    jitter: Callable[[], float] = _jitter
    threads: int = _THREADS
    _stopping: threading.Event = field(init=False, default_factory=threading.Event)
    _free: threading.Semaphore = field(init=False)
    _pool: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._free = threading.Semaphore(self.threads)
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="webhooks")

    def deliver_due(self) -> None:
        """Hand everything due to threads that are free, and return without waiting for any of them."""
        while not self._stopping.is_set() and self._free.acquire(blocking=False):
            delivery = self._claim_or_free()
            if delivery is None:
                return
            self._pool.submit(self._go_on_from, delivery)

    def close(self) -> None:
        """Take nothing more, and wait for what is on its way."""
        self._stopping.set()
        self._pool.shutdown(wait=True)

    def _claim_or_free(self) -> DueDelivery | None:
        """A delivery for the place that was taken; without one the place is free again."""
        delivery = None
        try:
            delivery = self._claim()
        finally:
            if delivery is None:
                self._free.release()
        return delivery

    def _go_on_from(self, first: DueDelivery) -> None:
        """Deliver one after the other until nothing is due."""
        delivery: DueDelivery | None = first
        try:
            while delivery is not None:
                self._deliver(delivery)
                delivery = None if self._stopping.is_set() else self._claim()
        except AdologyError as error:
            _log.warning("a delivery is sent again when its hold has run out", reason=str(error))
        except Exception:  # the end of a thread's work: others go on, and the hold runs out
            _log.exception("delivering failed unexpectedly")
        finally:
            self._free.release()

    def _claim(self) -> DueDelivery | None:
        now = self.clock.now()
        with self.database.machinery() as connection:
            return store.claim_delivery(connection, now=now, held_until=now + _HOLD)

    def _deliver(self, delivery: DueDelivery) -> None:
        crash_point("webhook.claimed")
        attempt = self._send(delivery)
        crash_point("webhook.sent")
        with self.database.machinery() as connection:
            reason = self._settle(connection, delivery, attempt)
        if reason is not None:
            self._tell(delivery, reason)

    def _send(self, delivery: DueDelivery) -> _Attempt:
        about = {
            "webhook_id": delivery.webhook_id,
            "delivery_id": delivery.delivery_id,
            "created_at": delivery.created_at,
        }
        body = to_json({**delivery.body, "webhook": about})
        try:
            secret = self.secrets.get(secret_name(delivery.webhook_id))
            message_id = f"msg_{delivery.delivery_id}"
            headers = signed_headers(secret, message_id=message_id, sent_at=self.clock.now(), body=body)
            return _judge(self.sender.send(delivery.url, body, headers))
        except AdologyError as error:
            return _Attempt(error=str(error))

    def _settle(self, connection: Connection, delivery: DueDelivery, attempt: _Attempt) -> str | None:
        """The reason for which the webhook was disabled, if it was."""
        now = self.clock.now()
        free_at = now + timedelta(seconds=attempt.retry_after_seconds)
        store.release_webhook(connection, delivery.webhook_id, held_until=delivery.held_until, until=free_at)
        if attempt.error is None:
            store.settle_delivered(connection, delivery, status=attempt.status or 0, now=now)
            return None
        failing = store.settle_failed(
            connection,
            delivery,
            status=attempt.status,
            error=attempt.error,
            next_at=self._next_at(delivery.attempts, free_at, now),
            now=now,
        )
        reason = None if failing is None else _reason_to_disable(attempt, *failing, now)
        if reason is not None:
            store.disable_webhook(connection, delivery.organisation_id, delivery.webhook_id, reason=reason, now=now)
            record_by_system(
                connection, delivery.organisation_id, "webhook.disable", delivery.webhook_id, reason=reason
            )
        return reason

    def _next_at(self, attempts: int, free_at: datetime, now: datetime) -> datetime | None:
        """When to try again after so many attempts; never before the receiver wants to be asked."""
        if attempts > len(RETRY_SECONDS):
            return None
        return max(now + timedelta(seconds=RETRY_SECONDS[attempts - 1] * self.jitter()), free_at)

    def _tell(self, delivery: DueDelivery, reason: str) -> None:
        context = {"organisation": delivery.organisation_id, "webhook": delivery.webhook_id}
        self.notifier.notify(Notice("warning", "A webhook was disabled", reason, context))


def _judge(answer: WebhookAnswer) -> _Attempt:
    if 200 <= answer.status < 300:  # noqa: PLR2004
        return _Attempt(answer.status)
    redirect = "; redirects are not followed" if 300 <= answer.status < 400 else ""  # noqa: PLR2004
    return _Attempt(answer.status, f"it answered {answer.status}{redirect}", answer.retry_after_seconds or 0.0)


def _reason_to_disable(attempt: _Attempt, failures: int, failing_since: datetime, now: datetime) -> str | None:
    if attempt.status == _GONE:
        return "its receiver answered 410: it wants nothing any more"
    if failures > len(RETRY_SECONDS) and now - failing_since >= _DISABLED_AFTER:
        return f"nothing has arrived since {failing_since:%Y-%m-%d}; last: {attempt.error}"
    return None
