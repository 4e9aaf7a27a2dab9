"""Our side: the daemon as it is shipped, over the SQS server."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

from sqlalchemy import text

from benchmarks.harness import System
from benchmarks.pipeline.sides import Bench, Brands, Outcome, Start
from benchmarks.pipeline.sqs import SqsServer
from core.adapters.health_probe import HealthProbe
from core.domain.ad import AdFormat, AdRecord, AdVersion
from core.domain.media import MediaRef, MediaRole
from core.domain.principal import LOCAL_PRINCIPAL, SHARED_SCOPE
from core.messages import URL_QUEUE
from core.pipeline.imports import Importer
from daemon.supervisor import Child, ChildSpec, Supervisor
from daemon.up import children

_READY_SECONDS, _STOP_SECONDS = 120.0, 30.0
_DAY = date(2026, 10, 31)


@dataclass
class Ours:
    """The daemon, running. ``worker`` is there where it is a process of its own."""

    system: System
    worker: Child | None = None
    url_queue: str = URL_QUEUE
    commit_table: str = "ad"

    def ask(self, brands: Brands) -> None:
        """An import of one ad per URL."""
        services = self.system.services
        importer = Importer(services.database, services.objects, self.system.settings.media_max_bytes)
        records = [record(brand, url) for brand, urls in brands.items() for url in urls]
        importer.import_records(LOCAL_PRINCIPAL, records, [], scope=SHARED_SCOPE, name="pipeline")

    def outcome(self, brands: Brands) -> Outcome:
        """From the record itself."""
        names = {"brands": list(brands)}
        with self.system.services.database.worker(SHARED_SCOPE) as connection:
            row = connection.execute(_OURS, names).one()
            stored = frozenset(connection.execute(text("SELECT sha256 FROM creative")).scalars())
        return Outcome(row.committed, stored, row.ads, row.failed)

    def kill_worker(self) -> None:
        """With everything it started."""
        assert self.worker is not None
        self.worker.kill()

    def replace_worker(self) -> None:
        """The same again."""
        assert self.worker is not None
        self.worker.start()


_OURS = text("""
    SELECT (SELECT count(DISTINCT brand_slug) FROM run
            WHERE brand_slug = ANY(:brands) AND state = 'committed') AS committed,
           (SELECT count(*) FROM ad WHERE brand_slug = ANY(:brands)) AS ads,
           (SELECT count(*) FROM run_item JOIN run USING (batch_id)
            WHERE brand_slug = ANY(:brands) AND run_item.state = 'failed') AS failed
""")


def record(brand: str, url: str) -> AdRecord:
    """An ad that shows one picture; all say the same, so that there is one text to embed."""
    return AdRecord(
        channel="meta",
        external_id=url.rpartition("://")[2],
        brand_name=brand,
        scanned_on=_DAY,
        versions=(AdVersion(copy="A picture.", format=AdFormat.IMAGE),),
        media=(MediaRef(role=MediaRole.IMAGE, url=url),),
    )


@dataclass(frozen=True, slots=True)
class Setup:
    """How our side runs: with settings of its own, with the worker as a process of its own, by which module."""

    environment: Mapping[str, str] = field(default_factory=dict)
    is_split: bool = False
    module: str = "daemon"


def ours(bench: Bench, setup: Setup = Setup()) -> Start:
    """How our side is started."""
    return lambda sqs: _running(bench, sqs, setup)


@contextmanager
def _running(bench: Bench, sqs: SqsServer, setup: Setup) -> Iterator[Ours]:
    daemon = next(spec for spec in children(bench.system.settings) if spec.name == "daemon")
    own = {"ADOLOGY_QUEUE_URL": sqs.url, "ADOLOGY_FETCH_ALLOW_HOSTS": bench.host.address, **setup.environment}
    command = tuple(setup.module if part == "daemon" else part for part in daemon.command)
    daemon = replace(daemon, command=command, environment={**daemon.environment, **own})
    if not setup.is_split:
        with _serving(daemon):
            yield Ours(bench.system)
        return
    worker = Child(_with_roles(daemon, "worker", "worker"), HealthProbe())
    with _serving(_with_roles(daemon, "serving", "api,registry,scheduler")):
        worker.start()
        try:
            yield Ours(bench.system, worker)
            worker.signal(signal.SIGTERM)
        finally:
            worker.kill()


def _with_roles(daemon: ChildSpec, name: str, roles: str) -> ChildSpec:
    return replace(daemon, command=(*daemon.command[:-1], roles), log_file=daemon.log_file.with_stem(name))


@contextmanager
def _serving(spec: ChildSpec) -> Iterator[None]:
    supervisor = Supervisor([spec])
    supervisor.start()
    try:
        supervisor.wait_until_ready(_READY_SECONDS, lambda name: None)
        yield
    finally:
        supervisor.stop(_STOP_SECONDS, lambda: False)
