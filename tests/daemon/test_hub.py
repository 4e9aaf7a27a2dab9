"""Events reach every client that wants them, and a client's queue never grows without end."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import psycopg2
import pytest

from core.adapters.postgres.engine import Database
from core.adapters.postgres.event_feed import EventFeed, RequestEvent, announce
from core.adapters.postgres.request_store import insert_request
from core.adapters.postgres.roles import Cluster
from core.domain.principal import LOCAL_PRINCIPAL
from core.errors import RetryableError, UnavailableError
from daemon.hub import QUEUE_LIMIT, Client, Hub

WAIT_SECONDS = 10


def _client() -> Client:
    return Client(LOCAL_PRINCIPAL, wake=lambda: None)


def _taken(client: Client) -> list[str]:
    return list(iter(client.take, None))


def test_a_full_queue_drops_the_oldest_progress_first() -> None:
    client = _client()
    client.offer("result", is_progress=False)
    for number in range(QUEUE_LIMIT):
        client.offer(str(number), is_progress=True)
    assert client.closing is None
    assert _taken(client) == ["result", *(str(number) for number in range(1, QUEUE_LIMIT))]


def test_a_queue_full_of_results_sends_its_client_away_and_loses_none_before() -> None:
    client = _client()
    for number in range(QUEUE_LIMIT + 1):
        client.offer(str(number), is_progress=False)
    assert client.closing is not None
    assert client.closing[0] == 1013
    assert len(_taken(client)) == QUEUE_LIMIT


def test_a_client_wants_what_it_named_of_its_own_organisation() -> None:
    client = _client()
    client.subscribe(["r1"])
    assert client.wants(RequestEvent(1, "local", {"request_id": "r1"}))
    assert not client.wants(RequestEvent(2, "local", {"request_id": "r2"}))
    assert not client.wants(RequestEvent(3, "someone-else", {"request_id": "r1"}))


def test_no_client_is_taken_in_while_no_events_arrive(database: Database) -> None:
    with pytest.raises(UnavailableError):
        Hub(EventFeed(database), cap=1).register(_client())


@pytest.fixture
def hub(database: Database) -> Iterator[Hub]:
    hub = Hub(EventFeed(database), cap=10)
    hub.start()
    yield hub
    hub.stop()


def test_events_while_the_connection_was_lost_are_not_lost(hub: Hub, database: Database, cluster: Cluster) -> None:
    heard: queue.Queue[None] = queue.Queue()
    client = Client(LOCAL_PRINCIPAL, wake=lambda: heard.put(None))
    client.subscribe_to_all()
    hub.register(client)
    for status in ("first", "second"):
        _cut_listeners(cluster)
        with database.machinery() as connection:
            request_id = insert_request(connection, LOCAL_PRINCIPAL, kind="ingest", params={})
        announce(database, request_id=request_id, status=status)
        for _ in ("queued", status):
            heard.get(timeout=WAIT_SECONDS)
        assert f'"status":"{status}"' in _taken(client)[-1]


def test_a_lost_connection_is_told_and_following_again_begins_where_it_ended(
    database: Database, cluster: Cluster
) -> None:
    feed = EventFeed(database)
    with database.machinery() as connection:
        request_id = insert_request(connection, LOCAL_PRINCIPAL, kind="ingest", params={})
    batches = feed.follow()
    assert next(batches) == []
    _cut_listeners(cluster)
    announce(database, request_id=request_id, status="completed")
    with pytest.raises(RetryableError):
        list(batches)
    again = feed.follow()
    assert [event.body["status"] for event in next(again)] == ["completed"]
    again.close()


def _cut_listeners(cluster: Cluster) -> None:
    url = cluster.urls.worker.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND usename = current_user"
        )
    connection.close()
