"""An HTTP server that answers like S3, or as badly as it is told, and keeps what came over the wire."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

Headers = dict[str, str]
Answer = tuple[int, bytes]
CUT = (0, b"")  # hang up instead of answering


@dataclass(frozen=True)
class Asked:
    """One request: ``call`` is its name in S3's API."""

    call: str
    path: str
    headers: Headers  # by lower-case name
    body: bytes


@dataclass
class S3Wire:
    """``answer`` may answer a request before the usual answer does (it returns None for that)."""

    port: int
    asked: list[Asked] = field(default_factory=list)
    answer: Callable[[Asked], Answer | None] = field(default=lambda asked: None)
    promised_bytes: int | None = None  # the Content-Length of what GetObject gives, if it is to be cut

    def url(self, **options: str) -> str:
        """An ADOLOGY_OBJECTS_URL for this server."""
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"s3://adology/kept?region=us-east-1&endpoint=http://127.0.0.1:{self.port}{more}"

    def calls(self, *names: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.call in names]


def refusal(code: str, status: int) -> Answer:
    """S3's error document."""
    return status, f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode()


@contextmanager
def s3_wire() -> Iterator[S3Wire]:
    """Serve until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.wire = S3Wire(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.wire
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    wire: S3Wire

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(_call(self.command, self.path, headers), urlsplit(self.path).path, headers, body)
        wire = self.server.wire
        wire.asked.append(asked)
        status, content = wire.answer(asked) or _USUAL.get(asked.call, (200, b""))
        self.close_connection = True
        if status == 0:
            return
        self.send_response(status)
        promised = wire.promised_bytes if asked.call == "GetObject" else None
        self.send_header("Content-Length", str(promised or len(content)))
        self.send_header("ETag", '"tag"')
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve  # noqa: N815 - names of the base class

    def log_message(self, *_: object) -> None:
        """Quiet."""


_USUAL: dict[str, Answer] = {
    "HeadObject": (404, b""),
    "DeleteObject": (204, b""),
    "AbortMultipartUpload": (204, b""),
    "CreateMultipartUpload": (
        200,
        b"<InitiateMultipartUploadResult><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>",
    ),
    "CompleteMultipartUpload": (
        200,
        b"<CompleteMultipartUploadResult><ETag>tag</ETag></CompleteMultipartUploadResult>",
    ),
    "CopyObject": (200, b"<CopyObjectResult><ETag>tag</ETag></CopyObjectResult>"),
}


def _call(method: str, path: str, headers: Headers) -> str:
    query = parse_qs(urlsplit(path).query, keep_blank_values=True)
    if "uploads" in query:
        return "CreateMultipartUpload"
    if "uploadId" in query:
        return {"PUT": "UploadPart", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"}[method]
    if method == "PUT" and "x-amz-copy-source" in headers:
        return "CopyObject"
    return f"{method.capitalize()}Object"
