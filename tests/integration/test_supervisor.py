"""Children are watched, restarted within reason, and gone with all they started when the supervisor stops."""

from __future__ import annotations

import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from core.adapters.health_probe import HealthProbe
from core.errors import TerminalError, UnavailableError
from daemon.supervisor import MARK, Child, ChildSpec, Supervisor, stop_leftovers

SERVE = """
import http.server, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
class Fine(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Fine).serve_forever()
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
)
ENDS = "print('no such flag'); raise SystemExit(3)"

MakeSpec = Callable[[str], ChildSpec]


@pytest.fixture
def make_spec(tmp_path: Path) -> MakeSpec:
    """Specs of a Python script that may serve on a free port of its own."""

    def make(script: str) -> ChildSpec:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        command = (sys.executable, "-c", script, str(port))
        return ChildSpec(
            "child", command, tmp_path, {MARK: str(tmp_path)}, f"http://127.0.0.1:{port}/", tmp_path / "logs/child.log"
        )

    return make


@pytest.fixture
def supervise() -> Iterator[Callable[..., Supervisor]]:
    """Starts a supervisor; stops it after the test, hurried."""
    supervisors: list[Supervisor] = []

    def start(*specs: ChildSpec) -> Supervisor:
        supervisors.append(Supervisor(specs))
        supervisors[-1].start()
        return supervisors[-1]

    yield start
    for supervisor in supervisors:
        supervisor.stop(0, lambda: True)


def descendants() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def test_readiness_is_told_once_by_name(make_spec: MakeSpec, supervise: Callable[..., Supervisor]) -> None:
    told: list[str] = []
    supervise(make_spec(SERVE)).wait_until_ready(20, told.append)
    assert told == ["child"]


def test_a_child_that_ends_before_it_is_ready_gives_its_last_words(
    make_spec: MakeSpec, supervise: Callable[..., Supervisor]
) -> None:
    with pytest.raises(UnavailableError, match=r"child didn't start\.[\s\S]*no such flag"):
        supervise(make_spec(ENDS)).wait_until_ready(20, lambda name: None)


def test_of_a_child_that_says_why_it_cannot_start_that_line_is_shown_alone(
    make_spec: MakeSpec, supervise: Callable[..., Supervisor]
) -> None:
    says_why = "print('child cannot start: no such bucket'); print('farewell\\n' * 20)"
    with pytest.raises(UnavailableError, match=r"no such bucket$"):
        supervise(make_spec(says_why)).wait_until_ready(20, lambda name: None)


def test_a_child_that_never_answers_is_given_up(make_spec: MakeSpec, supervise: Callable[..., Supervisor]) -> None:
    with pytest.raises(UnavailableError, match="isn't ready after 0 s"):
        supervise(make_spec(STUBBORN)).wait_until_ready(0.2, lambda name: None)


def test_stopping_ends_children_and_what_they_started(
    make_spec: MakeSpec, supervise: Callable[..., Supervisor]
) -> None:
    before = descendants()
    supervisor = supervise(make_spec(SERVE))
    supervisor.wait_until_ready(20, lambda name: None)
    started = descendants() - before
    assert len(started) == 2
    supervisor.stop(10, lambda: False)
    _, alive = psutil.wait_procs(started, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_a_hurried_stop_kills_what_does_not_listen(make_spec: MakeSpec, supervise: Callable[..., Supervisor]) -> None:
    before = descendants()
    supervisor = supervise(make_spec(STUBBORN))
    [stubborn] = descendants() - before
    supervisor.stop(600, lambda: True)
    stubborn.wait(5)


def test_an_ended_child_is_restarted_later_each_time_then_given_up(make_spec: MakeSpec) -> None:
    child = Child(make_spec(ENDS), probe=HealthProbe())
    child.start()
    waits = []
    for _ in range(5):
        child._process.wait()
        child.tend(now=0)
        waits.append(child._restart_at)
        child.tend(now=child._restart_at)
    assert waits == [0.5, 1, 2, 4, 8]
    child._process.wait()
    with pytest.raises(TerminalError, match=r"child ended 6 times[\s\S]*no such flag"):
        child.tend(now=0)


def test_ends_far_apart_are_forgiven(make_spec: MakeSpec) -> None:
    child = Child(make_spec(ENDS), probe=HealthProbe())
    child.start()
    for hour in range(8):
        child._process.wait()
        child.tend(hour * 3600.0)
        child.tend(hour * 3600.0 + 60)
    child._process.wait()


def test_what_a_killed_holder_left_is_found_by_its_mark(
    tmp_path: Path, make_spec: MakeSpec, supervise: Callable[..., Supervisor]
) -> None:
    before = descendants()
    supervise(make_spec(SERVE)).wait_until_ready(20, lambda name: None)
    started = descendants() - before
    assert stop_leftovers(tmp_path / "another home") == 0
    assert stop_leftovers(tmp_path) == 2
    psutil.wait_procs(started, timeout=5)
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in started)


def test_signals_reach_a_child_that_was_never_started(make_spec: MakeSpec) -> None:
    Child(make_spec(ENDS), probe=HealthProbe()).signal(signal.SIGTERM)
