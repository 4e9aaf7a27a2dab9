"""A vendor of language models on loopback: OpenAI's Responses and chat completions, Bedrock's Converse and Titan.

    with model_server() as server:
        server.answer = lambda asked: {"hook": "question"}     # a JSON object, a text, or a value of model_answers
        server.then(rate_limited(), outage(), refused())       # the next three do this, whatever is asked
        settings(openai_base_url=server.openai_url, bedrock_endpoint=server.url, …)
        assert len(server.asked) == 4

Every request is kept, so that tests count the paid calls and see all that left the process. Without a script the
answer is the least that the schema allows.
"""

from __future__ import annotations

import http.server
import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.model_answers import Answer, Asked, Cut, Drip, HttpError, Json, Raw, Said, Slow, from_schema
from tests.fakes.model_dialects import error, put_together, request_id_header, take_apart

RESPONSE_FORMATS = frozenset({"json_schema", "json_object"})
Answering = Callable[[Asked], Answer]


@dataclass
class ModelServer:
    """``response_formats`` are those that chat completions know; another is a 400, or passed over in silence."""

    port: int
    answer: Answering = from_schema
    response_formats: frozenset[str] = RESPONSE_FORMATS
    ignores_unknown_formats: bool = False
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    changed: threading.Condition = field(default_factory=threading.Condition)
    _script: deque[Answer] = field(default_factory=deque)

    @property
    def url(self) -> str:
        """What Bedrock's ``endpoint_url`` takes."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        """What OpenAI's ``base_url`` takes."""
        return f"{self.url}/v1"

    def then(self, *answers: Answer) -> None:
        """What the next requests get, one each, before ``answer`` is asked again."""
        self._script.extend(answers)

    def wait_for(self, number: int) -> None:
        """Until so many requests have arrived."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.asked) >= number, timeout=10)

    def reset(self) -> None:
        """As new, for the next test; slow answers that nobody waits for end."""
        self.stopping.set()
        with self.changed:
            assert self.changed.wait_for(lambda: self.at_once == 0, timeout=10)
            self.asked.clear()
            self._script.clear()
        self.answer, self.most_at_once, self.stopping = from_schema, 0, threading.Event()
        self.response_formats, self.ignores_unknown_formats = RESPONSE_FORMATS, False

    def next_answer(self, asked: Asked) -> Answer:
        """Scripted, or by the function; a chat server refuses a format it doesn't know."""
        if asked.dialect == "chat" and (unknown := self._unknown_format(asked.body)):
            if not self.ignores_unknown_formats:
                return HttpError("bad_input", f"'response_format.type' {unknown!r} is not supported")
            return "Sure! Here is what I think of it."
        with self.changed:
            scripted = self._script.popleft() if self._script else None
        if scripted is not None:
            return scripted
        return Said() if asked.dialect.startswith("titan") and self.answer is from_schema else self.answer(asked)

    def _unknown_format(self, body: Json) -> str | None:
        asked_for: str | None = body.get("response_format", {}).get("type")
        return asked_for if asked_for and asked_for not in self.response_formats else None

    def arrived(self, asked: Asked) -> int:
        """Keep it; returns its number."""
        with self.changed:
            self.asked.append(asked)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.changed.notify_all()
            return len(self.asked)

    def left(self) -> None:
        """The answer is out, or the client gone."""
        with self.changed:
            self.at_once -= 1
            self.changed.notify_all()


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """Serve until the block ends; slow answers end with it."""
    httpd = _Server(("127.0.0.1", 0), _Handler)
    server = httpd.models = ModelServer(httpd.server_port)
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
    models: ModelServer
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = take_apart(self.path, headers, body)
        if asked is None:
            self._write(404, {}, {"error": {"message": f"no POST {self.path}", "type": "invalid_request_error"}})
            return
        number = self.server.models.arrived(asked)
        try:
            self._give(asked, self.server.models.next_answer(asked), number)
        finally:
            self.server.models.left()

    def _give(self, asked: Asked, answer: Answer, number: int) -> None:
        named = dict([request_id_header(asked, number)])
        if isinstance(answer, Slow):
            self.server.models.stopping.wait(answer.seconds)
            self._give(asked, from_schema(asked) if answer.then is None else answer.then, number)
        elif isinstance(answer, Drip):
            self._drip(put_together(asked, _said(from_schema(asked)), number), answer.pause_seconds)
        elif isinstance(answer, Cut):
            self._hang_up(answer)
        elif isinstance(answer, HttpError):
            status, headers, body = error(asked, answer)
            self._write(status, {**named, **headers, **answer.headers}, body)
        elif isinstance(answer, Raw):
            self._write(answer.status, {**named, "Content-Type": answer.content_type}, answer.body)
        else:
            self._write(200, named, put_together(asked, _said(answer), number))

    def _write(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _drip(self, body: Json, pause_seconds: float) -> None:
        content = json.dumps(body).encode()
        self._write(200, {"Content-Length": str(len(content))}, b"")
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.models.stopping.wait(pause_seconds):
                break
        self.close_connection = True

    def _hang_up(self, cut: Cut) -> None:
        if cut.head:
            self._write(200, {"Content-Length": "100000"}, b'{"id": "resp_1", "outp')
            self.wfile.flush()
        else:  # a reset, not an end
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Quiet."""


def _said(answer: Said | Mapping[str, Any] | str) -> Said:
    if isinstance(answer, Said):
        return answer
    return Said(answer if isinstance(answer, str) else json.dumps(answer))
