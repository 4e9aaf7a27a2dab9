"""A registry that doesn't answer: no message is lost, no result counted twice, no worker held up for long."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import urllib3
from sqlalchemy import text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_queue import PostgresQueue
from core.adapters.postgres.roles import Cluster
from core.bootstrap import Services
from core.domain.run import ItemResult, ItemState
from core.messages import URL_QUEUE
from core.ports import ReceivedMessage
from daemon.consumer import Consumer, PollCounts
from registry import client as client_module
from registry.client import RegistryClient
from tests.daemon.support import free_port
from tests.running_system import running_services

ANSWER_503 = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3600\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
ANSWER_502 = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
)
ANSWER_302 = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
A_PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
SOMETHING_ELSE = b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n" + b'{"status":"ok"}'


class Listener:
    """A server that treats each request as it is told, and counts them."""

    def __init__(self, treat: Callable[[socket.socket], None]) -> None:
        self._treat = treat
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.requests = 0
        self._came = threading.Condition()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._server.accept()
                with self._came:
                    self.requests += 1
                    self._came.notify_all()
                with connection, suppress(OSError):
                    self._treat(connection)

    def wait_for(self, requests: int) -> bool:
        with self._came:
            return self._came.wait_for(lambda: self.requests >= requests, 10)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)


def saying(answer: bytes) -> Callable[[socket.socket], None]:
    def treat(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

    return treat


def say_nothing(connection: socket.socket) -> None:
    while connection.recv(65_536):
        pass  # until the client gives up


def hang_up(connection: socket.socket) -> None:
    read_request(connection)


def read_request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length"))
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


@contextmanager
def listening(treat: Callable[[socket.socket], None]) -> Iterator[Listener]:
    listener = Listener(treat)
    try:
        yield listener
    finally:
        listener.close()


class Submitting:
    """A worker's handler, less the work."""

    queue = URL_QUEUE

    def __init__(self, registry: RegistryClient) -> None:
        self.registry = registry
        self.tokens: list[int] = []
        self.given_up: list[str] = []

    def handle(self, message: ReceivedMessage) -> None:
        brand, item = message.body.split()
        _, token = self.registry.submit(brand=brand, scope="shared", batch_id=None, result=a_result(item))
        if token is not None:
            self.tokens.append(token)

    def give_up(self, message: ReceivedMessage, reason: str) -> None:
        self.given_up.append(message.body)


def a_result(item: str) -> ItemResult:
    return ItemResult(item, f"https://a.example/{item}", ItemState.OK)


class Worker:
    """A consumer of real messages whose registry is at ``port``."""

    def __init__(self, database: Database, port: int) -> None:
        self.database = database
        self.queue = PostgresQueue(database.worker_engine, visibility_seconds=60, max_receive_count=3)
        self.handler = Submitting(RegistryClient(f"http://127.0.0.1:{port}", token="token"))
        self.consumer = Consumer(
            handler=self.handler, queue=self.queue, threads=10, visibility_seconds=60, max_receive_count=3,
            stop=threading.Event(),
        )  # fmt: skip

    def poll(self) -> PollCounts:
        with self.database.machinery() as connection:
            connection.execute(text("UPDATE queue_message SET visible_at = now()"))  # whatever is delayed is due
        return self.consumer.poll_once()

    @property
    def messages(self) -> int:
        depth = self.queue.depth(URL_QUEUE)
        return depth.waiting + depth.in_flight + depth.delayed


@pytest.fixture
def services(cluster: Cluster, tmp_path: Path) -> Iterator[Services]:
    with running_services(cluster, tmp_path) as (services, _, _app):
        yield services


