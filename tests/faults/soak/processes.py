"""The daemon's processes: started, killed, frozen, and started again when they end, as a supervisor would."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from core.adapters.child_process import die_with_parent
from tests.faults.soak.history import History

PROJECT = Path(__file__).parents[3]
_MODULE = "tests.faults.soak.daemon_process"


@dataclass
class DaemonProcess:
    """One process with its roles and whatever it starts. Its own history is its log, JSON lines over all its lives."""

    name: str
    roles: str
    environment: Mapping[str, str]
    log: Path
    history: History
    lives: int = 0
    is_frozen: bool = False
    is_down: bool = False  # killed on purpose, not started again yet
    ever: set[psutil.Process] = field(default_factory=set)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin another life. Called by the thread that ends last: the kernel kills the process with it."""
        self.lives += 1
        self.is_down = self.is_frozen = False
        with self.log.open("ab") as log:
            self._process = self._spawn(log)
        self.history.add("started", process=self.name, pid=self._process.pid, life=self.lives)

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", _MODULE, "--roles", self.roles],
            cwd=PROJECT, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509 - one system call, no Python locks
        )  # fmt: skip

    @property
    def tree(self) -> list[psutil.Process]:
        """The process and what it has started, itself first; empty when it is gone."""
        if self._process is None or self._process.poll() is not None:
            return []
        try:
            main = psutil.Process(self._process.pid)
            found = [main, *main.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []
        self.ever.update(found)
        return found

    @property
    def pids(self) -> list[int]:
        return [process.pid for process in self.tree]

    def has_died(self) -> bool:
        """It ended by itself; told once, then it is down."""
        if self.is_down or self._process is None or self._process.poll() is None:
            return False
        self.is_down = True
        self.history.add("died", process=self.name, status=self._process.returncode)
        return True

    def kill(self, victims: Sequence[psutil.Process]) -> None:
        """kill -9. If the main process is among them it is down until it is started."""
        main = self._process.pid if self._process else None
        for victim in victims:
            with suppress(psutil.NoSuchProcess):
                victim.kill()
        if self._process is not None and main in {victim.pid for victim in victims}:
            self._process.wait()
            self.is_down = True

    def victims(self, chance: random.Random) -> list[psutil.Process]:
        """All of it, as when its machine is lost, or one process of it, as the kernel picks when memory is short."""
        tree = self.tree
        return tree if not tree or chance.random() < 0.5 else [chance.choice(tree)]

    def freeze(self) -> None:
        """SIGSTOP to all of it."""
        self.is_frozen = True
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.is_frozen = False
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        for process in self.tree:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def stop(self, seconds: float) -> None:
        """As a person would; kill -9 if it doesn't end in time."""
        if self._process is None or self._process.poll() is not None:
            return
        tree = self.tree
        self._process.terminate()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill(tree)

    def left_behind(self) -> list[int]:
        """Processes of any of its lives that still run; they have a moment to go."""
        _, alive = psutil.wait_procs([process for process in self.ever if process.is_running()], timeout=5)
        return [process.pid for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def environment(**settings: str) -> dict[str, str]:
    """Of a daemon: this one's without its settings, and these."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ADOLOGY_")}
    return {**inherited, **{f"ADOLOGY_{name.upper()}": value for name, value in settings.items()}}
