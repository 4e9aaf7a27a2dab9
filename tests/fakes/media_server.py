"""A real HTTP (or HTTPS) server on loopback that behaves as told, path by path, and counts who came."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


@dataclass
class MediaServer:
    """``routes`` by path without query; ``hosts`` are the Host headers of the requests that came."""

    port: int
    scheme: str = "http"
    routes: dict[str, Answer] = field(default_factory=dict)
    hosts: list[str] = field(default_factory=list)
    connections: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        """As it stands in an allow-list."""
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.host}{path}"


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with this; an underscore in a header's name is a hyphen."""

    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@contextmanager
def media_server(ssl_context: ssl.SSLContext | None = None) -> Iterator[MediaServer]:
    """Serve until the block ends; an answer that goes on for ever looks at ``stopping``."""
    httpd = _Server(("127.0.0.1", 0), _Handler)
    if ssl_context is not None:
        httpd.socket = ssl_context.wrap_socket(httpd.socket, server_side=True)
    server = httpd.media = MediaServer(httpd.server_port, "https" if ssl_context else "http")
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stopping.set()
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    media: MediaServer
    request_queue_size = 128  # a hundred workers come at once

    def get_request(self):  # type: ignore[no-untyped-def]
        connection = super().get_request()
        self.media.connections += 1
        return connection

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.media.hosts.append(self.headers["Host"])
        route = self.server.media.routes.get(self.path.partition("?")[0], answering(404))
        route(self)

    def log_message(self, *_: object) -> None:
        """Quiet."""
