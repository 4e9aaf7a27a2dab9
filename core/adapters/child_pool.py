"""Looks at files in processes that may die of them: a crash, a bomb or an endless loop costs one file, not the worker.

Each child (``core.adapters.limited_child``) gets open files over a Unix socket, one at a time, and answers for them.
It has no secret in its environment and limits on memory, time and files.
"""

from __future__ import annotations

import io
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Generic, TypeVar, cast

from core.adapters.child_process import end_process
from core.adapters.limited_child import LENGTH, READY, Limits
from core.domain.media import MediaStatus
from core.errors import MediaProblemError, UnavailableError
from core.observability.logs import get_logger

_log = get_logger(__name__)
A = TypeVar("A")
_PROJECT = Path(__file__).resolve().parents[2]
# Nothing of ours: a child needs no secret. (What takes one over still runs as the worker's user: it is no sandbox
# against reading that user's files.) numpy would start a thread a core.
_ENVIRONMENT = {"LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}

_READY_SECONDS = 60.0
_GRACE_SECONDS = 5.0  # the child's own alarm comes first
_OUTLASTED = {signal.SIGALRM, signal.SIGXCPU}
_FROM_OUTSIDE = {signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}  # a child doesn't do that to itself


@dataclass(frozen=True, slots=True)
class Work(Generic[A]):
    """What the children of a pool do, and the words that errors say it with.

    ``unpack`` turns a child's answer into a value. It raises MediaProblemError for what the child says of the file, and
    ValueError for what no sound child says.
    """

    unpack: Callable[[bytes], A]
    actor: str  # "decoder"
    doing: str  # "decoding"
    done: str  # "decoded"
    longest_answer_bytes: int
    files_per_child: int


class ChildPool(Generic[A]):
    """Up to ``children`` processes of one kind, started when needed and kept. Safe for any number of threads."""

    def __init__(self, work: Work[A], limits: Limits, command: Sequence[str], *, children: int) -> None:
        self._work = work
        self._limits = limits
        self._command = command
        self._places = threading.BoundedSemaphore(children)
        self._lock = threading.Lock()
        self._idle: list[_Child[A]] = []
        self._is_closed = False

    def ask(self, stream: BinaryIO, asked: str = "-") -> A:
        """Have a child look at a seekable stream from its start. ``asked`` is for the child, up to a thousand bytes.

        Raises MediaProblemError for what is the file's fault and UnavailableError where no child can be had.
        """
        try:
            with self._places, _as_file(stream) as file:
                return self._ask_twice_if_killed(file, asked)
        except OSError as error:  # no memory, no descriptor, no disk for a copy
            reason = f"no image can be {self._work.done} now: {error}"
            raise UnavailableError(reason, retry_after_seconds=5) from error

    def rest(self) -> None:
        """End the idle children; the next file starts another."""
        with self._lock:
            idle, self._idle = self._idle, []
        for child in idle:
            child.end()

    def close(self) -> None:
        """End the children; one at work ends with its file. Afterwards nothing is looked at."""
        with self._lock:
            self._is_closed = True
        self.rest()

    def _ask_twice_if_killed(self, file: BinaryIO, asked: str) -> A:
        try:
            return self._ask_once(file, asked)
        except _KilledError:  # by the kernel for want of memory, or by a person: perhaps it was not this file
            pass
        try:
            return self._ask_once(file, asked)
        except _KilledError as killed:
            reason = f"its {self._work.actor} was killed twice ({killed})"
            raise MediaProblemError(MediaStatus.UNREADABLE, reason) from None

    def _ask_once(self, file: BinaryIO, asked: str) -> A:
        child = self._take()
        try:
            return child.ask(file, asked)
        finally:
            self._give_back(child)

    def _take(self) -> _Child[A]:
        while True:
            with self._lock:
                if self._is_closed:
                    raise UnavailableError(
                        f"image {self._work.doing} has stopped; the next start of the worker goes on"
                    )
                child = self._idle.pop() if self._idle else None
            if child is None:
                return _Child(self._work, self._command, self._limits)
            if child.is_alive:
                return child
            child.end()

    def _give_back(self, child: _Child[A]) -> None:
        with self._lock:
            is_kept = child.is_usable and not self._is_closed
            if is_kept:
                self._idle.append(child)
        if not is_kept:
            child.end()


class _KilledError(Exception):
    """A child was ended from outside; says by which signal."""


class _Child(Generic[A]):
    """One process. It ends when our end of its socket is closed, even by a kill of this process.

    No parent-death signal: that comes when the thread that started the child ends. Its limits are its own work:
    code of ours between fork and exec isn't safe beside other threads.
    """

    def __init__(self, work: Work[A], command: Sequence[str], limits: Limits) -> None:
        self._work = work
        self._seconds = limits.seconds
        self._files_left = work.files_per_child
        self._is_sound = False
        whole_command = [*command, limits.as_argument()]
        self._process, self._channel = _start(whole_command)
        with suppress(EOFError, TimeoutError, ConnectionError, ValueError):
            self._is_sound = self._receive(_READY_SECONDS) == READY
        if not self._is_sound:
            self.end()
            reason = f"the image {work.actor} doesn't start; see why: {shlex.join(whole_command)}"
            raise UnavailableError(reason, retry_after_seconds=5)

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def is_usable(self) -> bool:
        return self._is_sound and self._files_left > 0

    def ask(self, file: BinaryIO, asked: str) -> A:
        """Raises MediaProblemError or _KilledError."""
        self._is_sound = False
        self._files_left -= 1
        try:
            socket.send_fds(self._channel, [asked.encode()], [file.fileno()])
            answer = self._work.unpack(self._receive(self._seconds + _GRACE_SECONDS))
        except TimeoutError:
            raise self._took_too_long() from None
        except (EOFError, ConnectionError):
            raise self._cause_of_death() from None
        except ValueError as error:
            reason = f"its {self._work.actor} gave no sound answer"
            raise MediaProblemError(MediaStatus.UNREADABLE, reason) from error
        except MediaProblemError:
            self._is_sound = True
            raise
        self._is_sound = True
        return answer

    def end(self) -> None:
        """It holds nothing: no need to ask."""
        self._channel.close()
        end_process(self._process, ())

    def _receive(self, seconds: float) -> bytes:
        """One answer. Raises TimeoutError, EOFError or ConnectionError, and ValueError for an endless one."""
        deadline = time.monotonic() + seconds
        (length,) = LENGTH.unpack(self._receive_exactly(LENGTH.size, deadline))
        if length > self._work.longest_answer_bytes:
            raise ValueError(f"an answer of {length:,} bytes")
        return self._receive_exactly(length, deadline)

    def _receive_exactly(self, size: int, deadline: float) -> bytes:
        received = bytearray()
        while len(received) < size:
            self._channel.settimeout(max(deadline - time.monotonic(), 0.001))
            chunk = self._channel.recv(size - len(received))
            if not chunk:
                raise EOFError
            received += chunk
        return bytes(received)

    def _took_too_long(self) -> MediaProblemError:
        return MediaProblemError(MediaStatus.UNREADABLE, f"{self._work.doing} it took longer than {self._seconds:g} s")

    def _cause_of_death(self) -> MediaProblemError | _KilledError:
        try:
            code = self._process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            return MediaProblemError(MediaStatus.UNREADABLE, f"its {self._work.actor} hung up")
        said = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        _log.warning("a process for images ended; the next image gets another", process=self._work.actor, cause=said)
        if -code in _OUTLASTED:
            return self._took_too_long()
        if -code in _FROM_OUTSIDE:
            return _KilledError(said)
        return MediaProblemError(MediaStatus.UNREADABLE, f"its {self._work.actor} crashed ({said})")


def _start(command: Sequence[str]) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """The process and our end of its socket. In a session of its own: Ctrl-C is for the worker."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            process = subprocess.Popen(  # noqa: S603 - our own command
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=_PROJECT,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
    return process, ours


@contextmanager
def _as_file(stream: BinaryIO) -> Iterator[BinaryIO]:
    """The stream if an open file stands right behind it, else a copy: only a file's descriptor can be handed over.

    Not ``fileno()``: a stream that unpacks has one, too, of the packed file.
    """
    stream.seek(0)
    if isinstance(getattr(stream, "raw", None), io.FileIO):
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(stream, copy)
        copy.seek(0)  # flushes
        yield cast(BinaryIO, copy)
