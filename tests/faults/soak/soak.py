"""A soak: the whole system under load and under fire, its healing, and the verdict of the witnesses."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import urllib3

from core.adapters.file_secrets import FileSecretStore
from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.roles import prepare_cluster
from core.bootstrap import DATABASE_NAME, Services, build_services
from core.messages import QUEUES
from core.migrations import migrate
from core.settings import Settings
from tests.daemon.support import Daemon, free_port
from tests.fakes.media_server import media_server
from tests.faults.soak.checker import Verdict, Witnesses, check
from tests.faults.soak.client import SAMPLE_ADS, Client, Workload
from tests.faults.soak.daemon_process import BREAK, LEASE_SECONDS
from tests.faults.soak.history import History, read_history, write_history
from tests.faults.soak.journal import Witness
from tests.faults.soak.media import FlakyMedia
from tests.faults.soak.nemesis import Nemesis
from tests.faults.soak.processes import DaemonProcess, environment
from tests.faults.soak.queues import FaultySqs, faulty_sqs

SUPERUSER = "postgres"
_READY_SECONDS, _STOP_SECONDS = 60.0, 30.0
_POLL_SECONDS = 0.2
_SERVER = {"fsync": "off", "full_page_writes": "off", "max_connections": "400", "shared_buffers": "128MB"}


@dataclass(frozen=True, slots=True)
class Options:
    """``folder`` takes the histories; ``heal_seconds`` is how long the system may need after the last fault."""

    folder: Path
    seconds: float = 60.0
    seed: int = 7
    queue: str = "postgres"
    brands: int = 30
    urls: int = 100
    workers: int = 3
    heal_seconds: float = 120.0
    break_by: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """``undone`` is what was left when the time to heal was over; empty of a system that healed."""

    verdict: Verdict
    faults: dict[str, int]
    requests: int
    heal_seconds: float
    undone: dict[str, int]
    left_behind: list[int]

    @property
    def is_good(self) -> bool:
        """Nothing lost, doubled or invented, nothing stuck, no process left."""
        return self.verdict.is_whole and not self.undone and not self.left_behind

    def figures(self) -> dict[str, Any]:
        """What the result line tells."""
        verdict, faults = self.verdict, self.faults
        return {
            **{name: faults.get(name.removesuffix("s"), 0) for name in ("kills", "stops", "cuts", "storms")},
            "doubles": faults.get("double", 0) + faults.get("trouble", 0),
            "deaths": faults.get("deaths", 0),
            "requests": self.requests,
            "attempts": verdict.attempts,
            "acknowledged": verdict.acknowledged,
            "committed": verdict.committed,
            "lost": len(verdict.lost),
            "duplicated": len(verdict.duplicated),
            "unexpected": len(verdict.unexpected),
            "recovered": verdict.recovered,
            "partial": verdict.partial,
            "stuck": sum(self.undone.values()),
            "amplification": f"{verdict.amplification:.2f}",
            "heal_seconds": f"{self.heal_seconds:.1f}",
        }


@dataclass
class Soak:
    """One soak's parts."""

    options: Options
    services: Services
    witness: Witness
    processes: list[DaemonProcess]
    nemesis: Nemesis
    client: Client

    def run(self) -> Outcome:
        """Ask and strike, then mend, and wait until nothing is left to do."""
        for process in self.processes:
            process.start()
        _wait_until_ready(self.services.settings)
        self.client.start()
        self.nemesis.strike_for(self.options.seconds)
        began = time.monotonic()
        self.client.stop_asking()
        undone = self._heal(began + self.options.heal_seconds)
        seconds = time.monotonic() - began
        with ThreadPoolExecutor(len(self.processes)) as stopping:
            list(stopping.map(lambda process: process.stop(_STOP_SECONDS), self.processes))
        left = [pid for process in self.processes for pid in process.left_behind()]
        verdict = self._judge()
        requests = sum(element[0] == "request" for element in self.witness.record())
        return Outcome(verdict, dict(self.nemesis.counts), requests, seconds, undone, left)

    def _heal(self, deadline: float) -> dict[str, int]:
        while True:
            self.nemesis.tend()
            undone = {name: number for name, number in self._undone().items() if number}
            if not undone or time.monotonic() > deadline:
                return undone
            time.sleep(_POLL_SECONDS)

    def _undone(self) -> dict[str, int]:
        queue = self.services.queue
        depths = {name: queue.depth(name) for name in QUEUES}
        messages = {name: depth.waiting + depth.in_flight + depth.delayed for name, depth in depths.items()}
        return {**self.witness.undone(), **messages, "unaccepted": not self.client.is_done()}

    def _judge(self) -> Verdict:
        folder = self.options.folder
        write_history(folder / "effects.jsonl", ({"element": each} for each in self.witness.effects()))
        write_history(folder / "record.jsonl", ({"element": each} for each in self.witness.record()))
        write_history(folder / "runs.jsonl", self.witness.runs())
        write_history(folder / "failed_items.jsonl", self.witness.failed_items())
        shutil.copy(self.services.settings.home / "postgres" / "server.log", folder / "postgres.log")
        return judge(folder)


