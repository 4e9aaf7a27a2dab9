"""A decoder that some pictures kill: what stands behind a picture's end says how. Run as the pool's command."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from core.adapters.decoder_child import serve
from core.adapters.image_decoder import MediaFacts, probe_and_describe
from core.domain.media import MediaStatus
from core.errors import MediaProblemError

COMMAND = (sys.executable, "-m", "tests.fakes.poisoned_decoder")
_POISON = b"poison:"


def poisoned(picture: bytes, how: str) -> bytes:
    """The picture, which any other decoder still reads."""
    return picture + _POISON + how.encode()


def _segfault(_: str) -> None:
    ctypes.string_at(0)


def _abort(_: str) -> None:
    os.abort()


def _raise(_: str) -> None:
    raise RuntimeError("a fault of ours")


def _loop(fifo: str) -> None:
    """In native code that never lets go: no Python signal handler, no other thread runs."""
    _tell(fifo)
    re.match("(a+)+$", "a" * 64 + "b")


def _wait(fifo: str) -> None:
    _tell(fifo)
    time.sleep(3600)


def _tell(fifo: str) -> None:
    """Whoever reads the FIFO to its end knows that the decoder is at work."""
    if fifo:
        os.close(os.open(fifo, os.O_WRONLY))


def _die(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_once(folder: str) -> None:
    with suppress(FileExistsError):
        os.mkdir(folder)
        _die("")


def _shout(_: str) -> None:
    raise MediaProblemError(MediaStatus.UNREADABLE, "x" * 100_000)


_HOW: dict[str, Callable[[str], None]] = {
    "segfault": _segfault,
    "abort": _abort,
    "raise": _raise,
    "loop": _loop,
    "wait": _wait,
    "die": _die,
    "die once": _die_once,
    "shout": _shout,
}


def describe(stream: BinaryIO, *, max_pixels: int) -> MediaFacts:
    stream.seek(0)
    how, _, detail = stream.read().partition(_POISON)[2].decode().partition("=")
    if how == "lie":
        return MediaFacts("text/html", -1, -1)
    if how:
        _HOW[how](detail)
    return probe_and_describe(stream, max_pixels=max_pixels)


if __name__ == "__main__":
    serve(describe)
