"""An SQS of our own on loopback: what boto3 and kombu speak (AWS JSON 1.0), everything in memory, faults on demand.

    with SqsServer() as server:
        boto3.client("sqs", endpoint_url=server.url, region_name=server.region, …)
        server.inject(duplicate_probability=0.2, seed=7)

or as a process of its own, ``python -m tests.fakes.sqs_server --port 0 --port-file PATH``: then ``POST /_control``
takes the faults as JSON (those not named are switched off), ``GET /_stats`` tells the calls, ``DELETE /_stats`` counts
from zero. Signatures aren't checked. One event loop owns everything; a request costs it about 0.1 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
import threading
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from tests.fakes.sqs_api import Poll, SqsAccount
from tests.fakes.sqs_faults import Faults, LostResponseError
from tests.fakes.sqs_parameters import Json
from tests.fakes.sqs_queues import SqsError

# SQS answered in XML once; clients still look for the names of errors of that time.
_OLD_NAMES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
    "AccessDeniedException": "AccessDenied",
    **{
        name: f"AWS.SimpleQueueService.{name}"
        for name in (
            *("BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId"),
            *("MessageNotInflight", "TooManyEntriesInBatchRequest", "UnsupportedOperation"),
        )
    },
}
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 500: "Error", 503: "Unavailable"}


class _Connection(asyncio.Protocol):
    """One keep-alive connection: a request, its answer, the next."""

    def __init__(self, account: SqsAccount, open_connections: set[_Connection]) -> None:
        self._account, self._open = account, open_connections
        self._buffer = bytearray()
        self._task: asyncio.Task[None] | None = None  # the request under way; the next one waits for it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        if self._task is not None:
            self._task.cancel()  # who hung up receives nothing

    def close(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._task is None and (request := self._next_request()):
            self._answer(*request)

    def _next_request(self) -> tuple[str, str, dict[str, str], bytes] | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self._buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        whole = end + 4 + int(headers.get("content-length", 0))
        if len(self._buffer) < whole:
            if "expect" in headers and len(self._buffer) == end + 4:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(self._buffer[end + 4 : whole])
        del self._buffer[:whole]
        method, path, _ = first.split(" ", 2)
        return method, path, headers, body

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        try:
            if method == "POST" and (operation := headers.get("x-amz-target", "").rpartition(".")[2]):
                self._call(operation, json.loads(body or b"{}"))
            else:
                self._write(200, self._steer(method, path, body))
        except SqsError as error:
            self._refuse(error)
        except LostResponseError:
            self.close()

    def _call(self, operation: str, given: Json) -> None:
        delay_seconds = self._account.faults.delay_seconds()
        answer = None if delay_seconds else self._account.call(operation, given)
        if isinstance(answer, dict):
            self._finish(operation, answer)
        else:
            self._task = asyncio.create_task(self._call_later(operation, given, delay_seconds, answer))

    def _finish(self, operation: str, answer: Json) -> None:
        self._account.faults.after(operation)
        self._write(200, answer)

    async def _call_later(self, operation: str, given: Json, delay_seconds: float, poll: Poll | None) -> None:
        """Answer after a delay, or when a long poll is over."""
        try:
            await asyncio.sleep(delay_seconds)
            answer = poll or self._account.call(operation, given)
            self._finish(operation, answer if isinstance(answer, dict) else await answer())
        except SqsError as error:
            self._refuse(error)
        except LostResponseError:
            self.close()
        finally:
            self._task = None
        self.data_received(b"")  # the next request may be here already

    def _steer(self, method: str, path: str, body: bytes) -> Json:
        if (method, path) == ("POST", "/_control"):
            self._account.faults = Faults.parse(json.loads(body or b"{}"))
            return {}
        if (method, path) == ("GET", "/_stats"):
            return self._account.stats()
        if (method, path) == ("DELETE", "/_stats"):
            self._account.forget_counts()
            return {}
        raise SqsError("InvalidAddress", f"no {method} {path}: POST to / with X-Amz-Target, /_control or /_stats", 404)

    def _refuse(self, error: SqsError) -> None:
        fault = "Sender" if error.status < 500 else "Receiver"
        old_name = f"x-amzn-query-error: {_OLD_NAMES.get(error.code, error.code)};{fault}\r\n"
        said = {"__type": f"com.amazonaws.sqs#{error.code}", "message": error.message}
        self._write(error.status, said, old_name)

    def _write(self, status: int, answer: Json, more_headers: str = "") -> None:
        body = json.dumps(answer).encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/x-amz-json-1.0\r\n"
            f"x-amzn-RequestId: {uuid.uuid4()}\r\n{more_headers}Content-Length: {len(body)}\r\n\r\n"
        )
        self._transport.write(head.encode() + body)


class SqsServer:
    """The server in a thread of this process; a context manager. Faults and counts are reached without HTTP."""

    def __init__(self, *, region: str = "eu-west-1", port: int = 0) -> None:
        self.region, self.port = region, port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="sqs", daemon=True)

    @property
    def url(self) -> str:
        """What ``endpoint_url`` takes."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(10):
            raise RuntimeError("the SQS server didn't start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def inject(self, **faults: Any) -> None:
        """Set the faults (see Faults); those not named are switched off."""
        self._on_loop(lambda: setattr(self._account, "faults", Faults.parse(faults)))

    def stats(self) -> Json:
        """As ``GET /_stats``."""
        answer: Json = self._on_loop(self._account.stats)
        return answer

    def _on_loop(self, action: Any) -> Any:
        async def run() -> Any:
            return action()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    async def _run(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with serving(self.region, self.port) as (self.port, self._account):
            self._ready.set()
            await self._over.wait()


@asynccontextmanager
async def serving(region: str, port: int) -> AsyncIterator[tuple[int, SqsAccount]]:
    """Listen on loopback; gives the port and the account."""
    connections: set[_Connection] = set()
    with socket.create_server(("127.0.0.1", port)) as listening:
        port = listening.getsockname()[1]
        account = SqsAccount(f"http://127.0.0.1:{port}", region)
        server = await asyncio.get_running_loop().create_server(
            lambda: _Connection(account, connections), sock=listening
        )
        try:
            yield port, account
        finally:
            server.close()
            for connection in list(connections):
                connection.close()
            await server.wait_closed()


async def _serve_until_told(region: str, port: int, port_file: Path | None) -> None:
    over = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, over.set)
    async with serving(region, port) as (own_port, _):
        if port_file is not None:
            writing = port_file.with_suffix(".writing")
            writing.write_text(str(own_port))
            writing.rename(port_file)  # who waits for the file reads the whole number
        await over.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path)
    parser.add_argument("--region", default="eu-west-1")
    options = parser.parse_args()
    asyncio.run(_serve_until_told(options.region, options.port, options.port_file))
