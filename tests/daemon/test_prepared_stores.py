"""A daemon starts over stores that are as they must be, and says what to set where they aren't."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.adapters.postgres.roles import Cluster
from tests.daemon.support import daemon_settings
from tests.fakes.sqs_clients import sqs_client
from tests.fakes.sqs_server import SqsServer

START_SECONDS = 60
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def sqs() -> Iterator[SqsServer]:
    with SqsServer() as server:
        yield server


def run_daemon(cluster: Cluster, home: Path, queue_url: str, roles: str) -> subprocess.CompletedProcess[str]:
    """The daemon until it ends."""
    settings = daemon_settings(home, cluster)
    variables = {
        "ADOLOGY_HOME": str(home),
        "ADOLOGY_API_PORT": str(settings.api_port),
        "ADOLOGY_QUEUE_URL": queue_url,
        **{
            f"ADOLOGY_DATABASE_{name.upper()}_URL": getattr(settings, f"database_{name}_url").get_secret_value()
            for name in ("app", "worker", "operator")
        },
    }
    environment = {**os.environ, **variables}
    return subprocess.run(
        [sys.executable, "-m", "daemon", "--roles", roles],
        check=False, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=START_SECONDS,
    )  # fmt: skip


@pytest.mark.parametrize(("roles", "status"), [("worker,scheduler", 2), ("all", 3)])
def test_a_queue_set_up_wrongly_stops_the_start_and_says_what_to_set(
    cluster: Cluster, tmp_path: Path, sqs: SqsServer, roles: str, status: int
) -> None:
    client = sqs_client(sqs.url)
    client.create_queue(QueueName="mine-brand-gather-queue-dlq", Attributes={"VisibilityTimeout": "30"})
    client.close()
    ended = run_daemon(cluster, tmp_path, f"sqs://{sqs.region}/mine-?endpoint={sqs.url}", roles)
    assert ended.returncode == status
    assert "'mine-brand-gather-queue-dlq' has VisibilityTimeout 30: set it to 180 or more" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "ReceiveMessage" not in sqs.stats()["calls"]


def test_queues_without_a_server_stop_the_start(cluster: Cluster, tmp_path: Path) -> None:
    ended = run_daemon(cluster, tmp_path, "sqs://eu-west-1?endpoint=http://127.0.0.1:1", "worker")
    assert ended.returncode == 2
    assert "SQS can't be reached" in ended.stderr
