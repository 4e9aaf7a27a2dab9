"""Child processes that are started, watched, restarted and stopped together; a killed parent leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import psutil

from core.adapters.child_process import die_with_parent
from core.adapters.health_probe import HealthProbe
from core.errors import TerminalError, UnavailableError
from core.observability.logs import get_logger
from core.settings import child_environment

log = get_logger(__name__)

MARK: Final = "ADOLOGY_STARTED_BY"  # in the environment of every child: the home folder of its `up`
RESTARTS_ALLOWED: Final = 5
RESTART_WINDOW_SECONDS: Final = 300.0
STABLE_LOG_BYTES: Final = 10_000_000
_POLL_SECONDS: Final = 0.1
_LAST_LINES: Final = 5
_REASON: Final = "cannot start"  # in the line with which a child gives up by itself; more than five may follow


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """How a child is started, where it says that it is ready, where its output goes."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    health_url: str
    log_file: Path


class Child:
    """One child in a session of its own (a Ctrl-C in the terminal reaches only the supervisor)."""

    def __init__(self, spec: ChildSpec, probe: HealthProbe) -> None:
        self.spec = spec
        self._probe = probe
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0
        self._ends: list[float] = []
        self._restart_at: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_healthy(self) -> bool:
        """Whether its health address answers 200."""
        return self._probe.is_healthy(self.spec.health_url)

    def start(self) -> None:
        """Start the process; its output is appended to the log."""
        with _open_log(self.spec.log_file) as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(  # noqa: S603 - our own commands
                self.spec.command,
                cwd=self.spec.folder,
                env=child_environment(**self.spec.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one system call, no Python locks
            )

    def tend(self, now: float) -> None:
        """Start it again, later each time, after it ended. Raises TerminalError when it ends too often."""
        if self.is_running:
            return
        if self._restart_at is None:
            self.signal(signal.SIGKILL)  # what it left would hold its port
            self._ends = [*(end for end in self._ends if now - end < RESTART_WINDOW_SECONDS), now]
            if len(self._ends) > RESTARTS_ALLOWED:
                raise TerminalError(f"{self.spec.name} ended {len(self._ends)} times in 5 minutes. {self.last_words()}")
            self._restart_at = now + 0.5 * 2 ** (len(self._ends) - 1)
            log.warning("process ended", process=self.spec.name, seconds_to_restart=self._restart_at - now)
        elif now >= self._restart_at:
            self._restart_at = None
            self.start()

    def last_words(self) -> str:
        """Why it ended, if it could say so, else the end of what it wrote; and where the rest is."""
        with self.spec.log_file.open("rb") as output:
            output.seek(self._log_start)
            lines = output.read().decode("utf-8", "replace").strip().splitlines()
        reasons = [line for line in lines if _REASON in line]
        return "\n".join([f"The end of {self.spec.log_file}:", *(reasons[-1:] or lines[-_LAST_LINES:])])

    def signal(self, how: signal.Signals) -> None:
        """Send a signal to the process and everything it started."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, how)

    def kill(self) -> None:
        """End the process at once, with everything it started and left."""
        self.signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()


class Supervisor:
    """Several children as one."""

    def __init__(self, specs: Sequence[ChildSpec]) -> None:
        probe = HealthProbe()
        self._children = [Child(spec, probe) for spec in specs]

    def start(self) -> None:
        """Start every child at once."""
        for child in self._children:
            child.start()

    def wait_until_ready(self, seconds: float, on_ready: Callable[[str], None]) -> None:
        """Until each is healthy; tells of each by name. Raises UnavailableError if one ends or is too slow."""
        deadline = time.monotonic() + seconds
        waiting = list(self._children)
        while waiting:
            for child in list(waiting):
                if child.is_healthy:
                    waiting.remove(child)
                    on_ready(child.spec.name)
                elif not child.is_running:
                    raise UnavailableError(f"{child.spec.name} didn't start. {child.last_words()}")
                elif time.monotonic() > deadline:
                    raise UnavailableError(f"{child.spec.name} isn't ready after {seconds:.0f} s. {child.last_words()}")
            time.sleep(_POLL_SECONDS)

    def tend(self) -> None:
        """Restart what ended. Raises TerminalError when a child ends again and again."""
        for child in self._children:
            child.tend(time.monotonic())

    def stop(self, seconds: float, is_hurried: Callable[[], bool]) -> None:
        """Ask every child to end; kill those still there after ``seconds``, or at once when hurried."""
        for child in self._children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while any(child.is_running for child in self._children):
            if is_hurried() or time.monotonic() > deadline:
                break
            time.sleep(_POLL_SECONDS)
        for child in self._children:
            child.kill()


def stop_leftovers(home: Path, seconds: float = 25.0) -> int:
    """End the children of an ``up`` that was killed; returns how many there were. The caller holds the home's lock."""
    leftovers = [process for process in psutil.process_iter() if _is_marked(process, home)]
    for process in leftovers:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(leftovers, timeout=seconds)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return len(leftovers)


def _is_marked(process: psutil.Process, home: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(home) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False  # somebody else's


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > STABLE_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")
