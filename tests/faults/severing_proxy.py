"""PostgreSQL behind a TCP proxy that cuts a connection at its COMMIT: before the server hears it, or before the client
hears the answer."""

from __future__ import annotations

import select
import socket
import struct
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_COMMIT = b"Q" + struct.pack("!i", 11) + b"COMMIT\0"  # the message of a simple query
_CHUNK_BYTES = 1 << 16


class SeveringProxy:
    """Forwards to the server's Unix socket. Armed, it cuts the next transaction that said ``statement``, once."""

    def __init__(self, server: Path, statement: bytes) -> None:
        self._server = server
        self._statement = statement
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._sockets = [self._listener]
        self._armed = ""
        self.cuts = 0

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def cut_before_commit(self) -> None:
        """The server never hears the COMMIT."""
        self._armed = "before"

    def cut_before_answer(self) -> None:
        """The server commits, and nobody is told."""
        self._armed = "after"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:  # closed under a thread's hands, a socket has no number to wait for
            thread.join()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is shut: it is over
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(self._server))
                self._sockets += [client, server]
                self._threads.append(threading.Thread(target=self._forward, args=(client, server)))
                self._threads[-1].start()

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError), client, server:
            said = b""  # in this transaction
            while chunk := _next_words(client, server):
                said += chunk
                if said.endswith(_COMMIT):
                    if self._armed and self._statement in said:
                        self._cut(server, chunk)
                        return
                    said = b""
                server.sendall(chunk)

    def _cut(self, server: socket.socket, last_words: bytes) -> None:
        how, self._armed = self._armed, ""
        self.cuts += 1
        if how == "after":
            server.sendall(last_words)
            server.recv(_CHUNK_BYTES)  # the answer: by now it is committed


def _next_words(client: socket.socket, server: socket.socket) -> bytes:
    """What the client says next, the server's answers passed on until then. Empty when one of them is gone."""
    while True:
        ready, _, _ = select.select([client, server], [], [])
        if server in ready:
            answer = server.recv(_CHUNK_BYTES)
            if not answer:
                return b""
            client.sendall(answer)
        if client in ready:
            return client.recv(_CHUNK_BYTES)
