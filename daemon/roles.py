"""What a process does besides HTTP: registry, workers, schedules. Started after the fork, stopped before the end."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from apscheduler.schedulers.background import BackgroundScheduler

from core.adapters.postgres.ai_ledger import book_lost
from core.adapters.postgres.housekeeping import forget_what_is_over
from core.adapters.postgres.registry_place import PostgresRegistryPlace
from core.adapters.postgres.request_store import forget_old_events
from core.adapters.postgres.run_store import beat
from core.ai.labelling import TextLabeller
from core.bootstrap import Services
from core.domain.label import LANGUAGE
from core.errors import AdologyError
from core.messages import (
    AI_QUEUE,
    BACKGROUND_SUFFIX,
    GATHER_QUEUE,
    PICTURE_QUEUE,
    QUEUES,
    REQUEST_QUEUE,
    URL_QUEUE,
)
from core.observability import metrics
from core.observability.errors_sink import ErrorsSink
from core.observability.logs import get_logger
from core.pipeline.acquire import Acquirer
from core.pipeline.ai_phase import AiPhase
from core.pipeline.background_reading import BackgroundReader
from core.pipeline.commit import Committer
from core.pipeline.enrich import Enricher
from core.pipeline.exports import Exporter
from core.pipeline.gather import Gatherer
from core.pipeline.journal import RunJournal
from core.pipeline.model_reading import ModelReader
from core.pipeline.pictures import PictureReader
from core.pipeline.progress import report_progress
from core.pipeline.record import write_record
from core.pipeline.relay import send_outbox
from core.pipeline.sweep import Sweeper
from core.settings import Settings
from core.webhooks.deliver import Deliverer
from daemon.consumer import Consumer, Handler
from daemon.handlers.acquire import AcquireHandler
from daemon.handlers.dead_letters import DeadLetterHandler
from daemon.handlers.enrich import EnrichHandler
from daemon.handlers.gather import GatherHandler
from daemon.handlers.pictures import PictureHandler
from daemon.handlers.requests import RequestHandler
from registry.active_brands import ActiveBrands
from registry.client import RegistryClient

_log = get_logger(__name__)
ROLES = ("api", "registry", "worker", "scheduler")
_POLL_SECONDS = 0.2
_RELAY_SECONDS = 0.2
_PROGRESS_SECONDS = 1.0
_HEARTBEAT_SECONDS = 10.0
_REGISTRY_SECONDS = 2.0
_FORGET_SECONDS = 60.0
_WEBHOOKS_SECONDS = 0.5
_HOUSEKEEPING_SECONDS = 600.0
_USAGE_SECONDS = 5.0
_MODELS_SECONDS = 2.0
_BATCH = 10  # a received batch: the most SQS gives at once


@dataclass
class RunningRoles:
    """Everything a process started; ``stop`` ends it in order."""

    schedule: BackgroundScheduler
    stopping: threading.Event
    consumers: Sequence[Consumer] = ()
    on_stop: list[Callable[[], None]] = field(default_factory=list)

    def stop(self) -> None:
        """Take no more messages, finish what runs, give the rest back."""
        self.stopping.set()
        self.schedule.shutdown(wait=True)
        for consumer in self.consumers:
            consumer.close()
        for action in self.on_stop:
            action()


def build_registry(settings: Settings, services: Services) -> ActiveBrands:
    """The registry of this process; it serves once it holds the store's lock."""
    place = PostgresRegistryPlace(services.database)
    journal = RunJournal(services.runs, place, settings.lease_seconds)
    return ActiveBrands(journal, monotonic=time.monotonic, lease_seconds=settings.lease_seconds)


