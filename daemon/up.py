"""``adology up``: the whole system on this machine, started in order, watched, and stopped without a trace."""

from __future__ import annotations

import errno
import fcntl
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console

from core.adapters.file_secrets import FileSecretStore
from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.roles import prepare_cluster
from core.bootstrap import DATABASE_NAME, admin_url
from core.errors import BadInputError, ConflictError
from core.migrations import migrate
from core.settings import Settings
from daemon.supervisor import MARK, ChildSpec, Supervisor, stop_leftovers

PROJECT: Final = Path(__file__).resolve().parents[1]
LOOPBACK: Final = "127.0.0.1"
NEEDED_BYTES: Final = 500_000_000
READY_SECONDS: Final = 180.0
STOP_SECONDS: Final = 25.0  # the daemon gives its work back within 20
_TEND_SECONDS: Final = 0.2

OnReady = Callable[[Settings], str]


def up(settings: Settings, console: Console, on_ready: OnReady) -> None:
    """Run until Ctrl-C, SIGTERM or SIGHUP. ``on_ready`` is called once, when everything answers: what it returns is
    printed as the address to sign in at.

    Raises ConflictError (port taken, running already), BadInputError (unusable home), UnavailableError (a part
    doesn't start) or TerminalError (a part ends again and again); nothing is left running then.
    """
    settings = settings.model_copy(update={"home": settings.home.expanduser().resolve()})
    stopping = _Stopping()
    with stopping.on_signals():
        try:
            with ExitStack() as stack, stopping.before_cleaning_up():
                check_home(settings.home)
                stack.enter_context(only_one(settings))
                if stop_leftovers(settings.home):
                    console.print("  stopped what a killed `up` had left running")
                _run(with_free_ports(settings), console, on_ready, stack, stopping)
        except KeyboardInterrupt:
            console.print("Stopped.")


def _run(settings: Settings, console: Console, on_ready: OnReady, stack: ExitStack, stopping: _Stopping) -> None:
    postgres = None if settings.database_url else EmbeddedPostgres(settings.home)
    if postgres is not None:
        stack.callback(postgres.stop)
        with _step(console, "PostgreSQL"):
            postgres.start()
    with _step(console, "schema"):
        prepare_database(settings)
    supervisor = Supervisor(children(settings))
    stack.callback(supervisor.stop, STOP_SECONDS, lambda: stopping.is_hurried)
    stack.callback(console.print, "Stopping (Ctrl-C again to hurry) …")
    began = time.monotonic()
    with console.status("daemon and workbench …"):
        supervisor.start()
        supervisor.wait_until_ready(READY_SECONDS, lambda name: _done(console, name, began))
    stack.enter_context(_known_address(settings))
    _show_addresses(settings, console, on_ready(settings))
    while True:
        time.sleep(_TEND_SECONDS)
        if postgres is not None and not postgres.is_running:
            console.print("PostgreSQL ended; starting it again")
            postgres.start()
        supervisor.tend()


def prepare_database(settings: Settings) -> None:
    """Create the roles and the database where missing, then bring the schema up to date."""
    secrets = FileSecretStore(settings.home)
    migrate(prepare_cluster(admin_url(settings), DATABASE_NAME, secrets).owner)


@contextmanager
def available_database(settings: Settings) -> Iterator[bool]:
    """For a command: the configured server, the one ``up`` runs now, or one of our own for the time being.

    Yields whether it is our own, so that nobody else works on it.
    """
    with ExitStack() as stack:
        is_own = False
        if settings.database_url is None:
            try:
                stack.enter_context(EmbeddedPostgres(settings.home))
            except ConflictError:
                pass  # it runs already
            else:
                prepare_database(settings)
                is_own = True
        yield is_own


@contextmanager
def _known_address(settings: Settings) -> Iterator[None]:
    """Other commands learn where the workbench is: its port may be one that was free."""
    file = _address_file(settings)
    file.write_text(settings.workbench_address, encoding="utf-8")
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def running_workbench(settings: Settings) -> str | None:
    """The address of the workbench that ``up`` runs now; None where none runs."""
    file = _address_file(settings)
    return file.read_text(encoding="utf-8") if file.exists() else None


