"""Pictures over HTTP on loopback for the benchmarks, and how often each was asked for.

``/pictures/7.jpg`` answers at once, ``/after/5/7.jpg`` after 5 seconds, ``/gone/7.jpg`` with 404. Every number is
another picture, the same in every run.
"""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO

import numpy as np
from PIL import Image

_SIDE = 480  # pixels
_FIELDS = 12  # colour fields, each way
_NOISE = 12  # of 255: what makes a photograph larger than a drawing
_QUALITY = 80


@cache
def picture(number: int) -> bytes:
    """A JPEG of about 40 kB."""
    drawn = np.random.default_rng(number)
    fields = Image.fromarray(drawn.integers(0, 256, (_FIELDS, _FIELDS, 3), dtype=np.uint8))
    smooth = np.asarray(fields.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC), dtype=np.int16)
    noisy = smooth + drawn.integers(-_NOISE, _NOISE + 1, smooth.shape, dtype=np.int16)
    body = BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(body, "JPEG", quality=_QUALITY)
    return body.getvalue()


def sha256_of(url: str) -> str:
    """The hash of what the host answers to one of its addresses."""
    return hashlib.sha256(picture(_number(url))).hexdigest()


def _number(path: str) -> int:
    return int(path.rpartition("/")[2].removesuffix(".jpg"))


@dataclass
class MediaHost:
    """``fetches`` counts the requests by path."""

    port: int
    fetches: Counter[str] = field(default_factory=Counter)
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """As it stands in an allow-list."""
        return f"127.0.0.1:{self.port}"

    def urls(self, folder: str, numbers: Sequence[int]) -> list[str]:
        """Addresses of pictures: ``folder`` is ``pictures``, ``after/5`` or ``gone``."""
        return [f"http://{self.address}/{folder}/{number}.jpg" for number in numbers]

    def fetches_of(self, urls: Sequence[str]) -> int:
        """How often these were asked for together."""
        return sum(self.fetches[url.partition(self.address)[2]] for url in urls)


@contextmanager
def media_host() -> Iterator[MediaHost]:
    """Serve until the block ends."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.host = MediaHost(server.server_port)
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="media host", daemon=True)
    thread.start()
    try:
        yield server.host
    finally:
        server.host.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    host: MediaHost

    def handle_error(self, request: object, client_address: object) -> None:
        """Workers are killed on purpose here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        """Count, wait if the path says so, answer."""
        self.server.host.fetches[self.path] += 1
        kind, _, rest = self.path.lstrip("/").partition("/")
        if kind == "gone":
            self.send_error(404)
            return
        if kind == "after" and self.server.host.stopping.wait(float(rest.partition("/")[0])):
            return
        body = picture(_number(self.path))
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""