def start_roles(
    roles: Collection[str], settings: Settings, services: Services, registry: ActiveBrands | None
) -> RunningRoles:
    """Start what the roles ask for. APScheduler repeats; the repeated functions decide.

    Raises an AdologyError for a store that isn't as it must be: then nothing was started.
    """
    services.queue.prepare()
    services.objects.prepare()
    services.documents.prepare()
    stopping = threading.Event()
    schedule = BackgroundScheduler(
        job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None},
        timezone="UTC",
    )
    running = RunningRoles(schedule, stopping)
    errors = ErrorsSink(services.notifier)
    errors.start()
    running.on_stop.append(errors.stop)
    if "registry" in roles and registry is not None:
        _guarded(registry.hold, "registry")()  # serve at once where nobody else does
        _repeat(schedule, registry.hold, _REGISTRY_SECONDS, "registry")
        running.on_stop.append(registry.let_go)
    if "worker" in roles:
        running.consumers = consumers_of(settings, services, stopping)
        running.on_stop += [
            services.media_decoder.close,
            services.model_pictures.close,
            services.text_reader.close,
        ]
        background = BackgroundReader(build_model_reader(services, stopping.is_set))
        _repeat(schedule, background.read_waiting, _MODELS_SECONDS, "models in the background")
        for number, consumer in enumerate(running.consumers):
            _repeat(schedule, consumer.drain, _POLL_SECONDS, f"consume {consumer.name} {number}")
    if "scheduler" in roles:
        _schedule_sweeps(schedule, settings, services)
        deliverer = build_deliverer(services)
        _repeat(schedule, deliverer.deliver_due, _WEBHOOKS_SECONDS, "webhooks")
        running.on_stop.append(deliverer.close)
    if "api" in roles:
        _repeat(schedule, services.usage.flush, _USAGE_SECONDS, "api usage")
        running.on_stop.append(_guarded(services.usage.flush, "api usage"))
    heart = _heart(services, roles)
    _guarded(heart, "heartbeat")()  # a command that looks for a worker must find this one at once
    _repeat(schedule, heart, _HEARTBEAT_SECONDS, "heartbeat")
    # A thread for each: a long AI phase must not keep the relay waiting for one.
    schedule.add_executor("threadpool", max_workers=len(schedule.get_jobs()))
    schedule.start()
    return running


def _repeat(schedule: BackgroundScheduler, action: Callable[[], object], seconds: float, name: str) -> None:
    schedule.add_job(_guarded(action, name), "interval", seconds=seconds, id=name, name=name)


def _guarded(action: Callable[[], object], name: str) -> Callable[[], None]:
    def run() -> None:
        try:
            action()
        except AdologyError as error:
            _log.warning("repeated work failed; it is repeated", work=name, reason=str(error))
        except Exception:  # the end of a scheduled run: the next one must still come
            _log.exception("repeated work failed unexpectedly", work=name)

    return run


def consumers_of(settings: Settings, services: Services, stopping: threading.Event) -> list[Consumer]:
    """Every queue's consumers: as many as it takes for its threads, a batch of ten each.

    One slow message keeps its batch from being settled, so the URLs have two; the background twin of a queue yields.
    """

    def consume(handler: Handler, name: str, threads: int, before: Sequence[Consumer] = ()) -> list[Consumer]:
        return [
            Consumer(
                handler=handler,
                queue=services.queue,
                threads=min(threads - first, _BATCH),
                visibility_seconds=settings.queue_visibility_seconds,
                max_receive_count=settings.queue_max_receive_count,
                stop=stopping,
                name=name,
                before=before,
                wait_seconds=settings.queue_wait_seconds,
            )
            for first in range(0, threads, _BATCH)
        ]

    threads = {
        GATHER_QUEUE: settings.gather_threads,
        URL_QUEUE: settings.worker_threads,
        AI_QUEUE: settings.ai_threads,
        REQUEST_QUEUE: settings.request_threads,
        PICTURE_QUEUE: settings.image_reader_threads,
    }
    found: list[Consumer] = []
    for handler in handlers(settings, services, stopping.is_set):
        urgent = consume(handler, handler.queue, threads[handler.queue])
        # What is read closely is the background's own work: it waits for nobody's first labels.
        before = () if handler.queue == AI_QUEUE else urgent
        background = consume(handler, handler.queue + BACKGROUND_SUFFIX, threads[handler.queue], before)
        found += urgent + background
        for name in (handler.queue, handler.queue + BACKGROUND_SUFFIX):
            dead = DeadLetterHandler(handler, name, services.runs)
            found += consume(dead, dead.queue, 1)
    return found


def build_committer(settings: Settings, services: Services) -> Committer:
    """What commits runs, in the worker as in the sweep."""
    return Committer(services.runs, write_record, settings.lease_seconds)


