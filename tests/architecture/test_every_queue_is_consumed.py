"""What is sent is read: every queue has exactly one consumer in a worker, its background and dead-letter twins too."""

from __future__ import annotations

import threading
from pathlib import Path

from core import messages
from core.adapters.postgres.roles import Cluster
from core.bootstrap import build_services
from core.messages import (
    AI_QUEUE,
    BASE_QUEUES,
    DEAD_LETTER_SUFFIX,
    GATHER_QUEUE,
    PICTURE_QUEUE,
    QUEUES,
    REQUEST_QUEUE,
    URL_QUEUE,
    WORK_QUEUES,
)
from daemon.handlers.dead_letters import DeadLetterHandler
from daemon.roles import consumers_of
from tests.daemon.support import daemon_settings


def test_every_queue_is_consumed(cluster: Cluster, tmp_path: Path) -> None:
    services = build_services(daemon_settings(tmp_path, cluster))
    consumers = consumers_of(services.settings, services, threading.Event())

    assert {consumer.name for consumer in consumers} == set(QUEUES)
    for consumer in consumers:
        is_of_the_dead = isinstance(consumer.handler, DeadLetterHandler)
        assert is_of_the_dead == consumer.name.endswith(DEAD_LETTER_SUFFIX)
        assert consumer.name.startswith(consumer.handler.queue.removesuffix(DEAD_LETTER_SUFFIX))
        consumer.close()
    services.database.dispose()


def test_the_queues_have_the_names_of_the_specification() -> None:
    of_the_specification = ("brand-gather-queue", "url-process-queue", "brand-ai-phase-queue", "request-queue")
    assert (*of_the_specification, "creative-reading-queue") == BASE_QUEUES
    assert (GATHER_QUEUE, URL_QUEUE, AI_QUEUE, REQUEST_QUEUE, PICTURE_QUEUE) == BASE_QUEUES
    assert "brand-ai-phase-queue-background-dlq" in QUEUES


def test_every_named_queue_exists() -> None:
    named = {value for name, value in vars(messages).items() if name.endswith("_QUEUE")}

    assert named == set(BASE_QUEUES)
    assert {name + DEAD_LETTER_SUFFIX for name in WORK_QUEUES} == set(QUEUES) - set(WORK_QUEUES)
