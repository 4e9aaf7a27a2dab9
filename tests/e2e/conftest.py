"""A real Chromium, a real Streamlit server, and the whole system as ``adology up`` starts it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import urllib3
from playwright.sync_api import Browser, Error, sync_playwright

from core.settings import child_environment
from tests.e2e.chromium import HOW_TO_GET_IT, launch_chromium
from tests.running_up import RunningUp

ROOT = Path(__file__).parents[2]
START_SECONDS = 60

StartStreamlit = Callable[..., str]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; skipped where there is none (not in CI)."""
    with sync_playwright() as playwright:
        try:
            chromium = launch_chromium(playwright)
        except Error:
            pytest.skip(HOW_TO_GET_IT)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def running(browser: Browser) -> Iterator[RunningUp]:
    """The whole system, empty, on ports of its own; Ctrl-C ends it and leaves nothing."""
    with tempfile.TemporaryDirectory(prefix="adology-e2e-") as home:
        system = RunningUp(Path(home), ADOLOGY_SAMPLE_ADS="240")
        try:
            system.wait_until_up()
            yield system
        finally:
            status = system.end(signal.SIGINT)
        assert status == 0, system.said
        assert system.processes() == []


@pytest.fixture
def start_streamlit() -> Iterator[StartStreamlit]:
    """``start_streamlit(script, ADOLOGY_HOME=…)``: its address, once it answers."""
    running: list[subprocess.Popen[bytes]] = []

    def start(script: Path, **environment: str) -> str:
        address = f"http://127.0.0.1:{_free_port()}"
        command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", address.rpartition(":")[2]]
        running.append(subprocess.Popen(command, cwd=ROOT, env=child_environment(PYTHONPATH=str(ROOT), **environment)))
        wait_for(f"{address}/_stcore/health", running[-1])
        return address

    yield start
    for process in running:
        process.terminate()
    for process in running:
        process.wait(20)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Until a process answers there."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if urllib3.request("GET", address, retries=False, timeout=2).status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        assert process.poll() is None, "it ended while it started"
        assert time.monotonic() < deadline, "it does not answer"
        time.sleep(0.1)
