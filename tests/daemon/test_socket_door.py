"""A socket is open to whom the door lets in, for as long as it would let him in again."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
import time_machine
from simple_websocket import ConnectionClosed

from core.access.keys import revoke_key
from core.access.sign_in import bearer_of_session, make_link_token, sign_in_by_link, sign_out
from core.access.tokens import SESSION_COOKIE
from core.access.users import invite_user
from core.domain.principal import LOCAL_PRINCIPAL, Permission, Role
from daemon import sockets
from tests.daemon.support import UPGRADE, LocalDaemon, a_key, farewell, subscribe


@pytest.fixture
def _often_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "PING_SECONDS", 0.1)


def a_session(daemon: LocalDaemon, role: Role = Role.VIEWER) -> str:
    database, now = daemon.services.database, daemon.services.clock.now()
    user = invite_user(database, LOCAL_PRINCIPAL, email=f"{role}@local.example", role=role, now=now)
    return sign_in_by_link(database, make_link_token(database, LOCAL_PRINCIPAL, user, now=now), now=now, hours=1)


def test_nobody_unknown_opens_a_socket(daemon: LocalDaemon) -> None:
    for headers in ({"Authorization": "Bearer adk_wrong"}, {"Cookie": f"{SESSION_COOKIE}=wrong"}, {"Cookie": "a=b"}):
        assert daemon.get("/ws", **UPGRADE, **headers).status == 401


def test_a_viewer_may_listen(daemon: LocalDaemon) -> None:
    client = daemon.connect(Cookie=f"{SESSION_COOKIE}={a_session(daemon)}")
    assert subscribe(client, "all")[0] == []


def test_a_key_is_taken_as_a_subprotocol_and_not_said_back(daemon: LocalDaemon) -> None:
    key, daemon.key = a_key(daemon.services, LOCAL_PRINCIPAL, Permission.READ), ""
    client = daemon.connect(subprotocols=["adology", f"adology.key.{key}"])
    assert client.subprotocol == "adology"
    assert subscribe(client, "all")[0] == []
    offer = {"Sec-WebSocket-Protocol": "adology, adology.key.adk_wrong"}
    assert daemon.get("/ws", **UPGRADE, **offer).status == 401


@pytest.mark.usefixtures("_often_asked")
def test_who_was_let_in_stays(daemon: LocalDaemon) -> None:
    client = daemon.connect()
    assert client.receive(timeout=0.5) is None
    assert client.connected


@pytest.mark.usefixtures("_often_asked")
def test_a_revoked_key_closes_its_sockets_and_no_other(daemon: LocalDaemon) -> None:
    key, now = a_key(daemon.services), daemon.services.clock.now()
    client, other = daemon.connect(Authorization=f"Bearer {key}"), daemon.connect()
    revoke_key(daemon.services.database, LOCAL_PRINCIPAL, key.split("_")[1], now=now)
    code, reason = farewell(client)
    assert (code, "revoked" in reason) == (1008, True)
    assert other.connected


@pytest.mark.usefixtures("_often_asked")
def test_a_session_that_was_signed_out_closes_its_sockets(daemon: LocalDaemon) -> None:
    token, now = a_session(daemon), daemon.services.clock.now()
    client = daemon.connect(Cookie=f"{SESSION_COOKIE}={token}")
    signed_in = bearer_of_session(daemon.services.database, token, now=now)
    assert signed_in is not None
    sign_out(daemon.services.database, signed_in, now=now)
    assert farewell(client)[0] == 1008


@pytest.mark.usefixtures("_often_asked")
def test_a_session_that_expires_closes_its_sockets(daemon: LocalDaemon) -> None:
    client = daemon.connect(Cookie=f"{SESSION_COOKIE}={a_session(daemon)}")
    with time_machine.travel(daemon.services.clock.now() + timedelta(hours=1, minutes=1), tick=True):
        assert farewell(client)[0] == 1008


def test_too_many_frames_at_once_end_a_socket(daemon: LocalDaemon) -> None:
    client = daemon.connect()
    with suppress(ConnectionClosed, OSError):  # it ends at the latest when all were sent
        for _ in range(20 * sockets.FRAMES_LIMIT):
            client.send('{"subscribe": "all"}')
    assert farewell(client)[0] in (1005, 1006, 1008)  # what was still on its way may overtake the goodbye
