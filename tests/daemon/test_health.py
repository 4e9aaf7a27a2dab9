"""Alive, ready, measured."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest

from core.adapters.postgres.roles import Cluster
from tests.daemon.support import LocalDaemon


def test_an_alive_and_ready_daemon_says_so(daemon: LocalDaemon) -> None:
    assert daemon.get("/healthz").json == {"status": "ok"}
    ready = daemon.get("/readyz")
    assert (ready.status, ready.json) == (200, {"status": "ready", "missing": {}})


@pytest.fixture
def older_database(cluster: Cluster) -> Iterator[None]:
    """The tests' database says that it is behind; afterwards it is current again."""
    owner = cluster.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(owner)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = version_num || '-older'")
        yield
        cursor.execute("UPDATE alembic_version SET version_num = replace(version_num, '-older', '')")
    connection.close()


@pytest.mark.usefixtures("older_database")
def test_a_database_without_the_newest_migration_is_not_ready(daemon: LocalDaemon) -> None:
    answer = daemon.get("/readyz")
    assert answer.status == 503
    assert "adology migrate" in answer.json["missing"]["database"]


def test_metrics_name_routes_never_ids(daemon: LocalDaemon) -> None:
    daemon.get("/api/v1/requests/0123456789abcdef01234567")
    daemon.get("/somewhere/unknown-0123456789abcdef")
    text = daemon.get("/metrics").body.decode()
    assert 'route="/api/v1/requests/<string:request_id>",status="404"' in text
    assert 'route="none",status="404"' in text
    assert "0123456789abcdef" not in text