def judge(folder: Path) -> Verdict:
    """The verdict on the histories of a soak that is over."""

    def elements(name: str) -> list[tuple[str, ...]]:
        return [tuple(line["element"]) for line in read_history(folder / name)]

    return check(
        Witnesses(
            client=read_history(folder / "client.jsonl"),
            media=read_history(folder / "media.jsonl"),
            effects=elements("effects.jsonl"),
            record=elements("record.jsonl"),
        )
    )


@contextmanager
def prepared_soak(options: Options) -> Iterator[Soak]:
    """PostgreSQL, the queue, the media and everybody who is to run; nothing of it is left afterwards."""
    options.folder.mkdir(parents=True, exist_ok=True)
    for old in (*options.folder.glob("*.jsonl"), *options.folder.glob("*.log")):
        old.unlink()
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="adology-soak-"))).resolve()
        server = stack.enter_context(EmbeddedPostgres(home, settings=_SERVER))
        cluster = prepare_cluster(server.url, DATABASE_NAME, FileSecretStore(home))
        migrate(cluster.owner)
        witness = Witness(cluster.owner.set(username=SUPERUSER, password=None))
        stack.callback(witness.close)
        witness.install()
        sqs = stack.enter_context(faulty_sqs(home, options.seed)) if options.queue == "sqs" else None
        media = FlakyMedia(stack.enter_context(media_server()), History(options.folder / "media.jsonl"), options.seed)
        given = _settings(home, media, sqs)
        processes = _processes(options, given)
        for process in processes:
            stack.callback(lambda process=process: process.kill(process.tree))
        services = build_services(Settings(_env_file=None, **given))
        stack.callback(services.database.dispose)
        clients = [psutil.Process().pid]
        nemesis = Nemesis(options.seed, processes, clients, witness, media, processes[0].history, sqs)
        client = Client(
            workload=Workload(options.brands, options.urls, options.seed, media.url),
            services=services,
            history=History(options.folder / "client.jsonl"),
            count_open=lambda: witness.undone()["requests"],
            most_open=max(options.brands // 3, 2),
        )
        yield Soak(options, services, witness, processes, nemesis, client)


def _settings(home: Path, media: FlakyMedia, sqs: FaultySqs | None) -> dict[str, str]:
    return {
        "home": str(home),
        "api_port": str(free_port()),
        "sample_ads": str(SAMPLE_ADS),
        "fetch_allow_hosts": media.server.host,
        "fetch_timeout_seconds": "3",
        "queue_url": sqs.queue_url if sqs else "",
        "queue_visibility_seconds": str(LEASE_SECONDS),
        "lease_seconds": str(LEASE_SECONDS),
        "sweep_seconds": "1",
        "worker_threads": "10",
        "log_json": "true",
    }


def _processes(options: Options, given: dict[str, str]) -> list[DaemonProcess]:
    history = History(options.folder / "nemesis.jsonl")
    variables = {**environment(**given), BREAK: options.break_by}
    roles = {"registry": "api,registry", "scheduler": "scheduler"}
    roles |= {f"worker-{number}": "worker" for number in range(1, options.workers + 1)}
    return [
        DaemonProcess(name, role, variables, options.folder / f"{name}.log", history) for name, role in roles.items()
    ]


def _wait_until_ready(settings: Settings) -> None:
    daemon, deadline = Daemon(settings), time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        try:
            if daemon.get("/readyz").status == 200:
                return
        except urllib3.exceptions.HTTPError:
            pass
        time.sleep(_POLL_SECONDS)
    raise AssertionError("the daemon isn't ready: see its log")
