"""Alive, ready, measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg2
import pytest

from core.adapters.postgres.roles import Cluster
from tests.daemon.support import LocalDaemon


def test_an_alive_and_ready_daemon_says_so(daemon: LocalDaemon) -> None:
    assert daemon.get("/healthz").json == {"status": "ok"}
    ready = daemon.get("/readyz")
    assert (ready.status, ready.json) == (200, {"status": "ready", "missing": {}})


@pytest.fixture
def database_at(cluster: Cluster) -> Iterator[Callable[[str], None]]:
    """Makes the tests' database say at which migration it is; afterwards it says the truth again."""
    owner = cluster.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(owner)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        (truth,) = cursor.fetchone()
        yield lambda revision: cursor.execute("UPDATE alembic_version SET version_num = %s", [revision])
        cursor.execute("UPDATE alembic_version SET version_num = %s", [truth])
    connection.close()


def test_a_database_without_the_newest_migration_is_not_ready(
    daemon: LocalDaemon, database_at: Callable[[str], None]
) -> None:
    database_at("0001")

    answer = daemon.get("/readyz")
    assert answer.status == 503
    assert "adology migrate" in answer.json["missing"]["database"]


def test_a_database_that_a_newer_version_has_migrated_serves_this_one(
    daemon: LocalDaemon, database_at: Callable[[str], None]
) -> None:
    """Otherwise every process of the old version would fall over in the middle of a deploy."""
    database_at("9999")

    assert daemon.get("/readyz").status == 200


def test_metrics_name_routes_never_ids(daemon: LocalDaemon) -> None:
    daemon.get("/api/v1/requests/0123456789abcdef01234567")
    daemon.get("/somewhere/unknown-0123456789abcdef")
    text = daemon.get("/metrics").body.decode()
    assert 'route="/api/v1/requests/<string:request_id>",status="404"' in text
    assert 'route="none",status="404"' in text
    assert "0123456789abcdef" not in text
