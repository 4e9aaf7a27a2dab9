"""The workbench's door over real HTTP, with something to protect behind it; and a browser that runs no scripts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.cookies import Morsel, SimpleCookie
from typing import Any
from urllib.parse import urlencode

import urllib3
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from app.door.gate import SessionGate
from app.door.pictures import picture_routes
from app.door.routes import door_routes
from app.resources import services
from core.access.sign_in import make_link_token
from core.access.users import invite_user
from core.domain.principal import LOCAL_PRINCIPAL, Principal, Role
from core.queries.users import list_users, user_of_email

BEHIND = "somebody's ads"
ANN = "ann@acme.example"
_METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS"]
ORIGIN_SENT = {"Sec-Fetch-Site": "same-origin"}


@dataclass
class Answer:
    status: int
    headers: urllib3.HTTPHeaderDict
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    @property
    def location(self) -> str:
        return self.headers.get("Location", "")

    def cookie(self, name: str) -> Morsel[str]:
        """As the server set it."""
        jar = SimpleCookie()
        for line in self.headers.getlist("Set-Cookie"):
            jar.load(line)
        return jar[name]


@dataclass
class Browser:
    """Keeps cookies, follows nothing."""

    url: str
    cookies: dict[str, str] = field(default_factory=dict)
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=20))

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers)

    def post(self, path: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None) -> Answer:
        sent = {"Content-Type": "application/x-www-form-urlencoded", **(ORIGIN_SENT if headers is None else headers)}
        return self.ask("POST", path, sent, urlencode(fields or {}))

    def sign_in(self, token: str) -> Answer:
        return self.post("/sign-in", {"token": token})

    @property
    def is_in(self) -> bool:
        return self.get("/creatives").text == BEHIND

    def ask(self, method: str, path: str, headers: dict[str, str], body: str | None = None) -> Answer:
        url = path if path.startswith("http") else self.url + path
        is_ours = url.startswith(self.url)
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if is_ours else {}
        response = self.pool.request(method, url, headers={**sent, **headers}, body=body, redirect=False)
        answer = Answer(response.status, response.headers, response.data)
        for line in response.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer


@dataclass
class Door:
    """The running door; ``later`` moves the services' clock."""

    url: str
    clock: Any

    def browser(self) -> Browser:
        return Browser(self.url)

    def later(self, **units: float) -> None:
        self.clock.moved += timedelta(**units)

    def invite(self, email: str = ANN, role: Role = Role.ANALYST, organisation: Principal = LOCAL_PRINCIPAL) -> str:
        """The user's id."""
        ports = services()
        return invite_user(ports.database, organisation, email=email, role=role, now=ports.clock.now())

    def link(self, email: str = ANN) -> str:
        """The token of a one-time link of a user of the local organisation, who is invited where he wasn't."""
        ports = services()
        if email not in {user.email for user in list_users(ports.database, LOCAL_PRINCIPAL)}:
            self.invite(email)
        user = user_of_email(ports.database, LOCAL_PRINCIPAL, email)
        return make_link_token(ports.database, LOCAL_PRINCIPAL, user.user_id, now=ports.clock.now())

    def signed_in(self, email: str = ANN) -> Browser:
        browser = self.browser()
        assert browser.sign_in(self.link(email)).status == 303
        return browser


async def _behind(_: Request) -> PlainTextResponse:
    return PlainTextResponse(BEHIND)


async def _stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


@contextmanager
def running_door(clock: Any, sock: socket.socket) -> Iterator[Door]:
    """The door's routes and gate as ``st.App`` wears them, on a socket that listens."""
    behind = [WebSocketRoute("/_stcore/stream", _stream), Route("/{path:path}", _behind, methods=_METHODS)]
    app = Starlette(routes=[*door_routes(), *picture_routes(), *behind], middleware=[Middleware(SessionGate)])
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        yield Door(f"http://127.0.0.1:{sock.getsockname()[1]}", clock)
    finally:
        server.should_exit = True
        thread.join()
