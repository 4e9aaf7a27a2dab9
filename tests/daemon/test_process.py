"""The real process: gunicorn, all roles, signals."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import urllib3

from core.adapters.postgres.roles import Cluster
from core.bootstrap import build_services
from core.settings import Settings
from daemon.__main__ import main
from daemon.server import REQUEST_SECONDS
from tests.daemon.support import ANSWER_SECONDS, Daemon, a_key, daemon_settings, farewell, hear

START_SECONDS = 60
PROJECT = Path(__file__).parents[2]


def _start(settings: Settings, *arguments: str) -> subprocess.Popen[str]:
    names = ("home", "api_port", "database_app_url", "database_worker_url", "database_operator_url", "log_json")
    values = {name: getattr(settings, name) for name in names}
    plain = {
        f"ADOLOGY_{name.upper()}": str(getattr(v, "get_secret_value", lambda v=v: v)()) for name, v in values.items()
    }
    return subprocess.Popen(
        [sys.executable, "-m", "daemon", *arguments],
        cwd=PROJECT, env={**os.environ, **plain}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def process(cluster: Cluster, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], Daemon]]:
    """The daemon with all roles, ready."""
    settings = daemon_settings(tmp_path, cluster, log_json=True)
    with _start(settings, "--roles", "all") as started:
        services = build_services(settings)
        daemon = Daemon(settings, a_key(services))
        services.database.dispose()
        try:
            _wait_until_ready(started, daemon)
            yield started, daemon
        finally:
            daemon.close()
            if started.poll() is None:
                started.terminate()


def test_the_process_serves_http_and_sockets_and_ends_in_time(process: tuple[subprocess.Popen[str], Daemon]) -> None:
    started, daemon = process
    children = psutil.Process(started.pid).children(recursive=True)
    client = daemon.connect()
    client.send('{"subscribe": "all"}')
    assert hear(client) == {"subscribed": "all", "event_id": 0}
    started.send_signal(signal.SIGTERM)
    assert farewell(client)[0] == 1001
    _, log = started.communicate(timeout=15)
    assert started.returncode == 0
    assert not any(child.is_running() for child in children)
    records = [json.loads(line) for line in log.splitlines()]  # every line came through our one pipeline
    assert "gunicorn.error" in {record["logger"] for record in records}
    assert not [record for record in records if record["level"] in ("error", "critical")]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="head", marks=pytest.mark.slow),
        pytest.param(b"Content-Length: 9\r\n\r\nhalf", id="body"),
    ],
)
def test_who_sends_half_a_request_doesnt_keep_a_thread(
    process: tuple[subprocess.Popen[str], Daemon], sent: bytes
) -> None:
    _, daemon = process
    head = f"POST /notify HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=REQUEST_SECONDS + ANSWER_SECONDS) as stalled:
        stalled.sendall(head.encode() + sent)
        with suppress(ConnectionResetError):
            while stalled.recv(1024):  # an answer to what came, or nothing; then the end
                pass
    assert daemon.get("/healthz").status == 200


def test_a_process_of_workers_opens_no_port_and_ends_on_a_signal(cluster: Cluster, tmp_path: Path) -> None:
    settings = daemon_settings(tmp_path, cluster, log_json=True)
    with _start(settings, "--roles", "worker,scheduler") as started:
        assert started.stderr is not None
        events = iter(json.loads(line)["event"] for line in started.stderr)
        assert "daemon works" in events  # reads on until it is there
        assert not [c for c in psutil.Process(started.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        started.terminate()
        started.stderr.read()
        assert started.wait(timeout=15) == 0


def _wait_until_ready(started: subprocess.Popen[str], daemon: Daemon) -> None:
    deadline, answer = time.monotonic() + START_SECONDS, b"none"
    while time.monotonic() < deadline and started.poll() is None:
        try:
            ready = daemon.get("/readyz")
            if ready.status == 200:
                return
            answer = ready.body
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(0.05)
    started.kill()
    raise AssertionError(f"not ready, answers {answer!r}: {started.communicate(timeout=ANSWER_SECONDS)[1]}")


@pytest.mark.parametrize(
    ("arguments", "environment", "says"),
    [
        (["--roles", "painter"], {}, "no role painter"),
        (["--roles", "all"], {"ADOLOGY_RATE_LIMIT_STORE": "nowhere://"}, "ADOLOGY_RATE_LIMIT_STORE"),
        (["--roles", "all"], {"ADOLOGY_API_PORT": "many"}, "ADOLOGY_API_PORT"),
    ],
)
def test_a_wrong_start_says_what_to_change_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    environment: dict[str, str],
    says: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
