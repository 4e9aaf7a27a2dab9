"""The daemon's roles, each a real process of its own that may be armed, stopped and killed; their record, without time.

``running_processes`` starts a registry, a worker and a scheduler over one database; what a case starts beside them ends
with it. Nothing waits for a clock: a condition is looked at until it holds, or a generous deadline has passed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import urllib3
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from core.adapters.child_process import die_with_parent
from core.adapters.postgres.roles import Cluster
from core.bootstrap import Services, build_services
from core.crash_points import CRASH_STATUS
from core.domain.ad import AdRecord
from core.domain.principal import LOCAL_PRINCIPAL
from core.messages import DEAD_LETTER_SUFFIX
from core.pipeline.imports import Importer
from core.settings import PROJECT, Settings
from tests.daemon.support import daemon_settings
from tests.faults.daemon_process import EXECUTIONS
from tests.running_system import MACHINERY

PATIENCE_SECONDS = 120.0
_POLL_SECONDS = 0.05
_KEPT = frozenset({"alembic_version", "organisation", "registry_epoch", "heartbeat"})  # of the processes that go on
SHORT_TIMES: dict[str, Any] = {
    "lease_seconds": 3,
    "sweep_seconds": 0.3,
    "queue_visibility_seconds": 3,
    "log_json": True,
    "database_pool_size": 5,
    "worker_threads": 10,
}
REGISTRY, WORKER, SCHEDULER = "api,registry", "worker", "scheduler"

DEADLY = "deadly.png"

_BURY_IT = f"""
    CREATE FUNCTION bury_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.receive_count := 1;
        NEW.source_queue := regexp_replace(NEW.queue, '{DEAD_LETTER_SUFFIX}$', '');  -- a parked dead letter stays one
        NEW.queue := NEW.source_queue || '{DEAD_LETTER_SUFFIX}';
        RETURN NEW;
    END $$;
    CREATE TRIGGER bury_it BEFORE INSERT ON queue_message FOR EACH ROW
        WHEN (NEW.body LIKE '%{DEADLY}%') EXECUTE FUNCTION bury_it();