def handlers(
    settings: Settings, services: Services, is_stopping: Callable[[], bool] = lambda: False
) -> tuple[Handler, ...]:
    """One handler per phase, over the services."""
    connections = 2 * settings.worker_threads + 8  # the URLs and their background, and the slower phases
    registry = RegistryClient(settings.registry_address, token=services.internal_token, connections=connections)
    committer = build_committer(settings, services)
    gatherer = Gatherer(services.runs, services.objects, services.documents, services.sources, registry)
    acquirer = Acquirer(
        services.database,
        services.objects,
        services.media,
        services.embedder,
        services.media_decoder.describe,
        settings.media_max_bytes,
    )
    labeller = TextLabeller(services.taxonomy, services.embedder)
    phase = AiPhase(services.runs, settings.lease_seconds)
    enricher = Enricher(services.database, phase, labeller, services.embedder, is_stopping)
    return (
        GatherHandler(gatherer, committer, registry),
        AcquireHandler(acquirer, committer, registry),
        EnrichHandler(enricher, services.queue, build_model_reader(services, is_stopping)),
        RequestHandler(build_exporter(settings, services, is_stopping)),
        PictureHandler(build_picture_reader(services, is_stopping), services.queue),
    )


def build_picture_reader(services: Services, is_stopping: Callable[[], bool] = lambda: False) -> PictureReader:
    """What reads pictures in the worker."""

    def taxonomy_version() -> str:
        return services.taxonomy.version  # half a second of loading, for the first picture

    return PictureReader(
        services.database,
        services.objects,
        services.text_reader,
        services.media_decoder.describe,
        taxonomy_version,
        is_stopping,
    )


def build_model_reader(services: Services, is_stopping: Callable[[], bool] = lambda: False) -> ModelReader:
    """What has models read contents, for those who wait and in the background."""
    return ModelReader(
        services.database,
        services.models,
        services.taxonomy,
        services.documents,
        services.objects,
        services.model_pictures,
        services.clock,
        is_stopping,
    )


def build_exporter(settings: Settings, services: Services, is_stopping: Callable[[], bool] = lambda: False) -> Exporter:
    """What writes exports in the worker, and forgets their files in the scheduler."""

    def dimensions() -> tuple[str, ...]:
        return (LANGUAGE, *services.taxonomy.dimensions)  # half a second of loading, for the first export

    return Exporter(services.database, services.objects, services.clock, dimensions, settings.export_days, is_stopping)


def build_deliverer(services: Services) -> Deliverer:
    """What delivers webhooks."""
    return Deliverer(services.database, services.secrets, services.webhook_sender, services.clock, services.notifier)


def _schedule_sweeps(schedule: BackgroundScheduler, settings: Settings, services: Services) -> None:
    sweeper = Sweeper(services.runs, build_committer(settings, services), settings.run_deadline_seconds)
    hours = settings.request_retention_hours
    _repeat(schedule, lambda: send_outbox(services.runs, services.queue), _RELAY_SECONDS, "outbox relay")
    _repeat(schedule, lambda: report_progress(services.database), _PROGRESS_SECONDS, "progress")
    _repeat(schedule, sweeper.sweep, settings.sweep_seconds, "sweep")
    _repeat(schedule, lambda: _forget_events(services, hours), _FORGET_SECONDS, "old events")
    _repeat(schedule, build_exporter(settings, services).forget_expired, _FORGET_SECONDS, "old exports")
    _repeat(schedule, lambda: _keep_house(services), _HOUSEKEEPING_SECONDS, "housekeeping")
    _repeat(schedule, lambda: _measure_queues(services), _HEARTBEAT_SECONDS, "queue depths")


def _forget_events(services: Services, hours: int) -> None:
    with services.database.machinery() as connection:
        forget_old_events(connection, hours=hours)


def _keep_house(services: Services) -> None:
    with services.database.machinery() as connection:
        forget_what_is_over(connection, now=services.clock.now())
        book_lost(connection)


def _measure_queues(services: Services) -> None:
    for name in QUEUES:
        depth = services.queue.depth(name)
        counts = {"waiting": depth.waiting, "in_flight": depth.in_flight, "delayed": depth.delayed}
        metrics.queue_depth(name, counts, oldest_age_seconds=depth.oldest_age_seconds)


def _heart(services: Services, roles: Collection[str]) -> Callable[[], None]:
    process_id = f"{socket.gethostname()}:{os.getpid()}"

    def beat_once() -> None:
        with services.database.machinery() as connection:
            beat(connection, process_id=process_id, roles=",".join(sorted(roles)), host=socket.gethostname())

    return beat_once
