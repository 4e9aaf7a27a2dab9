"""The whole system in one process: the registry behind real HTTP, every consumer, relay and sweep over PostgreSQL.

``System`` is stepped: ``work`` does everything there is to do and returns, so a test never waits for a clock.
``start_roles`` of the daemon does the same on its schedules; ``tests/integration/pipeline/test_running.py`` shows it.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

from flask import Flask
from PIL import Image
from sqlalchemy import text
from werkzeug.serving import make_server

from core.adapters.postgres.pg_queue import PostgresQueue
from core.adapters.postgres.roles import Cluster
from core.ai.taxonomy import load_taxonomy
from core.bootstrap import Services, build_services
from core.domain.ad import AdFormat, AdRecord, AdVersion, Rejection
from core.domain.media import MediaRef, MediaRole
from core.domain.principal import LOCAL_PRINCIPAL, Principal
from core.messages import DEAD_LETTER_SUFFIX
from core.pipeline.imports import Importer
from core.pipeline.progress import report_progress
from core.pipeline.relay import send_outbox
from core.pipeline.requests import ask_for_ingest
from core.pipeline.sweep import Sweeper
from daemon import sockets
from daemon.consumer import Consumer
from daemon.factory import create_app
from daemon.roles import build_committer, build_registry, consumers_of
from registry.active_brands import ActiveBrands
from tests.daemon.support import daemon_settings
from tests.fakes.embedder import FakeEmbedder
from tests.fakes.text_reader import FakeTextReader

DAY = date(2026, 3, 2)
MACHINERY = frozenset(
    {"run", "run_record", "run_item", "request", "request_run", "event", "rejected_row", "outbox", "queue_message",
     "dead_letter", "registry_epoch", "heartbeat", "notice", "alembic_version"}
)  # fmt: skip
_MOST_ROUNDS = 200


class OwnSource:
    """A source that shows what the test puts into ``ads``, by brand slug."""

    name = "own"

    def __init__(self) -> None:
        self.ads: dict[str, list[AdRecord]] = {}

    def knows(self, brand_slug: str) -> bool:
        return brand_slug in self.ads

    def scan(self, brand_slug: str) -> Iterator[AdRecord]:
        yield from self.ads[brand_slug]


@dataclass
class System:
    """Ask with ``ingest``, let it ``work``, read with ``rows``."""

    services: Services
    registry: ActiveBrands
    app: Flask
    embedder: FakeEmbedder
    stopping: threading.Event = field(default_factory=threading.Event)
    consumers: dict[str, Consumer] = field(init=False)

    def __post_init__(self) -> None:
        consumers = consumers_of(self.services.settings, self.services, self.stopping)
        self.consumers = {consumer.name: consumer for consumer in consumers}

    # --- asking

    @property
    def importer(self) -> Importer:
        return Importer(self.services.database, self.services.objects, self.services.settings.media_max_bytes)

    def ask(
        self,
        records: Iterable[AdRecord],
        *,
        principal: Principal = LOCAL_PRINCIPAL,
        scope: str = "shared",
        rejections: Iterable[Rejection] = (),
    ) -> str:
        """Queue an import; the request id."""
        return self.importer.import_records(principal, records, list(rejections), scope=scope)

    def ingest(self, *records: AdRecord, **options: Any) -> dict[str, Any]:
        """Import and let everything be done; the request's row."""
        request_id = self.ask(records, **options)
        self.work()
        return self.request(request_id)

    @property
    def source(self) -> OwnSource:
        (source,) = self.services.sources
        assert isinstance(source, OwnSource)
        return source

    def ask_source(self, brand: str) -> str:
        """Ask the source for the brand's ads; the request id."""
        return ask_for_ingest(self.services.database, self.services.sources, LOCAL_PRINCIPAL, brand=brand)

    def upload(self, image: bytes) -> str:
        """Put bytes as an import does; their ``upload://`` URL."""
        return f"upload://{self.services.objects.put(BytesIO(image), max_bytes=10_000_000).sha256}/picture.png"

    # --- working

    def work(self, *, without: Collection[str] = ()) -> None:
        """Relay, consume and report until nothing moves; delayed messages are due at once.

        Queues in ``without`` are left alone, as if no worker were there for them.
        """
        for _ in range(_MOST_ROUNDS):
            moved = self.relay()
            self.bring_forward_delayed_messages()
            moved += sum(self.poll(name) for name in self.busy() if name not in without)
            moved += report_progress(self.services.database)
            if not moved:
                return
        raise AssertionError(f"still work to do after {_MOST_ROUNDS} rounds: {self.rows('queue_message')}")

    def relay(self) -> int:
        """Send what the outbox holds; how many messages."""
        return send_outbox(self.services.runs, self.services.queue)

    def busy(self) -> list[str]:
        """The queues that hold something, in the order of their consumers; of our own asked at once."""
        if not isinstance(self.services.queue, PostgresQueue):
            return list(self.consumers)
        with self.services.database.machinery() as connection:
            held = set(connection.execute(text("SELECT DISTINCT queue FROM queue_message")).scalars())
        return [name for name in self.consumers if name in held]

    def poll(self, queue: str) -> int:
        """One poll of a queue, if it holds something; how many messages came."""
        if not self.services.queue.depth(queue).waiting:
            return 0
        return self.consumers[queue].poll_once().received

    def bring_forward_delayed_messages(self) -> None:
        self.execute("UPDATE queue_message SET visible_at = now() WHERE visible_at > now()")

    def bury(self, where: str, **values: Any) -> None:
        """As if five workers had died of the messages, and a sixth that had nothing else to do."""
        self.execute(
            f"UPDATE queue_message SET queue = queue || '{DEAD_LETTER_SUFFIX}', source_queue = queue, receive_count = 1"
            f" WHERE {where}",
            **values,
        )

    def sweep(self) -> None:
        """Every sweep once, after which whatever it queued is done."""
        self.sweeper.sweep()
        self.work()

    @cached_property
    def sweeper(self) -> Sweeper:
        settings, services = self.services.settings, self.services
        return Sweeper(services.runs, build_committer(settings, services), settings.run_deadline_seconds)

    def let_leases_lapse(self) -> None:
        self.execute("UPDATE run SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")

    def let_time_pass(self, seconds: int) -> None:
        """As if the runs had made no progress for so long."""
        self.execute("UPDATE run SET last_progress_at = last_progress_at - make_interval(secs => :s)", s=seconds)

    # --- reading

    def request(self, request_id: str) -> dict[str, Any]:
        (row,) = self.rows("request", "request_id = :id", id=request_id)
        return row

    def result(self, request_id: str) -> dict[str, Any]:
        result: dict[str, Any] = self.request(request_id)["result"]
        return result

    def rows(self, table: str, where: str = "true", *, scope: str = "shared", **values: Any) -> list[dict[str, Any]]:
        """What a worker of the scope sees, ordered by the whole row."""
        statement = text(f'SELECT * FROM "{table}" t WHERE {where} ORDER BY t::text')
        with self.services.database.worker(scope) as connection:
            return [dict(row._mapping) for row in connection.execute(statement, values)]

    def ad(self, external_id: str, *, scope: str = "shared") -> dict[str, Any]:
        (row,) = self.rows("ad", "external_id = :id AND scope = :own", scope=scope, id=external_id, own=scope)
        return row

    def record(self, scope: str = "shared") -> dict[str, list[dict[str, Any]]]:
        """Every row of every table that belongs to the record, timestamps included."""
        with self.services.database.machinery() as connection:
            names = connection.execute(
                text(
                    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                    " AND has_table_privilege(format('%I.%I', schemaname, tablename), 'SELECT') ORDER BY 1"
                )
            ).scalars()
            tables = [name for name in names if name not in MACHINERY]
        return {name: self.rows(name, scope=scope) for name in tables}

    def execute(self, statement: str, **values: Any) -> None:
        with self.services.database.machinery() as connection:
            connection.execute(text(statement), values)


