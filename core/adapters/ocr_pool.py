"""Reads what stands on pictures, in processes that may die of them (``core.adapters.child_pool``)."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any, BinaryIO, Final

from core.adapters.child_pool import ChildPool, Work
from core.adapters.decoder_pool import decoding_bytes
from core.adapters.image_decoder import sniff
from core.adapters.limited_child import Limits, printable, problem_in
from core.adapters.tesseract import Tesseract, installed_tesseract
from core.ai.on_screen_text import Line

COMMAND: Final = (sys.executable, "-m", "core.adapters.ocr_child")
THUMBNAIL_TYPE: Final = "image/webp"

_SECONDS = 60.0  # a picture full of small print takes 5 beside a busy worker, Tesseract as long again
_OWN_BYTES = 1 << 30  # two models and their widest line: 600 MB, by measuring
_MOST_THUMBNAIL_BYTES = 256 * 1024
_LONGEST_ANSWER_BYTES = 1024 * 1024
_MOST_LINES = 1_000
_MOST_CHARACTERS = 2_000  # of a line
_FILES_PER_CHILD = 500
_READERS = ("rapidocr", "tesseract")


@dataclass(frozen=True, slots=True)
class PictureText:
    """What was found on a picture, before anybody decides what of it is text; and a small WebP of it.

    ``width`` and ``height`` are the picture's, in pixels.
    """

    width: int
    height: int
    lines: tuple[Line, ...]
    thumbnail: bytes


class OcrPool:
    """Up to ``children`` readers, started when needed. Safe for any number of threads."""

    def __init__(
        self,
        *,
        max_pixels: int,
        seconds: float = _SECONDS,
        children: int = 1,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """``seconds`` a picture may take, of the clock and of one core."""
        work = Work(unpack_answer, "reader", "reading", "read", _LONGEST_ANSWER_BYTES, _FILES_PER_CHILD)
        limits = Limits(max_pixels, seconds, _OWN_BYTES + decoding_bytes(max_pixels))
        self._pool = ChildPool(work, limits, command, children=max(children, 1))

    @cached_property
    def languages(self) -> frozenset[str]:
        """Those that are read here although RapidOCR's model doesn't know their script (ISO 639-1)."""
        return self._tesseract.languages if self._tesseract else frozenset()

    def name_for(self, languages: Collection[str]) -> str:
        """What reads a picture on which these languages are expected: engines and versions."""
        name = f"rapidocr {version('rapidocr')} (PP-OCRv6 small)"
        asks = self._tesseract is not None and self._tesseract.packs_for(languages)
        return f"{name}, {self._tesseract.version} ({asks})" if self._tesseract and asks else name

    def read(self, stream: BinaryIO, languages: Collection[str] = ()) -> PictureText:
        """Read a picture on which these languages (ISO 639-1) are expected, from its start.

        Raises MediaProblemError for what is the file's fault and UnavailableError where no child can be had.
        """
        asked: dict[str, str] = {}
        if self._tesseract and (packs := self._tesseract.packs_for(languages)):
            asked = {"program": self._tesseract.program, "languages": packs}
        return self._pool.ask(stream, json.dumps(asked))

    def rest(self) -> None:
        """Give back the memory of readers that have nothing to do: 400 MB each."""
        self._pool.rest()

    def close(self) -> None:
        """End the children; one at work ends with its file. Afterwards nothing is read."""
        self._pool.close()

    @cached_property
    def _tesseract(self) -> Tesseract | None:
        return installed_tesseract()


def unpack_answer(answer: bytes) -> PictureText:
    """What was found, or the child's MediaProblemError. Raises ValueError for what no sound child says."""
    head, _, thumbnail = answer.partition(b"\n")
    try:
        said = json.loads(head)
        problem = problem_in(said)
        if problem is None:
            return _checked(said, thumbnail)
    except (TypeError, KeyError, RecursionError, OverflowError) as error:
        raise ValueError("not an answer") from error
    raise problem


def _checked(said: dict[str, Any], thumbnail: bytes) -> PictureText:
    if sniff(thumbnail[:16]) != THUMBNAIL_TYPE or len(thumbnail) > _MOST_THUMBNAIL_BYTES:
        raise ValueError("not a thumbnail")
    width, height = said["width"], said["height"]
    if not all(type(side) is int and 0 < side < 1 << 31 for side in (width, height)):
        raise ValueError("not the size of a picture")
    if len(said["lines"]) > _MOST_LINES:
        raise ValueError("more lines than a picture holds")
    return PictureText(width, height, tuple(_line(**line) for line in said["lines"]), thumbnail)


def _line(text: str, confidence: float, box: Sequence[float], reader: str) -> Line:
    numbers = (confidence, *box)
    if len(box) != 4 or not all(type(n) in (int, float) and math.isfinite(n) and 0 <= n <= 1 for n in numbers):  # noqa: PLR2004
        raise ValueError("not a line's place")
    if reader not in _READERS or len(text) > _MOST_CHARACTERS:
        raise ValueError("not a line")
    return Line(printable(text), float(confidence), (box[0], box[1], box[2], box[3]), reader)
