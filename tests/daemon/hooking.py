"""What tests of webhooks share: hooks made over HTTP, a scheduler that is stepped, events that are told."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from standardwebhooks import Webhook

from core.adapters.postgres.event_feed import announce
from core.webhooks.deliver import Deliverer
from tests.daemon.support import LocalDaemon
from tests.fakes.webhook_receiver import Received, Receiver


@dataclass
class MovedClock:
    """The machine's clock, some time ahead."""

    real: Any
    ahead: timedelta = timedelta()

    def now(self) -> datetime:
        moved: datetime = self.real.now() + self.ahead
        return moved


@dataclass
class Hooks:
    """Make with ``made``, let requests be told with ``tell``, send with ``deliver``."""

    daemon: LocalDaemon
    receiver: Receiver
    secrets: dict[str, str] = field(default_factory=dict)
    clock: MovedClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = MovedClock(self.daemon.services.clock)

    def made(self, path: str = "/hook", **body: Any) -> str:
        answer = self.daemon.post("/api/v1/webhooks", {"url": self.receiver.url(path), **body})
        assert answer.status == 201, answer.body
        self.secrets[answer.json["webhook_id"]] = answer.json["secret"]
        return str(answer.json["webhook_id"])

    def hook(self, webhook_id: str) -> dict[str, Any]:
        return dict(self.daemon.get(f"/api/v1/webhooks/{webhook_id}").json)

    def deliveries(self, webhook_id: str) -> list[dict[str, Any]]:
        return list(self.daemon.get(f"/api/v1/webhooks/{webhook_id}/deliveries").json["items"])

    def tell(self, status: str = "completed", result: Any = None, organisation: str = "local") -> str:
        """An event of a new request, stored by a worker."""
        request_id = self.daemon.new_request(organisation)
        announce(self.daemon.services.database, request_id=request_id, status=status, result=result)
        return request_id

    def deliverer(self, **changes: Any) -> Deliverer:
        services = self.daemon.services
        ports = (services.database, services.secrets, services.webhook_sender, self.clock, services.notifier)
        return Deliverer(*ports, **{"jitter": lambda: 1.0, **changes})

    def deliver(self) -> None:
        """Everything that is due, and wait for it."""
        deliverer = self.deliverer()
        deliverer.deliver_due()
        deliverer._pool.shutdown(wait=True)

    def verified(self, received: Received, webhook_id: str) -> Any:
        """What a receiver reads with the public library. Raises WebhookVerificationError."""
        return Webhook(self.secrets[webhook_id]).verify(received.body, received.headers)
