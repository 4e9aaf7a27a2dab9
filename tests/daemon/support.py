"""A client of a running daemon, and settings for one."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3
from flask import Flask
from simple_websocket import Client as WebSocket
from simple_websocket import ConnectionClosed
from sqlalchemy import URL

from core.access.keys import create_key
from core.adapters.postgres.request_store import insert_request
from core.adapters.postgres.roles import Cluster
from core.bootstrap import Services
from core.domain.principal import LOCAL_PRINCIPAL, Permission, Principal
from core.settings import Settings
from daemon import sockets
from daemon.hub import Hub
from tests.builders import store_request

ANSWER_SECONDS = 10
UPGRADE = {  # the headers of a browser that opens a socket
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


@dataclass(frozen=True)
class Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        return self.json["error"]


class Daemon:
    """A running server and a client of it."""

    def __init__(self, settings: Settings, key: str = "") -> None:
        """``key`` is sent with every call that brings no Authorization or Cookie of its own."""
        self.key = key
        self.port = settings.api_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._pool = urllib3.PoolManager(retries=False, timeout=ANSWER_SECONDS)
        self._sockets: list[WebSocket] = []

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.call("POST", path, content, Content_Type="application/json", **headers)

    def call(self, method: str, path: str, content: bytes | None = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if path.startswith("/api/"):
            named = self._with_key(named)
        response = self._pool.request(method, self.url + path, body=content, headers=named, redirect=False)
        return Answer(response.status, response.headers, response.data)

    def connect(self, *, subprotocols: Sequence[str] = (), **headers: str) -> WebSocket:
        address = self.url.replace("http", "ws") + "/ws"
        client = WebSocket(address, subprotocols=list(subprotocols), headers=self._with_key(headers))
        self._sockets.append(client)
        return client

    def _with_key(self, headers: dict[str, str]) -> dict[str, str]:
        is_ours = self.key and not {"Authorization", "Cookie"} & set(headers)
        return {**headers, "Authorization": f"Bearer {self.key}"} if is_ours else headers

    def close(self) -> None:
        for client in self._sockets:
            with suppress(ConnectionClosed, OSError):
                client.close()
            client.thread.join(ANSWER_SECONDS)
        self._pool.clear()


class LocalDaemon(Daemon):
    """A server in this process, whose insides a test may use."""

    def __init__(self, services: Services, app: Flask) -> None:
        super().__init__(services.settings, a_key(services))
        self.services = services
        self.app = app

    def new_request(self, organisation: str = LOCAL_PRINCIPAL.organisation_id) -> str:
        """A completed request nobody was told of: what a socket hears is what the test announces."""
        request_id = secrets.token_hex(12)
        store_request(self.services.database, request_id, organisation_id=organisation)
        return request_id

    @property
    def hub(self) -> Hub:
        return self.app.extensions[sockets.HUB]


def a_key(services: Services, principal: Principal = LOCAL_PRINCIPAL, *permissions: Permission) -> str:
    """A key of the principal's organisation; without permissions named it has all."""
    given = permissions or tuple(Permission)
    now = services.clock.now()
    return create_key(services.database, principal, name="a test", permissions=given, now=now).key


def ask_for(daemon: LocalDaemon, brand: str) -> str:
    """An open request for a brand, which nobody works on."""
    with daemon.services.database.machinery() as connection:
        return insert_request(connection, LOCAL_PRINCIPAL, kind="ingest", params={"brand": brand})


def hear(client: WebSocket) -> Any:
    """The next frame; fails if none comes."""
    frame = client.receive(timeout=ANSWER_SECONDS)
    assert frame is not None, "nothing was sent"
    return json.loads(frame)


def subscribe(client: WebSocket, what: Any, after: int | None = None) -> tuple[list[Any], int]:
    """What is told of how things stand, and the event as of which."""
    client.send(json.dumps({"subscribe": what} if after is None else {"subscribe": what, "after": after}))
    frames = []
    while "subscribed" not in (frame := hear(client)):
        frames.append(frame)
    assert frame["subscribed"] == what
    return frames, frame["event_id"]


def farewell(client: WebSocket) -> tuple[int, str]:
    """Code and reason of the server's goodbye, after whatever was sent before it."""
    try:
        while client.receive(timeout=ANSWER_SECONDS) is not None:
            pass
    except ConnectionClosed as closed:
        return int(closed.reason), closed.message or ""
    raise AssertionError("the socket was not closed")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def daemon_settings(home: Path, cluster: Cluster, **changes: Any) -> Settings:
    def text(url: URL) -> str:
        return url.render_as_string(hide_password=False)

    urls = {
        "database_app_url": text(cluster.urls.app),
        "database_worker_url": text(cluster.urls.worker),
        "database_operator_url": text(cluster.urls.operator),
    }
    return Settings(_env_file=None, home=home, api_port=free_port(), **{**urls, **changes})
