"""What tests of exports share: asking over HTTP, a worker that is stepped, and workers that die."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Event
from typing import Any

from core.ai.taxonomy import Taxonomy, load_taxonomy
from core.crash_points import watch
from core.messages import REQUEST_QUEUE
from core.pipeline.exports import Exporter
from core.pipeline.relay import send_outbox
from daemon.consumer import Consumer
from daemon.handlers.requests import RequestHandler
from daemon.roles import build_exporter
from tests.daemon.support import Answer, LocalDaemon


class KilledError(BaseException):
    """What kill -9 is to the code that it meets: nothing handles it."""


@contextmanager
def killed_at(point: str) -> Iterator[None]:
    """The worker dies when it passes the point; outside the block nothing is armed."""

    def die(passed: str) -> None:
        if passed == point:
            raise KilledError(point)

    watch(die)
    try:
        yield
    finally:
        watch(None)


@dataclass
class Exports:
    """Ask with ``ask``, let the worker ``work``, read with ``content``."""

    daemon: LocalDaemon
    stopping: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self.daemon.services.__dict__["taxonomy"] = taxonomy()

    @property
    def exporter(self) -> Exporter:
        services = self.daemon.services
        return build_exporter(services.settings, services, self.stopping.is_set)

    def consumer(self) -> Consumer:
        settings = self.daemon.services.settings
        return Consumer(
            RequestHandler(self.exporter),
            self.daemon.services.queue,
            threads=1,
            visibility_seconds=settings.queue_visibility_seconds,
            max_receive_count=settings.queue_max_receive_count,
            stop=self.stopping,
            name=REQUEST_QUEUE,
            wait_seconds=0,
        )

    def ask(self, *, brandspace: str = "all", **body: Any) -> str:
        answer = self.daemon.post("/api/v1/exports", {"brandspace": brandspace, **body})
        assert answer.status == 202, answer.body
        return str(answer.json["request_id"])

    def work(self) -> None:
        send_outbox(self.daemon.services.runs, self.daemon.services.queue)
        consumer = self.consumer()
        consumer.drain()
        consumer.close()

    def made(self, **body: Any) -> str:
        """A completed export."""
        request_id = self.ask(**body)
        self.work()
        assert self.request(request_id)["status"] == "completed", self.request(request_id)
        return request_id

    def request(self, request_id: str) -> dict[str, Any]:
        return dict(self.daemon.get(f"/api/v1/requests/{request_id}").json)

    def content(self, request_id: str, **headers: str) -> Answer:
        return self.daemon.get(f"/api/v1/exports/{request_id}/content", **headers)

    def rows(self, request_id: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.content(request_id).body.splitlines()]

    @property
    def files(self) -> list[str]:
        """The hashes of all that is in the object store."""
        folder = self.daemon.services.settings.home / "objects"
        return [path.name for path in folder.rglob("*") if path.is_file()]

    def stored(self, sha256: str) -> bool:
        return self.daemon.services.objects.exists(sha256)


@cache
def taxonomy() -> Taxonomy:
    """Half a second of loading, once."""
    return load_taxonomy()
