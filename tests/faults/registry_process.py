"""``python -m daemon --roles registry`` as a process that a test may freeze, kill and measure."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import urllib3

from core.adapters.postgres.roles import Cluster
from core.settings import PROJECT
from tests.daemon.support import Answer, Daemon, daemon_settings

PATIENCE_SECONDS = 60


class RegistryProcess(Daemon):
    """``python -m daemon --roles registry`` in a session of its own, so that a kill takes all of it."""

    def __init__(self, cluster: Cluster, home: Path) -> None:
        settings = daemon_settings(home, cluster, log_json=True)
        super().__init__(settings)
        names = ("home", "api_port", "database_app_url", "database_worker_url", "database_operator_url")
        values = {name: getattr(settings, name) for name in names}
        plain = {f"ADOLOGY_{name.upper()}": str(revealed(value)) for name, value in values.items()}
        misuse = {"WEB_CONCURRENCY": "4", "GUNICORN_CMD_ARGS": "--workers 4"}
        with (home / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daemon", "--roles", "registry"],
                cwd=PROJECT, env={**os.environ, **plain, **misuse}, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def workers(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def send(self, how: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, how)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait()

    def ask(self, method: str, path: str, body: Any = None) -> Answer | None:
        try:
            return self.get(path) if method == "GET" else self.post(path, body)
        except urllib3.exceptions.HTTPError:
            return None

    def status(self, path: str) -> int:
        answer = self.ask("GET", path)
        return 0 if answer is None else answer.status


def revealed(value: Any) -> Any:
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


def until(condition: Callable[[], bool], what: str) -> float:
    """Seconds until it holds."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() < started + PATIENCE_SECONDS, f"never: {what}"
        time.sleep(0.02)
    return time.monotonic() - started
