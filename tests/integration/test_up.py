"""``adology up`` on real processes: one line when it can't, nothing left when it stops, all there again after."""

from __future__ import annotations

import json
import signal
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg2
import pytest

from core.adapters.postgres.embedded import database_url_file
from core.settings import load_settings
from daemon.up import only_one
from tests.running_up import RunningUp

Start = Callable[..., RunningUp]


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Starts ``adology up`` on the test's home; ends it after the test."""
    running: list[RunningUp] = []

    def start_one(**environment: str) -> RunningUp:
        running.append(RunningUp(home, **environment))
        return running[-1]

    yield start_one
    for one in running:
        if one.process.poll() is None:
            one.end(signal.SIGTERM)


def answer(url: str) -> tuple[int, str]:
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.status, response.read().decode()


def is_up(url: str) -> bool:
    try:
        return answer(url)[0] == 200
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def marked_row(home: Path, *, write: bool) -> object:
    assert database_url_file(home).exists()
    connection = psycopg2.connect(host=str(home / "postgres/socket"), user="postgres", dbname="adology")
    with connection, connection.cursor() as cursor:
        if write:
            cursor.execute("INSERT INTO organisation (organisation_id, name) VALUES ('kept', 'Kept')")
        cursor.execute("SELECT name FROM organisation WHERE organisation_id = 'kept'")
        row = cursor.fetchone()
    connection.close()
    return row


def test_it_answers_then_ctrl_c_leaves_nothing_and_the_next_start_keeps_the_data(start: Start, home: Path) -> None:
    first = start()
    first.wait_until_up()
    status, body = answer(first.address("API") + "/readyz")
    assert (status, json.loads(body)["status"]) == (200, "ready")
    assert answer(first.address("workbench") + "/_stcore/health")[0] == 200
    marked_row(home, write=True)
    assert first.end(signal.SIGINT) == 0
    assert first.processes() == []

    second = start()
    second.wait_until_up()
    assert marked_row(home, write=False) == ("Kept",)


def test_a_second_up_on_the_same_home_is_told_so(start: Start, home: Path) -> None:
    with only_one(load_settings(home=home)):
        second = start()
        said, _ = second.process.communicate(timeout=30)
    assert second.process.returncode == 1
    assert said == f"adology: Adology runs already on {home}: stop it, or set ADOLOGY_HOME\n"


def test_after_kill_9_nothing_lingers_and_the_next_start_works(start: Start, home: Path) -> None:
    killed = start()
    killed.wait_until_up()
    marked_row(home, write=True)
    killed.end(signal.SIGKILL)

    again = start()
    again.wait_until_up()
    assert marked_row(home, write=False) == ("Kept",)
    assert again.end(signal.SIGTERM) == 0
    assert again.processes() == []


def test_killed_parts_are_started_again(start: Start) -> None:
    running = start()
    running.wait_until_up()
    for part in ("daemon", "streamlit", "-D"):
        killed = next(process for process in running.processes() if part in process.cmdline())
        killed.kill()
        psutil.wait_procs([killed], timeout=5)
        wait_until(lambda: is_up(running.address("API") + "/readyz"))
        wait_until(lambda: is_up(running.address("workbench") + "/_stcore/health"))


@pytest.mark.parametrize("variable", ["ADOLOGY_API_PORT", "ADOLOGY_WORKBENCH_PORT"])
def test_a_taken_port_is_one_line_that_names_port_and_setting(start: Start, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = start(**{variable: port})
        said, _ = refused.process.communicate(timeout=30)
    assert refused.process.returncode == 1
    assert said == f"adology: port {port} is taken by another program: stop that, or set {variable} to a free one\n"


def test_a_home_that_cannot_be_written_is_one_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = start(ADOLOGY_HOME=str(tmp_path / "file" / "home"))
    said, _ = refused.process.communicate(timeout=30)
    assert refused.process.returncode == 1
    assert "set ADOLOGY_HOME" in said
    assert said.count("\n") == 1
