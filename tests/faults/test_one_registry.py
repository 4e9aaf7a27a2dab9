"""Two daemons with the role registry over one database: one serves, the other answers 503 until the first is gone."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from daemon import server
from daemon.server import DaemonServer
from tests.daemon.support import Answer, daemon_settings
from tests.faults.figures import tell
from tests.faults.registry_process import RegistryProcess, until

FREE_THE_PLACE = "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND granted"


@pytest.fixture
def start(cluster: Cluster, tmp_path: Path) -> Iterator[Callable[[], RegistryProcess]]:
    started: list[RegistryProcess] = []

    def start() -> RegistryProcess:
        home = tmp_path / str(len(started))
        home.mkdir()
        started.append(RegistryProcess(cluster, home))
        until(lambda: started[-1].status("/healthz") == 200, "a daemon that lives")
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.close()


@contextmanager
def frozen(process: RegistryProcess) -> Iterator[None]:
    process.send(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send(signal.SIGCONT)


def submit(process: RegistryProcess, name: str) -> Answer:
    return process.post("/submit", {"brand": "nike", "result": {"url": f"https://a.example/{name}"}})


def urls(process: RegistryProcess) -> list[str]:
    return sorted(row["url"][-1] for row in process.get("/results/nike").json)


def assert_it_only_waits(process: RegistryProcess) -> None:
    calls = [
        ("POST", "/start", {"brand": "nike", "expected_count": 3}),
        ("POST", "/submit", {"brand": "nike", "result": {"url": "https://a.example/z"}}),
        ("GET", "/results/nike", None),
        ("POST", "/commit-complete", {"brand": "nike"}),
    ]
    for method, path, body in calls:
        answer = process.ask(method, path, body)
        assert answer is not None
        assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert process.status("/readyz") == 503


@pytest.mark.parametrize("victim", ["everything", "the worker process"])
def test_the_second_registry_serves_when_the_first_was_killed(
    start: Callable[[], RegistryProcess], victim: str, capsys: pytest.CaptureFixture[str]
) -> None:
    first = start()
    until(lambda: first.status("/readyz") == 200, "the first serves")
    first.post("/start", {"brand": "nike", "expected_count": 3})
    assert [submit(first, name).json["should_commit"] for name in "ab"] == [False, False]
    second = start()
    assert len(first.workers) == 1  # whatever the environment asks of gunicorn

    assert_it_only_waits(second)
    assert urls(first) == ["a", "b"]
    if victim == "everything":
        first.kill()
    else:
        first.workers[0].kill()
    one_of_them = [second] if victim == "everything" else [first, second]
    seconds = until(lambda: any(each.status("/readyz") == 200 for each in one_of_them), "another registry serves")

    (serving,) = [each for each in one_of_them if each.status("/readyz") == 200]
    assert urls(serving) == ["a", "b"]
    assert submit(serving, "c").json == {"should_commit": True, "batch_id": batch(serving), "lease_token": 1}
    tell(capsys, "one_registry", killed=victim.replace(" ", "_"), seconds_until_another_serves=round(seconds, 2))


def batch(process: RegistryProcess) -> str:
    return str(process.post("/start", {"brand": "nike", "expected_count": 3}).json["batch_id"])


def test_a_registry_that_froze_and_was_replaced_writes_nothing_when_it_wakes(
    start: Callable[[], RegistryProcess], database: Database
) -> None:
    first = start()
    until(lambda: first.status("/readyz") == 200, "the first serves")
    first.post("/start", {"brand": "nike", "expected_count": 3})
    submit(first, "a")
    second = start()

    with frozen(first):
        assert second.status("/readyz") == 503  # it lives, as far as anybody can tell
        with database.machinery() as connection:
            connection.execute(text(FREE_THE_PLACE))
        until(lambda: second.status("/readyz") == 200, "the second serves")
        assert submit(second, "b").json["should_commit"] is False

    assert submit(first, "c").status == 503
    until(lambda: first.status("/readyz") == 503, "the first has noticed")
    assert_it_only_waits(first)
    assert urls(second) == ["a", "b"]
    assert submit(second, "c").json["lease_token"] == 1


def test_the_server_refuses_more_than_one_worker_process(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = daemon_settings(tmp_path, cluster)
    monkeypatch.setenv("WEB_CONCURRENCY", "4")
    monkeypatch.setenv("GUNICORN_CMD_ARGS", "--workers 4")
    assert DaemonServer(settings, ["registry"]).cfg.workers == 1

    options = server.gunicorn_options(settings)
    monkeypatch.setattr(server, "gunicorn_options", lambda settings: {**options, "workers": 2})
    with pytest.raises(SystemExit):
        DaemonServer(settings, ["registry"])
    assert "live in one process" in capsys.readouterr().err
