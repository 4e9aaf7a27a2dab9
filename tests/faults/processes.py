"""The daemon's roles, each a real process of its own over one database.

``running_processes`` starts a registry, a worker and a scheduler; what a case starts beside them ends with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import urllib3

from core.adapters.postgres.roles import Cluster
from core.bootstrap import Services, build_services
from core.domain.ad import AdRecord
from core.domain.principal import LOCAL_PRINCIPAL
from core.pipeline.imports import Importer
from tests.daemon.support import daemon_settings
from tests.faults.daemon_process import EXECUTIONS
from tests.faults.outcome import Outcome, Storage
from tests.faults.role_process import REGISTRY, SCHEDULER, WORKER, RoleProcess, wait_until

SHORT_TIMES: dict[str, Any] = {
    "lease_seconds": 4,  # longer than a message stays hidden: it comes again while the dead one's lease lives
    "sweep_seconds": 0.3,
    "queue_visibility_seconds": 3,
    "log_json": True,
    "database_pool_size": 5,
    "worker_threads": 10,
}


class Processes:
    """Every role in a process of its own, over one database and one home folder."""

    def __init__(self, cluster: Cluster, home: Path, **changes: Any) -> None:
        self.settings = daemon_settings(home, cluster, **{**SHORT_TIMES, **changes})
        self.services: Services = build_services(self.settings)
        self.storage = Storage(cluster, self.services.database)
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
        return bool(self.storage.rows("SELECT 1 FROM heartbeat WHERE process_id LIKE :ending", ending=ending))

    def stop(self) -> None:
        """End everything at once; nothing has to be finished."""
        for process in self._started:
            process.kill()
        self._web.clear()
        self.storage.close()
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
        found = self.storage.rows("SELECT status FROM request WHERE request_id = :id", id=request_id)
        return found[0]["status"] in ("completed", "failed") and not any(self.what_is_left.values())

    @property
    def what_is_left(self) -> dict[str, int]:
        """What stands in the way of calling it over, counted."""
        statement = """
            SELECT (SELECT count(*) FROM queue_message) AS messages, (SELECT count(*) FROM outbox) AS unsent,
                   (SELECT count(*) FROM run WHERE state IN ('open', 'committing')) AS active,
                   (SELECT count(*) FROM run WHERE ai_state IN ('pending', 'running')) AS unread
        """
        return self.storage.rows(statement)[0]

    def undisturbed(self, records: Sequence[AdRecord]) -> Outcome:
        """The outcome of an import during which nobody dies; nothing is left of it."""
        self.storage.empty()
        self.wait_until_done(self.ask(records))
        outcome = self.storage.outcome()
        self.storage.empty()
        return outcome

    def executions(self) -> list[str]:
        """The address of every upload that a worker has opened, once per time."""
        return self._executions.read_text().split()

    def forget_executions(self) -> None:
        self._executions.unlink()

    @property
    def _executions(self) -> Path:
        return self.settings.home / EXECUTIONS


@contextmanager
def running_processes(cluster: Cluster, home: Path, **changes: Any) -> Iterator[Processes]:
    """The three roles, ready."""
    processes = Processes(cluster, home, **changes)
    try:
        yield processes
    finally:
        processes.stop()
