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
from core.errors import BadInputError, RetryableError, UnavailableError
from core.queries.events import Topics
from daemon.hub import QUEUE_LIMIT, SUBSCRIPTION_LIMIT, Client, Hub, names_of

WAIT_SECONDS = 10


def _client(*requests: str) -> Client:
    client = Client(LOCAL_PRINCIPAL, wake=lambda: None)
    client.subscribe(names_of(Topics(frozenset(requests), everything=not requests)))
    return client


def _event(event_id: int, status: str = "completed", **about: str) -> RequestEvent:
    return RequestEvent(event_id, about.pop("organisation", "local"), {"status": status, **about})


def _offer(client: Client, count: int, status: str) -> None:
    for number in range(1, count + 1):
        client.offer(_event(number, status), str(number))


def _taken(client: Client) -> list[str]:
    return list(iter(client.take, None))


def test_a_full_queue_drops_the_oldest_progress_first() -> None:
    client = _client()
    client.offer(_event(1), "result")
    _offer(client, QUEUE_LIMIT, "processing")
    assert client.closing is None
    assert _taken(client) == ["result", *(str(number) for number in range(2, QUEUE_LIMIT + 1))]


def test_a_queue_full_of_results_sends_its_client_away_and_loses_none_before() -> None:
    client = _client()
    _offer(client, QUEUE_LIMIT + 1, "completed")
    assert client.closing is not None
    assert client.closing[0] == 1013
    assert len(_taken(client)) == QUEUE_LIMIT


def test_a_client_wants_what_it_named_of_its_own_organisation() -> None:
    client = _client("r1")
    assert client.wants(_event(1, request_id="r1"))
    assert not client.wants(_event(2, request_id="r2"))
    assert not client.wants(_event(3, request_id="r1", organisation="someone-else"))
    assert not _client().wants(_event(3, request_id="r1", organisation="someone-else"))


def test_a_client_wants_what_concerns_its_brandspace() -> None:
    client = _client("r1")
    client.subscribe(names_of(Topics(brandspaces=frozenset({"shoes"}))))
    assert client.wants(RequestEvent(1, "local", {"request_id": "r2"}, ["bags", "shoes"]))
    assert not client.wants(RequestEvent(2, "local", {"request_id": "r2"}, ["bags"]))


def test_what_waited_is_not_sent_once_it_was_shown_or_is_not_wanted_any_more() -> None:
    client = _client("r1", "r2")
    for number in (1, 2, 3):
        for request_id in ("r1", "r2"):
            client.offer(_event(number, request_id=request_id), f"{request_id} {number}")
    client.subscribe(["request:r1"], after=2)
    client.unsubscribe(["request:r2"])
    assert _taken(client) == ["r1 3"]


def test_a_client_has_no_more_topics_than_the_limit() -> None:
    client = _client(*(f"r{number}" for number in range(SUBSCRIPTION_LIMIT)))
    with pytest.raises(BadInputError, match="all"):
        client.subscribe(["request:another"])
    client.unsubscribe(["request:r0"])
    client.subscribe(["request:another"])


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
    client.subscribe(names_of(Topics(everything=True)))
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
