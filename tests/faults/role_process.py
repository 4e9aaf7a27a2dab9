"""One process of the daemon's that may be armed, stopped and killed.

Nothing waits for a clock: a condition is looked at until it holds, or a generous deadline has passed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from pydantic import SecretStr

from core.adapters.child_process import die_with_parent
from core.crash_points import CRASH_STATUS
from core.settings import PROJECT, Settings

REGISTRY, WORKER, SCHEDULER = "api,registry", "worker", "scheduler"
PATIENCE_SECONDS = 120.0
_POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], bool], what: str, *, but: Callable[[], str] = str) -> None:
    """Returns when the condition holds. Raises AssertionError that says ``what`` never came, ``but`` what was there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {PATIENCE_SECONDS:.0f} s: {what}\n{but()}"
        time.sleep(_POLL_SECONDS)


class RoleProcess:
    """One process with some of the roles; it ends with the tests' process."""

    def __init__(self, roles: str, settings: Settings, log: Path, *, crash_at: str = "") -> None:
        self.roles = roles
        self.crash_at = crash_at
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.daemon_process", "--roles", roles],
                cwd=PROJECT,
                env={**_inherited(), **_variables(settings), "ADOLOGY_CRASH_AT": crash_at},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one system call, no Python locks
            )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def has_crashed(self) -> bool:
        """Whether it died at its crash point; of a server, whether gunicorn had to start another in its place."""
        if self.roles == REGISTRY:
            return f"exited with code {CRASH_STATUS}" in self.said
        return self._process.poll() == CRASH_STATUS

    @property
    def stands_still(self) -> bool:
        return psutil.Process(self._process.pid).status() == psutil.STATUS_STOPPED

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def send(self, how: signal.Signals) -> None:
        """To it and to what gunicorn started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)

    def kill(self) -> None:
        """As the kernel does."""
        self.send(signal.SIGKILL)
        self._process.wait()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        return self._process.wait(seconds)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """It does nothing meanwhile: what happens is another's work."""
        self.send(signal.SIGSTOP)
        try:
            yield
        finally:
            self.send(signal.SIGCONT)


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ADOLOGY_")}


def _variables(settings: Settings) -> dict[str, str]:
    """The settings that were given, as the environment of a process."""
    return {f"ADOLOGY_{name.upper()}": _told(getattr(settings, name)) for name in settings.model_fields_set}


def _told(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value)
