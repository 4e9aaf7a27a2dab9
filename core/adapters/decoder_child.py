"""The program that decodes a worker's images, one after another, in a process that may die of them.

``core.adapters.decoder_pool`` starts it. Its standard input is a Unix socket: open files come in, answers go out.
It limits itself before it reads the first byte of a file, and ends when the socket is closed: with its worker.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import AvifImagePlugin

from core.adapters.image_decoder import CONTENT_TYPES, MediaFacts, probe_and_describe
from core.adapters.visual_embedder import VISUAL_DIMENSION
from core.domain.media import MediaStatus
from core.errors import MediaProblemError
from core.ports import Vector

READY = b"ready"
LENGTH = struct.Struct(">I")  # before each answer: how many bytes it has
LONGEST_ANSWER_BYTES = 64 * 1024
_OPEN_FILES = 32
_VECTOR = "<f4"
_TOO_MANY = 1 << 31  # pixels a side, frames


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost: pixels, seconds (of the clock and of one core), bytes of memory."""

    max_pixels: int
    seconds: float
    memory_bytes: int

    def as_argument(self) -> str:
        """For the child's command line."""
        return json.dumps(asdict(self))


def serve(describe: Callable[..., MediaFacts]) -> None:
    """Answer for each file until the worker hangs up. ``describe`` takes a stream and ``max_pixels``."""
    limits = Limits(**json.loads(sys.argv[1]))
    _limit_this_process(limits.memory_bytes)
    channel = socket.socket(fileno=sys.stdin.fileno())
    _send(channel, READY)
    while (file := _next_file(channel)) is not None:
        with file, _time_limit(limits.seconds):
            answer = _answer(describe, file, limits.max_pixels)
        _send(channel, answer)


def unpack_answer(answer: bytes) -> MediaFacts:
    """The facts, or the child's MediaProblemError. Raises ValueError for what no sound child says.

    A decoder that was taken over by a file may say anything.
    """
    head, _, vector = answer.partition(b"\n")
    try:
        said = json.loads(head)
        if "problem" not in said:
            return _checked(MediaFacts(**said, visual=_vector(vector)))
        problem = MediaProblemError(MediaStatus(said["problem"]), _printable(said["reason"]))
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("not an answer") from error
    raise problem


def _limit_this_process(memory_bytes: int) -> None:
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # else one a core, each with its stack and its frames
    for asked_to_end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked_to_end, signal.SIG_IGN)  # it ends with its worker, which may be finishing a file
    with suppress(OSError):  # where memory is short, the kernel takes this process, not the worker (Linux)
        Path("/proc/self/oom_score_adj").write_text("1000")
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    # Not RLIMIT_AS: that also counts libraries and address space which allocators reserve and never touch.
    _lower(resource.RLIMIT_DATA, memory_bytes)


def _lower(what: int, limit: int) -> None:
    _, hard = resource.getrlimit(what)
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(what, (limit, limit))


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """The kernel ends the process (SIGALRM, SIGXCPU) when the block takes longer, whatever native code runs in it.

    It does so, too, when the worker is gone and nobody waits for the answer.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


def _next_file(channel: socket.socket) -> BinaryIO | None:
    data, descriptors, _, _ = socket.recv_fds(channel, 1, 1)
    return os.fdopen(descriptors[0], "rb") if data else None


def _send(channel: socket.socket, answer: bytes) -> None:
    channel.sendall(LENGTH.pack(len(answer)) + answer)


def _answer(describe: Callable[..., MediaFacts], file: BinaryIO, max_pixels: int) -> bytes:
    """One line of JSON, then the vector's bytes."""
    try:
        facts = describe(file, max_pixels=max_pixels)
    except MediaProblemError as problem:
        return json.dumps({"problem": problem.status, "reason": str(problem)}).encode()
    said = {name: getattr(facts, name) for name in ("content_type", "width", "height", "frames")}
    vector = b"" if facts.visual is None else facts.visual.astype(_VECTOR).tobytes()
    return json.dumps(said).encode() + b"\n" + vector


def _vector(content: bytes) -> Vector | None:
    return np.frombuffer(content, _VECTOR).astype(np.float32) if content else None


def _checked(facts: MediaFacts) -> MediaFacts:
    numbers = [number for number in (facts.width, facts.height, facts.frames) if number is not None]
    if facts.content_type not in CONTENT_TYPES or not all(type(n) is int and 0 < n < _TOO_MANY for n in numbers):
        raise ValueError("not the facts of a medium")
    if facts.visual is not None and (facts.visual.shape != (VISUAL_DIMENSION,) or not np.isfinite(facts.visual).all()):
        raise ValueError("not a visual descriptor")
    return facts


def _printable(reason: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in reason)


if __name__ == "__main__":
    serve(probe_and_describe)
