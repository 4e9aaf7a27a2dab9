"""An ``adology up`` as a process of its own, as a person starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import psutil

from daemon.supervisor import MARK

ADOLOGY = (sys.executable, str(Path(__file__).parents[1] / "adology"))
START_SECONDS = 120


class RunningUp:
    """An ``adology up`` that runs, and what it has said."""

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        settings = {"ADOLOGY_HOME": str(home), "ADOLOGY_API_PORT": "0", "ADOLOGY_WORKBENCH_PORT": "0"}
        settings |= {"ADOLOGY_SAMPLE_MARKET": "false", **environment}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("ADOLOGY_")}
        self.environment = {**inherited, **settings}
        self.process = subprocess.Popen(
            [*ADOLOGY, "up"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""

    def wait_until_up(self) -> None:
        guard = threading.Timer(START_SECONDS, self.process.kill)
        guard.start()
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said += line
            if "Ctrl-C stops everything" in line:
                break
        guard.cancel()
        assert "Ctrl-C stops everything" in self.said, self.said

    def address(self, name: str) -> str:
        found = re.search(rf"{name} +(http://\S+)", self.said)
        assert found, self.said
        return found[1]

    def sign_in_link(self) -> str:
        """A fresh one: each signs in once."""
        return link_in(self.command("login"))

    def command(self, *arguments: str, seconds: float = START_SECONDS) -> str:
        """What another ``adology`` command on the same home says; it must succeed."""
        command = [*ADOLOGY, *arguments]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def end(self, how: signal.Signals) -> int:
        self.process.send_signal(how)
        rest, _ = self.process.communicate(timeout=60)
        self.said += rest
        return self.process.returncode

    def processes(self) -> list[psutil.Process]:
        """Everything it started, wherever it hangs now."""
        return [process for process in psutil.process_iter() if belongs_to(process, self.home)]


def link_in(said: str) -> str:
    """The link that signs in, of what ``up`` or ``login`` has said."""
    found = re.search(r"http://\S+/sign-in\?token=\S+", said)
    assert found, said
    return found[0]


def belongs_to(process: psutil.Process, home: Path) -> bool:
    with suppress(psutil.Error):
        is_server = process.name() == "postgres" and process.cwd() == str(home / "postgres/data")
        is_child = process.environ().get(MARK) == str(home)
        return (is_server or is_child) and process.status() != psutil.STATUS_ZOMBIE
    return False
