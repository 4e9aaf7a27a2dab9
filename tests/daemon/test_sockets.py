"""Sockets hear of the requests they name: a snapshot, then every event; nobody waits for another."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from core.adapters.postgres.event_feed import announce
from core.curation.brandspaces import Edit, create_brandspace, edit_brandspace
from core.domain.principal import LOCAL_PRINCIPAL, Principal
from core.queries import events
from daemon import sockets
from tests.builders import store_request
from tests.daemon.conftest import StartDaemon
from tests.daemon.support import ANSWER_SECONDS, UPGRADE, LocalDaemon, ask_for, farewell, hear, subscribe


def test_a_client_gets_a_snapshot_then_the_event_of_notify(daemon: LocalDaemon) -> None:
    request_id = daemon.new_request()
    client = daemon.connect()
    snapshot, position = subscribe(client, [request_id])
    assert snapshot == [{"request_id": request_id, "status": "completed", "result": None}]
    event = {"request_id": request_id, "status": "processing", "result": {"ads": 7}}
    assert daemon.post("/notify", event).json == {"delivered": True}
    heard = hear(client)
    assert heard.pop("event_id") > position
    assert heard == event


def test_an_event_of_another_process_arrives_too(start_daemon: StartDaemon) -> None:
    one, other = start_daemon(), start_daemon()
    request_id = one.new_request()
    client = one.connect()
    subscribe(client, [request_id])
    other.post("/notify", {"request_id": request_id, "status": "processing", "result": 1})
    assert hear(client)["result"] == 1


def test_a_client_hears_nothing_of_another_organisation(daemon: LocalDaemon) -> None:
    theirs, ours = daemon.new_request("someone-else"), daemon.new_request()
    space = create_brandspace(daemon.services.database, Principal("someone-else"), name="Theirs", primary="acme")
    client = daemon.connect()
    told, _ = subscribe(client, {"requests": [theirs], "brandspaces": [space.brandspace_id, "all"]})
    assert [frame["error"] | {"message": ""} for frame in told] == [
        {"code": "not_found", "message": "", "request_id": theirs},
        {"code": "not_found", "message": "", "brandspace_id": space.brandspace_id},
    ]
    announce(daemon.services.database, request_id=theirs, status="completed")
    announce(daemon.services.database, request_id=ours, status="completed")
    assert hear(client)["request_id"] == ours


def test_what_is_not_there_is_not_heard_of_when_it_comes(daemon: LocalDaemon) -> None:
    client, ours = daemon.connect(), daemon.new_request()
    subscribe(client, ["later", ours])
    store_request(daemon.services.database, "later", organisation_id="local")
    for request_id in ("later", ours):
        announce(daemon.services.database, request_id=request_id, status="completed")
    assert hear(client)["request_id"] == ours


def test_all_begins_with_the_open_requests_newest_first(daemon: LocalDaemon) -> None:
    daemon.new_request()
    first, second = (ask_for(daemon, brand) for brand in ("acme", "bolt"))
    client = daemon.connect()
    told, _ = subscribe(client, "all")
    assert [(frame["request_id"], frame["status"]) for frame in told] == [(second, "queued"), (first, "queued")]


def test_more_open_requests_than_are_shown_are_said_to_be_more(
    daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "MOST_SHOWN", 1)
    ask_for(daemon, "acme")
    ask_for(daemon, "bolt")
    client = daemon.connect()
    client.send('{"subscribe": "all"}')
    assert [hear(client).get("truncated") for _ in range(2)] == [None, True]


def test_a_brandspace_is_heard_by_the_brands_it_has_at_the_time(daemon: LocalDaemon) -> None:
    database = daemon.services.database
    space = create_brandspace(database, LOCAL_PRINCIPAL, name="Ours", primary="acme").brandspace_id
    acme, bolt = ask_for(daemon, "acme"), ask_for(daemon, "bolt")
    client = daemon.connect()
    told, _ = subscribe(client, {"brandspaces": [space]})
    assert [frame["request_id"] for frame in told] == [acme]
    for heard, other in ((acme, bolt), (bolt, acme)):
        edit_brandspace(database, LOCAL_PRINCIPAL, space, Edit(primary="acme" if heard is acme else "bolt"))
        for request_id in (other, heard):
            announce(database, request_id=request_id, status="processing")
        assert hear(client)["request_id"] == heard


def test_what_was_unsubscribed_is_not_heard_any_more(daemon: LocalDaemon) -> None:
    gone, kept = daemon.new_request(), daemon.new_request()
    client = daemon.connect()
    subscribe(client, [gone, kept])
    client.send(f'{{"unsubscribe": ["{gone}"]}}')
    assert hear(client) == {"unsubscribed": [gone]}
    for request_id in (gone, kept):
        announce(daemon.services.database, request_id=request_id, status="completed")
    assert hear(client)["request_id"] == kept


def test_a_ping_is_answered(daemon: LocalDaemon) -> None:
    client = daemon.connect()
    client.send('{"ping": 7}')
    assert hear(client) == {"pong": 7}


@pytest.mark.parametrize(
    "frame",
    [
        "no json", "[]", "{}", '{"subscribe": 7}', '{"subscribe": "ALL"}', '{"subscribe": ["' + "x" * 65 + '"]}',
        '{"subscribe": ["\\u0000"]}', '{"subscribe": {"brands": ["acme"]}}', '{"subscribe": "all", "after": -1}',
        '{"subscribe": "all", "after": 9223372036854775808}', '{"subscribe": "all", "unsubscribe": "all"}',
        '{"subscribe": "all", "after": true}', '{"ping": {}}', json.dumps({"subscribe": ["x"] * 101}),
    ],
)  # fmt: skip
def test_a_frame_that_cannot_be_used_is_answered_with_what_to_send(daemon: LocalDaemon, frame: str) -> None:
    client = daemon.connect()
    client.send(frame)
    assert hear(client)["error"]["code"] == "bad_input"


def test_notify_of_an_unknown_request_is_404(daemon: LocalDaemon) -> None:
    answer = daemon.post("/notify", {"request_id": "nobody", "status": "completed"})
    assert (answer.status, answer.error["code"]) == (404, "not_found")


def test_notify_with_a_wrong_token_is_403(daemon: LocalDaemon) -> None:
    body = {"request_id": daemon.new_request(), "status": "completed"}
    assert daemon.post("/notify", body, Authorization="Bearer wrong").status == 403
    token = daemon.services.internal_token
    assert daemon.post("/notify", body, Authorization=f"Bearer {token}").status == 200


def test_text_the_database_cannot_hold_is_422(daemon: LocalDaemon) -> None:
    body = {"request_id": daemon.new_request(), "status": "completed"}
    for bad in ("\0", "\ud800", {"key\0": 1}, [["\0"]]):
        assert daemon.post("/notify", {**body, "result": bad}).status == 422


def test_a_foreign_page_cannot_open_a_socket(daemon: LocalDaemon) -> None:
    assert daemon.get("/ws", Origin="https://attacker.example", **UPGRADE).status == 403


def test_one_socket_too_many_is_told_to_try_later(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(socket_cap=1)
    first = daemon.connect()
    subscribe(first, "all")
    assert farewell(daemon.connect()) == (1013, "all 1 sockets are taken: try again later, or ask by HTTP")
    assert first.connected


def test_a_place_is_free_again_when_its_client_leaves(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(socket_cap=1)
    request_id = daemon.new_request()
    for _ in range(3):
        client = daemon.connect()
        subscribe(client, [request_id])
        client.close()
        _wait_until(lambda: daemon.hub.client_count == 0)


def test_a_client_that_does_not_read_delays_nobody(daemon: LocalDaemon) -> None:
    request_id, slowest = daemon.new_request(), 0.0
    healthy = [daemon.connect() for _ in range(5)]
    for client in healthy:
        subscribe(client, [request_id])
    with closing(_stuck_client(daemon)):
        for number in range(40):
            announce(
                daemon.services.database, request_id=request_id, status="processing", result=[number, "x" * 60_000]
            )
            started = time.monotonic()
            assert [hear(client)["result"][0] for client in healthy] == [number] * len(healthy)
            slowest = max(slowest, time.monotonic() - started)
    assert slowest < 0.25


def test_a_client_that_does_not_read_is_sent_away(daemon: LocalDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SEND_TIMEOUT_SECONDS", 1)
    request_id = daemon.new_request()
    with closing(_stuck_client(daemon)):
        for number in range(60):
            announce(
                daemon.services.database, request_id=request_id, status="processing", result=[number, "x" * 60_000]
            )
        _wait_until(lambda: daemon.hub.client_count == 0)


def test_a_stopping_server_says_goodbye(daemon: LocalDaemon) -> None:
    client = daemon.connect()
    client.send('{"subscribe": "all"}')
    _wait_until(lambda: daemon.hub.client_count == 1)
    threading.Thread(target=daemon.hub.stop).start()
    assert farewell(client)[0] == 1001


def test_no_thread_waits_for_a_client_that_never_answers_the_goodbye(daemon: LocalDaemon) -> None:
    with closing(_stuck_client(daemon)):
        daemon.hub.stop()
        _wait_until(lambda: daemon.hub.client_count == 0)
        _wait_until(lambda: not [thread for thread in threading.enumerate() if "simple_websocket" in thread.name])


def _stuck_client(daemon: LocalDaemon) -> socket.socket:
    """Subscribed to everything, and never reading: what it isn't sent fills its small buffer."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    raw.connect(("127.0.0.1", daemon.port))
    raw.sendall(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{daemon.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {daemon.key}\r\n\r\n".encode()
    )
    assert b"101" in raw.recv(1_024)
    text = b'{"subscribe": "all"}'
    raw.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)  # masked with zeros: the text as it is
    assert b"subscribed" in raw.recv(1_024)
    return raw


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.01)