def _address_file(settings: Settings) -> Path:
    return settings.home / "run" / "workbench_url"


def children(settings: Settings) -> list[ChildSpec]:
    """The processes of the system, beside PostgreSQL."""
    environment = {
        MARK: str(settings.home),
        "ADOLOGY_HOME": str(settings.home),
        "ADOLOGY_API_PORT": str(settings.api_port),
        "ADOLOGY_WORKBENCH_PORT": str(settings.workbench_port),
    }
    daemon = (sys.executable, "-m", "daemon", "--roles", "all")
    streamlit = (sys.executable, "-m", "streamlit", "run", "app")
    workbench = (*streamlit, "--server.address", LOOPBACK, "--server.port", str(settings.workbench_port))
    api, shown = settings.own_url, f"http://{LOOPBACK}:{settings.workbench_port}"
    logs = settings.home / "logs"
    return [
        ChildSpec("daemon", daemon, PROJECT, environment, f"{api}/readyz", logs / "daemon.log"),
        ChildSpec("workbench", workbench, PROJECT, environment, f"{shown}/_stcore/health", logs / "workbench.log"),
    ]


def check_home(home: Path) -> None:
    """Raises BadInputError unless the folder can be written and has room."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        raise BadInputError(f"can't write to {home} ({error.strerror}): set ADOLOGY_HOME to another folder") from error
    free = shutil.disk_usage(home).free
    if free < NEEDED_BYTES:
        raise BadInputError(
            f"only {free // 1_000_000} MB are free for {home} and {NEEDED_BYTES // 1_000_000} are needed: "
            "make room, or set ADOLOGY_HOME to another disk"
        )


@contextmanager
def only_one(settings: Settings) -> Iterator[None]:
    """Hold the home folder. Raises ConflictError when another ``up`` does."""
    folder = settings.home / "run"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "up.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConflictError(f"Adology runs already on {settings.home}: stop it, or set ADOLOGY_HOME") from None
        yield


def with_free_ports(settings: Settings) -> Settings:
    """The settings with every port 0 replaced by a free one. Raises ConflictError for a port that is taken."""
    ports = {
        "api_port": _free_port(settings.api_host, settings.api_port, "ADOLOGY_API_PORT"),
        "workbench_port": _free_port(LOOPBACK, settings.workbench_port, "ADOLOGY_WORKBENCH_PORT"),
    }
    if ports["api_port"] == ports["workbench_port"]:
        raise ConflictError(f"ADOLOGY_API_PORT and ADOLOGY_WORKBENCH_PORT are both {ports['api_port']}: change one")
    return settings.model_copy(update=ports)


def _free_port(host: str, port: int, variable: str) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            reason = "is taken by another program" if error.errno == errno.EADDRINUSE else f"can't be used ({error})"
            raise ConflictError(f"port {port} {reason}: stop that, or set {variable} to a free one") from None
        return int(probe.getsockname()[1])


class _Stopping:
    """What a signal means: the first ends the run, any further one ends the waiting for its end."""

    def __init__(self) -> None:
        self._has_begun = False
        self.is_hurried = False

    @contextmanager
    def before_cleaning_up(self) -> Iterator[None]:
        """However the body ends, from then on a signal no longer interrupts: it hurries."""
        try:
            yield
        finally:
            self._has_begun = True

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Handle SIGINT, SIGTERM and SIGHUP inside."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(number, self._handle) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._has_begun:
            self.is_hurried = True
        else:
            self._has_begun = True
            raise KeyboardInterrupt


@contextmanager
def _step(console: Console, name: str) -> Iterator[None]:
    began = time.monotonic()
    with console.status(f"{name} …"):
        yield
    _done(console, name, began)


def _done(console: Console, name: str, began: float) -> None:
    console.print(f"  {name:<12} ready after {time.monotonic() - began:.1f} s", highlight=False)


def _show_addresses(settings: Settings, console: Console, sign_in: str) -> None:
    lines = (
        "Adology is up.",
        f"  workbench  {settings.workbench_address}",
        f"  sign in    {sign_in}",
        "             (works once, within 24 hours; `./adology login` makes another)",
        f"  API        {settings.api_url}",
        f"  logs       {settings.home / 'logs'}",
        "Ctrl-C stops everything.",
    )
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
