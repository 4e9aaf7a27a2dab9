"""The webhooks of an organisation: made, changed, tried, deleted by those who may administer it."""

from __future__ import annotations

import secrets as random_values
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from core.access.rights import require
from core.adapters.postgres import webhook_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, ConflictError, NotFoundError
from core.ports import Clock, SecretStore, WebhookSender
from core.queries.webhooks import get_delivery, get_webhook
from core.webhooks.signing import new_secret

STATUSES: Final = ("queued", "processing", "completed", "failed", "cancelled")
OVER: Final = ("completed", "failed", "cancelled")
MAX_WEBHOOKS: Final = 10  # of an organisation
_TEST: Final = {"request_id": "test", "status": "test", "result": None}


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """``secret`` can't be shown again."""

    webhook_id: str
    secret: str


def secret_name(webhook_id: str) -> str:
    """Under which the secret store has the secret that deliveries are signed with."""
    return f"webhook/{webhook_id}"


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Every method needs the permission ``admin``; raises NotAllowedError, NotFoundError, BadInputError."""

    database: Database
    secrets: SecretStore
    sender: WebhookSender
    clock: Clock

    def create(self, principal: Principal, *, url: str, statuses: Sequence[str] = OVER) -> NewWebhook:
        """Have requests that come to one of the statuses told to ``url``. Raises ConflictError beyond ten webhooks."""
        require(principal, Permission.ADMIN)
        self.sender.check(url)
        made = NewWebhook(random_values.token_hex(12), new_secret())
        with self.database.writer(principal) as connection:
            if store.count_webhooks(connection, principal) >= MAX_WEBHOOKS:
                raise ConflictError(f"an organisation has at most {MAX_WEBHOOKS} webhooks: delete one first")
            store.insert_webhook(
                connection,
                principal,
                webhook_id=made.webhook_id,
                url=url,
                statuses=_checked(statuses),
                now=self.clock.now(),
            )
            record(connection, principal, "webhook.create", made.webhook_id, statuses=list(statuses))
            self.secrets.put(secret_name(made.webhook_id), made.secret)  # last: what failed before leaves none
        return made

    def change(
        self,
        principal: Principal,
        webhook_id: str,
        *,
        url: str | None = None,
        statuses: Sequence[str] | None = None,
        is_enabled: bool | None = None,
    ) -> None:
        """Change what is given; enabling forgets the failures."""
        require(principal, Permission.ADMIN)
        if url is not None:
            self.sender.check(url)
        given = None if statuses is None else _checked(statuses)
        with self.database.writer(principal) as connection:
            if not store.update_webhook(connection, principal, webhook_id, url=url, statuses=given):
                raise NotFoundError("there is no such webhook in your organisation")
            if is_enabled is True:
                store.enable_webhook(connection, principal, webhook_id)
            if is_enabled is False:
                ours, now = principal.organisation_id, self.clock.now()
                store.disable_webhook(connection, ours, webhook_id, reason="switched off", now=now)
            changed = {"url": url is not None, "statuses": given, "enabled": is_enabled}
            record(connection, principal, "webhook.change", webhook_id, **changed)

    def delete(self, principal: Principal, webhook_id: str) -> None:
        """With its deliveries and its secret."""
        require(principal, Permission.ADMIN)
        with self.database.writer(principal) as connection:
            if not store.delete_webhook(connection, principal, webhook_id):
                raise NotFoundError("there is no such webhook in your organisation")
            record(connection, principal, "webhook.delete", webhook_id)
        self.secrets.delete(secret_name(webhook_id))

    def rotate_secret(self, principal: Principal, webhook_id: str) -> NewWebhook:
        """A new secret signs from the next attempt on; what a receiver refuses meanwhile is tried again."""
        require(principal, Permission.ADMIN)
        get_webhook(self.database, principal, webhook_id)
        made = NewWebhook(webhook_id, new_secret())
        with self.database.writer(principal) as connection:
            record(connection, principal, "webhook.rotate_secret", webhook_id)
            self.secrets.put(secret_name(webhook_id), made.secret)
        return made

    def send_test(self, principal: Principal, webhook_id: str) -> int:
        """Queue a delivery that tells of no request; its id. Raises ConflictError for a webhook that is disabled."""
        self._require_enabled(principal, webhook_id)
        with self.database.writer(principal) as connection:
            record(connection, principal, "webhook.test", webhook_id)
            return store.insert_delivery(connection, principal, webhook_id, _TEST, now=self.clock.now())

    def retry(self, principal: Principal, webhook_id: str, delivery_id: int) -> None:
        """Send a delivery that is over once more. Raises ConflictError for one that waits, or a disabled webhook."""
        self._require_enabled(principal, webhook_id)
        get_delivery(self.database, principal, webhook_id, delivery_id)
        with self.database.writer(principal) as connection:
            if not store.send_again(connection, principal, webhook_id, delivery_id, now=self.clock.now()):
                raise ConflictError("this delivery is on its way already")
            record(connection, principal, "webhook.retry", webhook_id, delivery=delivery_id)

    def _require_enabled(self, principal: Principal, webhook_id: str) -> None:
        require(principal, Permission.ADMIN)
        if get_webhook(self.database, principal, webhook_id).disabled_at is not None:
            raise ConflictError("this webhook is disabled: enable it first")


def _checked(statuses: Sequence[str]) -> list[str]:
    found = [status for status in STATUSES if status in statuses]
    if not found or set(found) != set(statuses):
        raise BadInputError(f"statuses: name at least one of {', '.join(STATUSES)}")
    return found
