"""The web where the pictures lie: it fails, dawdles, hangs up and refuses, and keeps a record of each answer."""

from __future__ import annotations

import hashlib
import http.server
import random
import re
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO

from PIL import Image, PngImagePlugin

from tests.fakes.media_server import Answer, MediaServer, answering
from tests.faults.soak.history import History

REMOVED = "removed"
GOOD = "good"
_PATH = re.compile(r"/(?P<brand>[\w-]+)/(?P<number>\d+)\.png")
_GONE_EVERY, _SHARED_EVERY = 50, 17
_SLOWEST_SECONDS = 1.5
FAULTS = frozenset({"error", "throttled", "cut"})  # answers that are the media's own failure
_MISCHIEF = {"good": 84, "error": 5, "throttled": 2, "slow": 4, "cut": 5}  # of 100 answers


@dataclass
class FlakyMedia(dict[str, Answer]):
    """The routes of a MediaServer: every picture there is. ``is_storming``: nothing but 500; ``is_calm``: no fault."""

    server: MediaServer
    history: History
    seed: int
    is_storming: bool = False
    is_calm: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._random = random.Random(f"{self.seed} media")
        self.server.routes = self

    def url(self, brand: str, number: int) -> str:
        """The address of a brand's picture."""
        return self.server.url(f"/{brand}/{number}.png")

    def get(self, path: str, default: Answer | None = None) -> Answer | None:  # type: ignore[override]
        """How this GET is answered; a fault of the moment, unless the picture is gone for good."""
        if outcome_of(path) == REMOVED:
            return self._noting(path, "gone", answering(404))
        kind = self._kind()
        answers = {
            "good": _giving(picture(path)),
            "error": answering(500),
            "throttled": answering(429, Retry_After="1"),
            "slow": self._dawdling(_giving(picture(path))),
            "cut": _hanging_up(picture(path)),
        }
        return self._noting(path, kind, answers[kind])

    def _kind(self) -> str:
        if self.is_calm:
            return "good"
        if self.is_storming:
            return "error"
        with self._lock:
            return self._random.choices(list(_MISCHIEF), list(_MISCHIEF.values()))[0]

    def _dawdling(self, answer: Answer) -> Answer:
        with self._lock:
            seconds = self._random.random() * _SLOWEST_SECONDS

        def answer_later(request: http.server.BaseHTTPRequestHandler) -> None:
            self.server.stopping.wait(seconds)
            answer(request)

        return answer_later

    def _noting(self, path: str, kind: str, answer: Answer) -> Answer:
        """An answer that was given in full is one kind of note, one that nobody waited for is another."""

        def noted(request: http.server.BaseHTTPRequestHandler) -> None:
            url = self.server.url(path)
            try:
                answer(request)
            except OSError:
                self.history.add("got", url=url, kind="abandoned")
                raise
            self.history.add("got", url=url, kind=GOOD if kind == "slow" else kind)

        return noted


def outcome_of(path: str) -> str:
    """What a path gives to whoever asks long enough: the SHA-256 of its picture, or "removed"."""
    found = _PATH.fullmatch(path)
    if found is None or int(found["number"]) % _GONE_EVERY == _GONE_EVERY - 1:
        return REMOVED
    return hashlib.sha256(picture(path)).hexdigest()


@lru_cache(maxsize=20_000)
def picture(path: str) -> bytes:
    """A PNG of its own, but for the few that show the same as the one before."""
    found = _PATH.fullmatch(path)
    assert found is not None
    number = int(found["number"]) - (int(found["number"]) % _SHARED_EVERY == 1)
    said = PngImagePlugin.PngInfo()
    said.add_text("Title", f"{found['brand']} {number}")
    digest = hashlib.sha256(f"{found['brand']} {number}".encode()).digest()
    file = BytesIO()
    Image.new("RGB", (300, 200), tuple(digest[:3])).save(file, "PNG", pnginfo=said)
    return file.getvalue()


def _giving(body: bytes) -> Answer:
    return answering(200, body, Content_Type="image/png")


def _hanging_up(body: bytes) -> Answer:
    def answer(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: len(body) // 2])
        request.close_connection = True

    return answer
