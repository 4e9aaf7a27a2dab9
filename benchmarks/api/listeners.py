"""Sockets of many clients in one process, and how late each event reached them.

``python -m benchmarks.api.listeners PORT REQUEST_ID COUNT EVENTS``, the key in ADOLOGY_KEY. It says ``ready`` once all
are subscribed, and ends with a JSON list of the milliseconds of each counted event at each client. An event is counted
that says when it was sent, by the clock that all processes of a Linux machine share.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import time
from collections.abc import Sequence

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {key}\r\n\r\n"
)
_TWO_BYTES, _EIGHT_BYTES = 126, 127  # how a longer frame tells its length
_PING = 0x9


class Listener:
    """One client that hears of these requests."""

    def __init__(self, port: int, key: str, requests: Sequence[str], *, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(HANDSHAKE.format(port=port, key=key).encode())
        self._unread = b""
        while b"\r\n\r\n" not in self._unread:
            self._unread += self.socket.recv(65_536)
        head, _, self._unread = self._unread.partition(b"\r\n\r\n")
        assert b" 101 " in head, head
        self._send(0x81, json.dumps({"subscribe": requests}).encode())
        while not any(b'"subscribed"' in frame for frame in self.read()):
            pass

    def read(self) -> list[bytes]:
        """The texts that have come. Raises ConnectionError at the end."""
        received = self.socket.recv(1_048_576)
        if not received:
            raise ConnectionResetError("the server has closed the connection")
        self._unread += received
        texts = []
        while (frame := self._frame()) is not None:
            kind, body = frame
            if kind == _PING:
                self._send(0x8A, body)
            else:
                texts.append(body)
        return texts

    def close(self) -> None:
        """Hang up."""
        self.socket.close()

    def _frame(self) -> tuple[int, bytes] | None:
        """The next whole one, its kind and content; what servers send isn't masked."""
        if len(self._unread) < 2:
            return None
        length, start = self._unread[1], 2
        if length >= _TWO_BYTES:
            start = 4 if length == _TWO_BYTES else 10
            length = int.from_bytes(self._unread[2:start], "big")
        if len(self._unread) < start + length:
            return None
        kind, body = self._unread[0] & 0xF, self._unread[start : start + length]
        self._unread = self._unread[start + length :]
        return kind, body

    def _send(self, kind: int, body: bytes) -> None:
        self.socket.sendall(bytes([kind, 0x80 | len(body), 0, 0, 0, 0]) + body)  # masked with zeros: as it is


def main() -> None:
    """Listen until each client has heard every counted event."""
    request_id = sys.argv[2]
    port, count, events = (int(sys.argv[position]) for position in (1, 3, 4))
    key = os.environ["ADOLOGY_KEY"]
    with selectors.DefaultSelector() as selector:
        for _ in range(count):
            listener = Listener(port, key, [request_id])
            selector.register(listener.socket, selectors.EVENT_READ, listener)
        print("ready", flush=True)
        late: list[float] = []
        while len(late) < count * events:
            for ready, _ in selector.select():
                texts = ready.data.read()
                now = time.monotonic()
                sent = [(json.loads(text).get("result") or {}).get("sent_at") for text in texts]
                late += [1000 * (now - at) for at in sent if at is not None]
    print(json.dumps(late))


if __name__ == "__main__":
    main()
