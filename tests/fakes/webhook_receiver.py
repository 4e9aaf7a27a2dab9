"""A customer's server on loopback: keeps what it is sent, answers as told, and knows how much comes at once."""

from __future__ import annotations

import http.server
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Request = http.server.BaseHTTPRequestHandler
Answer = Callable[[Request], None]


@dataclass(frozen=True)
class Received:
    """One POST."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """``routes`` by path, 204 where there is none; ``most_at_once`` by path."""

    port: int
    routes: dict[str, Answer] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    at_once: Counter[str] = field(default_factory=Counter)
    most_at_once: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @property
    def host(self) -> str:
        """As it stands in an allow-list."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.host}{path}"

    def to(self, path: str) -> list[Received]:
        return [item for item in self.received if item.path == path]

    def wait_for(self, number: int, path: str = "/hook") -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.to(path)) >= number, timeout=10)


def answering(status: int, **headers: str) -> Answer:
    """Answer with this and no body; an underscore in a header's name is a hyphen."""

    def answer(request: Request) -> None:
        request.send_response(status)
        for name, value in {"Content_Length": "0", **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()

    return answer


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    """Serve until the block ends; an answer that waits looks at ``stopping``."""
    httpd = _Server(("127.0.0.1", 0), _Handler)
    receiver = httpd.receiver = Receiver(httpd.server_port)
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopping.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    receiver: Receiver
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Senders hang up on purpose here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        receiver, body = self.server.receiver, self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with receiver.changed:
            receiver.received.append(Received(self.path, headers, body))
            receiver.at_once[self.path] += 1
            receiver.most_at_once[self.path] = max(receiver.most_at_once[self.path], receiver.at_once[self.path])
            receiver.changed.notify_all()
        receiver.routes.get(self.path, answering(204))(self)
        with receiver.changed:
            receiver.at_once[self.path] -= 1

    def log_message(self, *_: object) -> None:
        """Quiet."""
