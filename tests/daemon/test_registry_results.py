"""``GET /results``: whoever reads slowly, or never, keeps nobody and no transaction waiting."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import pytest
from sqlalchemy import text

from core.adapters.postgres.roles import Cluster
from core.adapters.postgres.run_store import PostgresRunStore
from core.bootstrap import Services
from core.domain.run import Item, ItemKind
from core.pipeline.store import NewRun
from daemon.api import registry as endpoints
from tests.daemon.support import Daemon
from tests.running_system import running_services

ITEMS, DIMENSION = 500, 2_048  # beyond what sockets hold, and beyond what is spooled in memory
TRANSACTIONS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()
"""


@pytest.fixture
def services(cluster: Cluster, tmp_path: Path) -> Iterator[Services]:
    with running_services(cluster, tmp_path) as (services, _, _app):
        items = [Item(f"item-{n}", ItemKind.MEDIA, "image", f"https://a.example/{n}") for n in range(ITEMS)]
        with PostgresRunStore(services.database).transaction() as store:
            store.runs.insert(NewRun("run", "shared", "nike", ITEMS, "run", {}))
            store.items.insert_manifest("run", "shared", [], items)
        with services.database.machinery() as connection:
            ones = f"decode(repeat('0000803f', {DIMENSION}), 'hex')"
            connection.execute(text(f"UPDATE run_item SET state = 'ok', embedding = {ones}"))
        yield services


def test_a_reader_that_reads_no_more_keeps_no_transaction_open(services: Services) -> None:
    with closing(socket.socket()) as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        reader.connect(("127.0.0.1", services.settings.api_port))
        reader.sendall(f"GET /results/nike HTTP/1.1\r\nHost: 127.0.0.1:{services.settings.api_port}\r\n\r\n".encode())
        assert reader.recv(12) == b"HTTP/1.1 200"

        with services.database.machinery() as connection:
            assert connection.execute(text(TRANSACTIONS)).scalar() == 0


def test_results_beyond_the_memory_are_whole(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoints, "_SPOOLED_BYTES", 1_000)
    daemon = Daemon(services.settings)

    rows = daemon.get("/results/nike").json

    assert sorted(row["item_id"] for row in rows) == sorted(f"item-{n}" for n in range(ITEMS))
    assert all(row["embedding"] == [1.0] * DIMENSION for row in rows)
    daemon.close()


def test_a_store_that_goes_away_meanwhile_is_told_before_anything_is_sent(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = endpoints._json_list

    def cut_off(results: Iterator[object]) -> Iterator[str]:
        rows = answered(results)  # type: ignore[arg-type]
        yield from islice(rows, 3)
        kill_everybody_else(services)
        yield from rows

    monkeypatch.setattr(endpoints, "_json_list", cut_off)
    daemon = Daemon(services.settings)

    answer = daemon.get("/results/nike")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    daemon.close()


def kill_everybody_else(services: Services) -> None:
    with services.database.machinery() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            )
        )


def test_another_brands_batch_is_unknown(services: Services) -> None:
    daemon = Daemon(services.settings)
    submit = {"result": {"url": "https://a.example/0"}, "item_id": "item-0", "batch_id": "run"}

    for body in ({"brand": "adidas"}, {"brand": "nike", "scope": "ours"}):
        assert daemon.post("/submit", {**submit, **body}).status == 404
        assert daemon.post("/start", {"expected_count": ITEMS, "batch_id": "run", **body}).status == 404
    assert daemon.post("/submit", {**submit, "brand": "nike"}).status == 200
    daemon.close()
