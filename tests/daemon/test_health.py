"""Alive, ready, measured."""

from __future__ import annotations

import psycopg2

from core.adapters.postgres.roles import Cluster
from tests.daemon.support import LocalDaemon


def test_an_alive_and_ready_daemon_says_so(daemon: LocalDaemon) -> None:
    assert daemon.get("/healthz").json == {"status": "ok"}
    ready = daemon.get("/readyz")
    assert (ready.status, ready.json) == (200, {"status": "ready", "missing": {}})


def test_a_database_without_the_newest_migration_is_not_ready(daemon: LocalDaemon, cluster: Cluster) -> None:
    owner = cluster.owner.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(owner)
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE alembic_version SET version_num = 'older'")
    connection.close()
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