"""

Rows = dict[str, list[str]]


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


class Processes:
    """Every role in a process of its own, over one database and one home folder."""

    def __init__(self, cluster: Cluster, home: Path, **changes: Any) -> None:
        self.settings = daemon_settings(home, cluster, **{**SHORT_TIMES, **changes})
        self.services: Services = build_services(self.settings)
        self._owner = create_engine(cluster.owner)
        self._logs = home / "logs"
        self._logs.mkdir()
        self._number = count(1)
        self._started: list[RoleProcess] = []
        self._web = urllib3.PoolManager(retries=False, timeout=5)
        self.registry, self.worker, self.scheduler = (self.start(roles) for roles in (REGISTRY, WORKER, SCHEDULER))
        for process in (self.registry, self.worker, self.scheduler):
            self.wait_until_ready(process)

    # --- processes

    def start(self, roles: str, *, crash_at: str = "", **changes: Any) -> RoleProcess:
        """A new process. Where it serves HTTP it takes the place of the registry that was there."""
        if roles == REGISTRY and self._started:
            self.registry.kill()
        log = self._logs / f"{next(self._number):03}-{roles}.log"
        process = RoleProcess(roles, self.settings.model_copy(update=changes), log, crash_at=crash_at)
        self._started.append(process)
        if roles == REGISTRY:
            self.registry = process
        return process

    def replace_the_dead_worker(self) -> None:
        """As a supervisor does."""
        if not self.worker.is_running:
            self.worker = self.start(WORKER)

    def wait_until_ready(self, process: RoleProcess) -> None:
        """Until it serves, or works."""

        def is_ready() -> bool:
            assert process.is_running or process.crash_at, process.said[-3000:]
            return self._serves() if process.roles == REGISTRY else self._beats(process)

        wait_until(is_ready, f"{process.roles} is ready")

    def _serves(self) -> bool:
        with suppress(urllib3.exceptions.HTTPError):
            return self._web.request("GET", f"{self.settings.api_url}/readyz").status == 200
        return False

    def _beats(self, process: RoleProcess) -> bool:
        ending = f"%:{process.process_id}"
        return bool(self.rows("SELECT 1 FROM heartbeat WHERE process_id LIKE :ending", ending=ending))

    def stop(self) -> None:
        """End everything at once; nothing has to be finished."""
        for process in self._started:
            process.kill()
        self._web.clear()
        self._owner.dispose()
        self.services.database.dispose()

    def end_what_was_started(self) -> None:
        """What a case started beside the three, so that the next one begins with them."""
        staying = (self.registry, self.worker, self.scheduler)
        for process in self._started:
            if process not in staying:
                process.kill()
        self._started = list(staying)

    # --- asking

    def ask(self, records: Sequence[AdRecord]) -> str:
        """Queue an import; the request id."""
        importer = Importer(self.services.database, self.services.objects, self.settings.media_max_bytes)
        return importer.import_records(LOCAL_PRINCIPAL, records, [], scope="shared")

    def upload(self, image: bytes, name: str = "picture.png") -> str:
        """Put bytes as an import does; their ``upload://`` URL."""
        return f"upload://{self.services.objects.put(BytesIO(image), max_bytes=10_000_000).sha256}/{name}"

    def wait_until_done(self, request_id: str, *, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Until the request has ended and nothing is on its way any more."""

        def is_done() -> bool:
            meanwhile()
            return self.is_over(request_id)

        wait_until(is_done, f"{request_id} is over", but=lambda: f"left are {self.what_is_left}")

    def is_over(self, request_id: str) -> bool:
        """Whether the request has ended and nothing is on its way any more."""
        found = self.rows("SELECT status FROM request WHERE request_id = :id", id=request_id)
        return found[0]["status"] in ("completed", "failed") and not any(self.what_is_left.values())

    @property
    def what_is_left(self) -> dict[str, int]:
        """What stands in the way of calling it over, counted."""
        statement = """
            SELECT (SELECT count(*) FROM queue_message) AS messages, (SELECT count(*) FROM outbox) AS unsent,
                   (SELECT count(*) FROM run WHERE state IN ('open', 'committing')) AS active,
                   (SELECT count(*) FROM run WHERE ai_state IN ('pending', 'running')) AS unread
        """
        return self.rows(statement)[0]

    def undisturbed(self, records: Sequence[AdRecord]) -> tuple[Rows, Rows]:
        """Record and account of an import during which nobody dies; nothing is left of it."""
        self.empty()
        self.wait_until_done(self.ask(records))
        found = self.record(), self.account()
        self.empty()
        return found

    # --- reading and moving

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """What a worker of the shared scope sees."""
        with self.services.database.worker("shared") as connection:
            return [dict(row._mapping) for row in connection.execute(text(statement), values)]

    def execute(self, statement: str, **values: Any) -> int:
        with self.services.database.machinery() as connection:
            return connection.execute(text(statement), values).rowcount

    def executions(self) -> list[str]:
        """The address of every upload that a worker has opened, once per time."""
        return self._executions.read_text().split()

    def forget_executions(self) -> None:
        self._executions.unlink()

    @property
    def _executions(self) -> Path:
        return self.settings.home / EXECUTIONS

    def bury_what_is_deadly(self) -> None:
        """From now on a message of a file named DEADLY is as if five workers had died of it, and one it had alone."""
        with self._owner.begin() as connection:
            connection.execute(text(_BURY_IT))

    @cached_property
    def _tables(self) -> dict[str, list[str]]:
        """table → the columns that are neither times nor names drawn by lot."""
        columns = self.rows(
            """SELECT table_name, array_agg(column_name::text) AS names FROM information_schema.columns
               WHERE table_schema = 'public' AND data_type <> 'timestamp with time zone' AND column_name <> 'batch_id'
               GROUP BY table_name"""
        )
        return {row["table_name"]: row["names"] for row in columns if row["table_name"] not in MACHINERY}

    def record(self) -> Rows:
        """Every row of the record."""
        return self._texts(
            {
                table: f"SELECT to_jsonb(t)::text FROM (SELECT {', '.join(names)} FROM {table}) t"
                for table, names in self._tables.items()
            }
        )

    def account(self) -> Rows:
        """What is told about it: requests with their ledgers, runs, the results of their items, dead letters."""
        return self._texts(
            {
                "request": "SELECT jsonb_build_array(status, result, error)::text FROM request",
                "run": "SELECT jsonb_build_array(brand_slug, state, partial, ai_state, ledger, error)::text FROM run",
                "run_item": "SELECT jsonb_build_array(url, state, status, reason, result)::text FROM run_item",
                "dead_letter": "SELECT jsonb_build_array(queue, item_id)::text FROM dead_letter",
            }
        )

    def _texts(self, statements: dict[str, str]) -> Rows:
        with self.services.database.worker("shared") as connection:
            return {name: sorted(connection.execute(text(each)).scalars()) for name, each in statements.items()}

    def empty(self) -> None:
        """Forget every row but those of the processes that go on; nothing may be on its way."""
        with self._owner.begin() as connection:
            names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
            tables = ", ".join(f'"{name}"' for name in names if name not in _KEPT)
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))


@contextmanager
def running_processes(cluster: Cluster, home: Path, **changes: Any) -> Iterator[Processes]:
    """The three roles, ready."""
    processes = Processes(cluster, home, **changes)
    try:
        yield processes
    finally:
        processes.stop()


def _inherited() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("ADOLOGY_")}


def _variables(settings: Settings) -> dict[str, str]:
    """The settings that were given, as the environment of a process."""
    return {f"ADOLOGY_{name.upper()}": _told(getattr(settings, name)) for name in settings.model_fields_set}


def _told(value: Any) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value)
