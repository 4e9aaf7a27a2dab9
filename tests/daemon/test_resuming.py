"""Whoever comes back hears what he missed, in order and each once, from whichever process; or that he can't."""

from __future__ import annotations

import threading
from typing import Any

import psycopg2
import pytest

from core.adapters.postgres.event_feed import announce
from core.adapters.postgres.request_store import record_event
from core.adapters.postgres.roles import Cluster
from core.errors import RetryableError
from core.queries import events
from daemon.hub import Client
from tests.daemon.conftest import StartDaemon
from tests.daemon.support import ANSWER_SECONDS, LocalDaemon, WebSocket, farewell, hear, subscribe


def tell(daemon: LocalDaemon, request_id: str, *numbers: int) -> None:
    for number in numbers:
        announce(daemon.services.database, request_id=request_id, status="processing", result=number)


def results(frames: list[Any]) -> list[Any]:
    return [frame["result"] for frame in frames]


def heard_until(client: WebSocket, last: int) -> list[Any]:
    """The events up to the one whose result is ``last``."""
    frames = [hear(client)]
    while frames[-1].get("result") != last:
        frames.append(hear(client))
    return frames


def test_a_client_that_comes_back_hears_what_it_missed_in_order(daemon: LocalDaemon) -> None:
    request_id, other = daemon.new_request(), daemon.new_request()
    client = daemon.connect()
    subscribe(client, [request_id])
    tell(daemon, request_id, 1)
    last = hear(client)["event_id"]
    client.close()
    tell(daemon, request_id, 2, 3)
    tell(daemon, other, 4)

    again = daemon.connect()
    missed, position = subscribe(again, [request_id], after=last)
    tell(daemon, request_id, 5)

    assert results(missed) == [2, 3]
    assert last < missed[0]["event_id"] < missed[1]["event_id"] <= position < (live := hear(again))["event_id"]
    assert live["result"] == 5


def test_who_comes_back_to_another_process_misses_nothing(start_daemon: StartDaemon) -> None:
    one, other = start_daemon(), start_daemon()
    request_id = one.new_request()
    client = one.connect()
    _, position = subscribe(client, "all")
    tell(other, request_id, 1, 2)
    heard = heard_until(client, 2)
    client.close()
    tell(one, request_id, 3)

    missed, _ = subscribe(other.connect(), "all", after=heard[-1]["event_id"])

    assert results(heard) == [1, 2]
    assert results(missed) == [3]
    assert heard[0]["event_id"] > position


def test_while_others_write_each_event_is_heard_once_by_those_who_come_and_go(daemon: LocalDaemon) -> None:
    """The writers' transactions overlap: some begin early and commit late."""
    request_id = daemon.new_request()
    after: int = subscribe(daemon.connect(), "all")[1]
    first, heard, expected = after, list[int](), 4 * 25
    writers = [threading.Thread(target=_write, args=(daemon, request_id)) for _ in range(4)]
    for writer in writers:
        writer.start()
    while len(heard) < expected:
        client = daemon.connect()
        missed, _ = subscribe(client, "all", after=after)
        some = missed + [hear(client) for _ in range(min(3, expected - len(heard) - len(missed)))]
        heard += [frame["event_id"] for frame in some]
        after = heard[-1]
        client.close()
    for writer in writers:
        writer.join()

    stored, _ = subscribe(daemon.connect(), "all", after=first)
    assert heard == [frame["event_id"] for frame in stored]


def _write(daemon: LocalDaemon, request_id: str) -> None:
    for _ in range(25):
        with daemon.services.database.machinery() as connection:
            record_event(connection, organisation_id="local", request_id=request_id, status="completed")
            connection.exec_driver_sql("SELECT pg_sleep(random() / 100)")


def test_a_lost_database_connection_loses_no_event_of_either_process(
    start_daemon: StartDaemon, cluster: Cluster
) -> None:
    one, other = start_daemon(), start_daemon()
    request_id = one.new_request()
    clients = [one.connect(), other.connect()]
    for client in clients:
        subscribe(client, [request_id])
    for number in range(3):
        _cut_listeners(cluster)
        tell(one, request_id, *range(number * 5, number * 5 + 5))

    for client in clients:
        assert results(heard_until(client, 14)) == list(range(15))


def _cut_listeners(cluster: Cluster) -> None:
    url = cluster.urls.worker.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND usename = current_user AND query LIKE '%FROM event e%'"
        )
    connection.close()


def test_who_missed_more_than_is_replayed_is_told_and_shown_how_things_stand(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_REPLAYED", 2)
    request_id, client = daemon.new_request(), daemon.connect()
    _, position = subscribe(client, [request_id])
    tell(daemon, request_id, 1, 2)
    assert results(subscribe(daemon.connect(), [request_id], after=position)[0]) == [1, 2]
    tell(daemon, request_id, 3)
    told, _ = subscribe(daemon.connect(), [request_id], after=position)
    assert told == [{"gap": True}, {"request_id": request_id, "status": "completed", "result": None}]


def test_a_snapshot_is_followed_by_no_event_that_it_shows_already(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event between the subscription and the look waits, and is then known."""
    request_id, client, came = daemon.new_request(), daemon.connect(), threading.Event()
    look, offer = events.catch_up, Client.offer

    def look_late(*args: Any, **options: Any) -> events.CaughtUp:
        tell(daemon, request_id, 1)
        assert came.wait(ANSWER_SECONDS)
        return look(*args, **options)

    def offered(self: Client, *event: Any) -> None:
        offer(self, *event)
        came.set()

    monkeypatch.setattr("daemon.sockets.catch_up", look_late)
    monkeypatch.setattr(Client, "offer", offered)
    subscribe(client, [request_id])
    tell(daemon, request_id, 2)
    assert hear(client)["result"] == 2


def test_who_subscribes_while_the_database_is_away_is_sent_to_come_back(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_away(*_: Any, **__: Any) -> None:
        raise RetryableError("PostgreSQL did not answer; try again")

    monkeypatch.setattr("daemon.sockets.catch_up", is_away)
    client = daemon.connect()
    client.send('{"subscribe": "all"}')
    assert farewell(client) == (1013, "PostgreSQL did not answer; try again")
