"""What the tests rest on: isolated databases, no network, honest skips."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from tests.reused_database import ReusedDatabase

ROOT = Path(__file__).parents[2]


def mark(database: Database) -> int:
    with database.machinery() as connection:
        connection.execute(text("UPDATE registry_epoch SET epoch = epoch + 7"))
        connection.execute(text("INSERT INTO notice (level, subject, text) VALUES ('info', 's', 't')"))
        return int(connection.execute(text("SELECT max(notice_id) FROM notice")).scalar_one())


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_each_test_finds_the_database_as_the_migrations_left_it(database: Database, attempt: int) -> None:
    with database.machinery() as connection:
        assert connection.execute(text("SELECT count(*) FROM notice")).scalar() == 0
        assert connection.execute(text("SELECT epoch FROM registry_epoch")).scalars().all() == [0]
        assert connection.execute(text("SELECT name FROM organisation")).scalars().all() == ["Local organisation"]
    assert mark(database) == 1


@pytest.mark.parametrize("change", ["ALTER TABLE notice ADD extra int", "REVOKE INSERT ON notice FROM adology_worker"])
def test_a_database_whose_schema_a_test_changed_is_not_given_to_the_next(
    reused_database: ReusedDatabase, cluster: Cluster, change: str
) -> None:
    engine = create_engine(cluster.owner)
    with engine.begin() as connection:
        connection.execute(text(change))
    engine.dispose()
    reused_database.restore()
    reused_database.provide()
    database = Database(cluster.urls)
    assert mark(database) == 1
    with database.machinery() as connection:
        columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'extra'"
        assert connection.execute(text(columns)).scalar() == 0
    database.dispose()


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0)])
def test_a_test_cannot_reach_another_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET if len(address) == 2 else socket.AF_INET6
    with socket.socket(family) as client, pytest.raises(pytest.fail.Exception, match="this machine only"):
        client.connect(address)


def test_a_test_cannot_ask_for_a_name() -> None:
    with pytest.raises(pytest.fail.Exception, match=r"where example\.com is"):
        socket.getaddrinfo("example.com", 443)


def test_a_test_may_use_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        pass


@pytest.mark.parametrize(
    ("body", "environment", "verdict"),
    [
        ("import pytest\ndef test_it(): pytest.skip()", {}, "a skip needs a reason"),
        ("import pytest\n@pytest.mark.skip\ndef test_it(): pass", {}, "a skip needs a reason"),
        ("import pytest\ndef test_it(): pytest.skip('no moon')", {}, "1 skipped"),
        ("import pytest\n@pytest.mark.real_data\ndef test_it(real_data): pass", {}, "1 skipped"),
        ("import pytest\n@pytest.mark.real_data\ndef test_it(real_data): pass", {"CI": "true"}, "CI must run it"),
    ],
)
def test_a_skip_is_honest(tmp_path: Path, body: str, environment: dict[str, str], verdict: str) -> None:
    (tmp_path / "test_it.py").write_text(body)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-c", str(ROOT / "pyproject.toml"), "."]
    settings = {"PYTHONPATH": str(ROOT), "PATH": "", "ADOLOGY_REAL_DATA": str(tmp_path / "absent"), **environment}
    result = subprocess.run(command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False)
    assert verdict in result.stdout
