"""A reader of pictures that finds what it is told to, at once, and counts."""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Collection
from typing import BinaryIO

from PIL import Image

from core.adapters.ocr_pool import PictureText
from core.ai.on_screen_text import Line

MIDDLE = (0.2, 0.4, 0.8, 0.5)


class FakeTextReader:
    """``lines`` are found on every picture. ``before`` is called with the colour of its first pixel."""

    def __init__(self) -> None:
        self.languages: frozenset[str] = frozenset()
        self.lines: tuple[Line, ...] = ()
        self.before: Callable[[str], None] = lambda colour: None
        self.read_colours: Counter[str] = Counter()
        self.asked: list[frozenset[str]] = []
        self._lock = threading.Lock()

    def name_for(self, languages: Collection[str]) -> str:
        return "fake-reader/1"

    def read(self, stream: BinaryIO, languages: Collection[str] = ()) -> PictureText:
        with Image.open(stream) as image:
            size, pixel = image.size, image.convert("RGB").getpixel((0, 0))
        assert isinstance(pixel, tuple)
        colour = "#{:02x}{:02x}{:02x}".format(*pixel)
        self.before(colour)
        with self._lock:
            self.read_colours[colour] += 1
            self.asked.append(frozenset(languages))
        return PictureText(*size, self.lines, a_thumbnail())

    def rest(self) -> None:
        pass

    def close(self) -> None:
        pass


def a_line(text: str, confidence: float = 0.99, box: tuple[float, float, float, float] = MIDDLE) -> Line:
    return Line(text, confidence, box)


def a_thumbnail() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), "grey").save(stream, "WEBP")
    return stream.getvalue()
