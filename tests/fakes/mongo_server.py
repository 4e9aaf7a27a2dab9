"""SecantusDB as MongoDB on loopback: the wire protocol, errors and fail points of the real one. For tests only."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from core.adapters.child_process import die_with_parent, end_process
from tests.daemon.support import free_port

_START_SECONDS = 60.0


@dataclass(frozen=True)
class MongoServer:
    """A running server; each test names a database of its own."""

    port: int

    def url(self, database: str) -> str:
        """An ADOLOGY_DOCUMENTS_URL."""
        return f"mongodb://127.0.0.1:{self.port}/{database}"

    @contextmanager
    def client(self) -> Iterator[MongoClient[Any]]:
        """A client of one's own, under another name than ours."""
        with MongoClient(self.url("admin"), appname="test", timeoutMS=10_000) as client:
            yield client

    @contextmanager
    def failing(self, command: str, times: int | None = None, **how: Any) -> Iterator[None]:
        """In the block our calls of a command fail, or the first: ``closeConnection=True``, ``errorCode=2``."""
        data = {"failCommands": [command], "appName": "adology", **how}
        mode: Any = "alwaysOn" if times is None else {"times": times}
        with self.client() as client:
            client.admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": data})
            try:
                yield
            finally:
                client.admin.command({"configureFailPoint": "failCommand", "mode": "off"})


@contextmanager
def mongo_server(folder: Path) -> Iterator[MongoServer]:
    """Serve until the block ends; data and log lie in ``folder``."""
    server, log = MongoServer(free_port()), folder / "mongo.log"
    command = [
        *(sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(server.port)),
        *("--storage-path", str(folder / "data"), "--cache-size", "128M", "--enable-test-commands"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one system call, no Python locks
        )
    try:
        _wait_until_ready(process, server, log)
        yield server
    finally:
        end_process(process, [(signal.SIGTERM, 10.0)])


def _wait_until_ready(process: subprocess.Popen[bytes], server: MongoServer, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with MongoClient(server.url("admin"), serverSelectionTimeoutMS=500) as client:
                client.admin.command("ping")
        except PyMongoError:
            continue
        return
    raise AssertionError(f"SecantusDB isn't ready: {log.read_text(errors='replace')[-2000:]}")
