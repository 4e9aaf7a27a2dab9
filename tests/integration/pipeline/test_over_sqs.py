"""The pipeline over SQS: messages come twice or again, are accepted in part, answered never; each ad is there once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from core.adapters.postgres.roles import Cluster
from core.errors import RetryableError
from core.messages import QUEUES
from daemon.roles import ROLES, start_roles
from tests.fakes.sqs_server import SqsServer
from tests.running_system import System, a_picture, an_ad, running_system

_PATIENCE_SECONDS = 90
_ADS = 25
_COLOURS = ("red", "green", "blue", "black", "white")


@pytest.fixture
def sqs() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


@pytest.fixture
def system(cluster: Cluster, tmp_path: Path, sqs: SqsServer) -> Iterator[System]:
    """Over queues whose messages come again after three seconds."""
    url = f"sqs://{sqs.region}/adology-test-?endpoint={sqs.url}"
    changes = {
        "queue_visibility_seconds": 2,
        "fetch_timeout_seconds": 0.5,
        "queue_max_receive_count": 50,  # none dies of the faults
    }
    with running_system(cluster, tmp_path, queue_url=url, **changes) as system:
        system.services.queue.prepare()
        yield system


def ads(system: System) -> list[Any]:
    """Five pictures under one address each, and one that can't be had."""
    pictures = [system.upload(a_picture(colour)) for colour in _COLOURS] + [f"upload://{'0' * 64}/gone.png"]
    return [an_ad(str(n), f"Buy number {n} now.", pictures[n % len(pictures)]) for n in range(_ADS)]


def finish(system: System) -> None:
    """Work until every message is settled; some come again only when their time has come."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(RetryableError):  # work is repeated, as the schedules do
            system.work()
            if not unsettled(system) and not system.rows("outbox"):
                return
    raise AssertionError(f"still there: {unsettled(system)}")


def unsettled(system: System) -> dict[str, Any]:
    depths = {name: system.services.queue.depth(name) for name in QUEUES}
    return {name: depth for name, depth in depths.items() if depth.waiting or depth.in_flight or depth.delayed}


def each_ad_is_there_once(system: System, *requests: dict[str, Any]) -> None:
    expected = sorted(str(n) for n in range(_ADS))
    assert sorted(row["external_id"] for row in system.rows("ad")) == expected
    assert len(system.rows("observation")) == len(system.rows("ad_version")) == _ADS
    assert len(system.rows("creative")) == len(_COLOURS)
    assert system.rows("dead_letter") == []
    for request in requests:
        assert (request["status"], request["result"]["rows"], request["result"]["new"]) == ("completed", _ADS, _ADS)


def test_an_import_over_sqs_ends_with_each_ad_once(system: System, sqs: SqsServer) -> None:
    request = system.ingest(*ads(system))

    each_ad_is_there_once(system, request)
    sent = sqs.stats()["queues"]["adology-test-url-process-queue"]["sent"]
    assert sent == len(_COLOURS) + 1
    assert system.rows("queue_message") == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_import_ends_with_each_ad_once_whatever_sqs_doubles_or_loses(
    system: System, sqs: SqsServer, seed: int
) -> None:
    sqs.inject(
        seed=seed,
        duplicate_probability=0.5,
        redeliver_probability=0.5,
        fail_every_entry=5,
        lose_every_response=23,
        max_delay_seconds=0.01,
    )

    request_id = system.ask(ads(system))
    finish(system)

    each_ad_is_there_once(system, system.request(request_id))
    counts = sqs.stats()["queues"].values()
    assert sum(count.get("received", 0) for count in counts) > sum(count.get("sent", 0) for count in counts)


def test_started_roles_work_over_sqs_while_it_throttles(system: System, sqs: SqsServer) -> None:
    services = system.services
    sqs.inject(seed=1, duplicate_probability=0.3, throttle_every_call=40)
    running = start_roles(ROLES, services.settings, services, system.registry)
    try:
        request_id = system.ask(ads(system))
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while system.request(request_id)["status"] not in ("completed", "failed") and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        running.stop()

    each_ad_is_there_once(system, system.request(request_id))