_taxonomy = cache(load_taxonomy)


@contextmanager
def running_services(cluster: Cluster, home: Path, **changes: Any) -> Iterator[tuple[Services, ActiveBrands, Flask]]:
    """Services with a fake embedder and reader of pictures; the HTTP of a registry that serves, on its port."""
    services = build_services(daemon_settings(home, cluster, **changes))
    vars(services).update(embedder=FakeEmbedder(), text_reader=FakeTextReader())
    vars(services).update(sources=(OwnSource(),), taxonomy=_taxonomy())
    registry = build_registry(services.settings, services)
    registry.hold()
    app = create_app(services.settings, services, registry)
    server = make_server("127.0.0.1", services.settings.api_port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield services, registry, app
    finally:
        app.extensions[sockets.HUB].stop()
        server.shutdown()
        thread.join()
        server.server_close()
        registry.let_go()
        services.media_decoder.close()
        services.model_pictures.close()
        services.database.dispose()


@contextmanager
def running_system(cluster: Cluster, home: Path, **changes: Any) -> Iterator[System]:
    """A system that works when it is told to."""
    with running_services(cluster, home, **changes) as (services, registry, app):
        system = System(services, registry, app, vars(services)["embedder"])
        yield system
        system.stopping.set()
        for consumer in system.consumers.values():
            consumer.close()


# --- what is imported ---------------------------------------------------------------------------------


def a_picture(colour: str, size: tuple[int, int] = (320, 200)) -> bytes:
    """A PNG."""
    file = BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def an_ad(external_id: str, copy: str = "", *media: str | MediaRef, **changes: Any) -> AdRecord:
    """A record of brand Acme seen on ``DAY``; each medium is a URL of an image or a reference."""
    refs = tuple(
        item if isinstance(item, MediaRef) else MediaRef(MediaRole.IMAGE, item, position=position)
        for position, item in enumerate(media)
    )
    said = copy or f"Ad {external_id} says so."
    values: dict[str, Any] = {
        "channel": "meta",
        "brand_name": "Acme",
        "scanned_on": DAY,
        "versions": (AdVersion(copy=said, format=AdFormat.IMAGE),),
        "media": refs,
        "raw": {"id": external_id, "copy": said},
        "lines": (1,),
    }
    return AdRecord(external_id=external_id, **(values | changes))
