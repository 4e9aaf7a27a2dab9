"""A program that looks at files from outside, one after another, in a process that may die of them.

``core.adapters.child_pool`` starts it. Its standard input is a Unix socket: open files come in, answers go out.
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

from PIL import AvifImagePlugin

from core.domain.media import MediaStatus
from core.errors import MediaProblemError

READY = b"ready"
LENGTH = struct.Struct(">I")  # before each answer: how many bytes it has
MOST_ASKED_BYTES = 1_024
_OPEN_FILES = 32


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost: pixels, seconds (of the clock and of one core), bytes of memory."""

    max_pixels: int
    seconds: float
    memory_bytes: int

    def as_argument(self) -> str:
        """For the child's command line."""
        return json.dumps(asdict(self))


Answer = Callable[[BinaryIO, str, int], bytes]  # of a file, what is asked about it, and max_pixels


def serve(answer: Answer) -> None:
    """Answer for each file until the worker hangs up."""
    limits = Limits(**json.loads(sys.argv[1]))
    _limit_this_process(limits.memory_bytes)
    channel = socket.socket(fileno=sys.stdin.fileno())
    _send(channel, READY)
    while (received := _next_file(channel)) is not None:
        file, asked = received
        with file, _time_limit(limits.seconds):
            said = _said(answer, file, asked, limits.max_pixels)
        _send(channel, said)


def problem_in(said: object) -> MediaProblemError | None:
    """The child's problem with the file, from the JSON it sent. Raises ValueError for what no sound child says.

    A child that was taken over by a file may say anything.
    """
    try:
        if not isinstance(said, dict):
            raise ValueError("not an answer")
        if "problem" not in said:
            return None
        return MediaProblemError(MediaStatus(said["problem"]), printable(said["reason"]))
    except (TypeError, KeyError) as error:
        raise ValueError("not an answer") from error


def printable(text: str) -> str:
    """The text with a sign in place of what can't be stored or shown."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def _said(answer: Answer, file: BinaryIO, asked: str, max_pixels: int) -> bytes:
    try:
        return answer(file, asked, max_pixels)
    except MediaProblemError as problem:
        return json.dumps({"problem": problem.status, "reason": str(problem)}).encode()


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


def _next_file(channel: socket.socket) -> tuple[BinaryIO, str] | None:
    data, descriptors, _, _ = socket.recv_fds(channel, MOST_ASKED_BYTES, 1)
    return (os.fdopen(descriptors[0], "rb"), data.decode()) if data else None


def _send(channel: socket.socket, answer: bytes) -> None:
    channel.sendall(LENGTH.pack(len(answer)) + answer)
