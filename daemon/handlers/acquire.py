"""Phase 2: ``url-process-queue``. Whoever submits the last result commits the run before its message is deleted."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from core.crash_points import crash_point
from core.domain.media import MediaStatus
from core.domain.run import ItemResult
from core.errors import UnavailableError
from core.messages import URL_QUEUE, UrlMessage, parse_message
from core.observability.logs import bound_context
from core.pipeline.acquire import Acquirer, failed, item_id_of
from core.pipeline.commit import Committer
from core.ports import ReceivedMessage
from registry.client import RegistryClient

_MOST_UNSUBMITTED = 1_000  # a few kilobytes each


@dataclass(frozen=True, slots=True)
class AcquireHandler:
    """Acquires one item and submits its result."""

    acquirer: Acquirer
    committer: Committer
    registry: RegistryClient
    queue: str = URL_QUEUE
    unsubmitted: OrderedDict[tuple[str | None, str], ItemResult] = field(default_factory=OrderedDict)

    def handle(self, message: ReceivedMessage) -> None:
        """Acquire, submit and, when asked, commit."""
        body = parse_message(UrlMessage, message.body)
        with bound_context(brand=body.brand, batch_id=body.batch_id, request_id=body.request_id):
            key = (body.batch_id, item_id_of(body))
            result = self.unsubmitted.pop(key, None) or self.acquirer.acquire(body)
            crash_point("acquire.done")
            try:
                self._submit(body, result)
            except UnavailableError:
                # Its message comes again every few seconds until the registry is back: no medium is fetched so often.
                self.unsubmitted[key] = result
                if len(self.unsubmitted) > _MOST_UNSUBMITTED:  # the oldest may have gone to another worker
                    self.unsubmitted.popitem(last=False)
                raise

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        """Submit the item as failed: the run completes without it."""
        body = parse_message(UrlMessage, message.body)
        self._submit(body, failed(body, MediaStatus.FETCH_ERROR, reason[:500]))

    def _submit(self, body: UrlMessage, result: ItemResult) -> None:
        batch_id, token = self.registry.submit(
            brand=body.brand, scope=body.scope, batch_id=body.batch_id, result=result
        )
        crash_point("acquire.submitted")
        if token is None:
            return
        self.committer.commit(batch_id, token=token)
        self.registry.commit_complete(brand=body.brand, scope=body.scope, batch_id=batch_id)
        crash_point("commit.completed")