@pytest.mark.parametrize(
    ("treat", "requests"),
    [
        (say_nothing, 2),  # silence is waited for twice, each time for the read timeout
        (hang_up, 2),
        (saying(ANSWER_503), 3),
        (saying(ANSWER_502), 3),
        (saying(A_PAGE), 1),
        (saying(SOMETHING_ELSE), 1),
    ],
    ids=["silent", "hangs up", "503 for an hour", "502 of a proxy", "a page", "another server"],
)
def test_no_answer_of_the_registry_loses_no_message_and_uses_up_no_attempt(
    database: Database, treat: Callable[[socket.socket], None], requests: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if treat is say_nothing:
        monkeypatch.setattr(client_module, "_TIMEOUT", urllib3.Timeout(connect=2.0, read=0.2))
    with listening(treat) as listener:
        worker = Worker(database, listener.port)
        worker.queue.send_batch(URL_QUEUE, ["nike a"])

        for _ in range(4):  # more often than a message may be received
            worker.poll()

        assert listener.wait_for(4 * requests)
    assert listener.requests == 4 * requests
    assert (worker.messages, worker.handler.given_up) == (1, [])


def test_a_registry_that_is_not_there_loses_no_message(database: Database, services: Services) -> None:
    worker = Worker(database, free_port())
    worker.queue.send_batch(URL_QUEUE, [f"nike {item}" for item in "abc"])
    worker.poll(), worker.poll(), worker.poll(), worker.poll()
    assert (worker.messages, worker.handler.given_up) == (3, [])

    there = RegistryClient(services.settings.registry_address, token=services.internal_token)
    started(there, 3)
    worker.handler.registry = there
    worker.poll()

    assert (worker.messages, worker.handler.tokens) == (0, [1])


def started(registry: RegistryClient, expected: int) -> None:
    registry._post("start", {"brand": "nike", "expected_count": expected})


def test_a_token_goes_to_no_other_address(database: Database) -> None:
    with listening(say_nothing) as elsewhere:
        answer = ANSWER_302.replace(b":9/", f":{elsewhere.port}/".encode())
        with listening(saying(answer)) as listener, pytest.raises(Exception, match="302"):
            RegistryClient(f"http://127.0.0.1:{listener.port}", token="token").submit(
                brand="nike", scope="shared", batch_id=None, result=a_result("a")
            )
        assert elsewhere.requests == 0


def test_an_answer_lost_after_the_work_was_done_doubles_nothing(database: Database, services: Services) -> None:
    real = RegistryClient(services.settings.registry_address, token=services.internal_token)
    started(real, 3)
    lost: set[bytes] = set()

    def lose_the_first_answer(connection: socket.socket) -> None:
        request = read_request(connection)
        answer = forward(request, services.settings.api_port)
        if request in lost:
            connection.sendall(answer)
        lost.add(request)

    with listening(lose_the_first_answer) as listener:
        worker = Worker(database, listener.port)
        worker.handler.registry = RegistryClient(f"http://127.0.0.1:{listener.port}", token=services.internal_token)
        worker.queue.send_batch(URL_QUEUE, [f"nike {item}" for item in "abc"])
        worker.poll()

    assert worker.messages == 0
    with database.machinery() as connection:
        states = connection.execute(text("SELECT item_id, state FROM run_item ORDER BY item_id")).all()
        runs = connection.execute(text("SELECT state, fence FROM run")).all()
    assert states == [("a", "ok"), ("b", "ok"), ("c", "ok")]
    # The one lease was granted in the answer that was lost; the sweep takes it when it has lapsed.
    assert (runs, worker.handler.tokens) == ([("committing", 1)], [])


def forward(request: bytes, port: int) -> bytes:
    head, _, body = request.partition(b"\r\n\r\n")
    lines = [line for line in head.splitlines() if not line.lower().startswith((b"host:", b"connection:"))]
    host = f"Host: 127.0.0.1:{port}".encode()
    with closing(socket.create_connection(("127.0.0.1", port))) as real:
        real.sendall(b"\r\n".join([lines[0], host, b"Connection: close", *lines[1:]]) + b"\r\n\r\n" + body)
        answer = b""
        while part := real.recv(65_536):
            answer += part
    return answer
