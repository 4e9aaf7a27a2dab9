"""R10: simple reads at 100k ads within 20 ms (p95), 5 ms over their bare SQL; from 10k to 1M ads at most 1.5 times."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from statistics import median, quantiles
from typing import IO, Any, cast

from sqlalchemy import create_engine, text

from benchmarks.api.endpoints import ENDPOINTS, Endpoint
from benchmarks.api.market import Market, fill
from benchmarks.api.recorder import recorded
from benchmarks.harness import System, goal, report, running_daemon, server_settings, temporary_system
from core.access.keys import create_key
from core.adapters.child_process import die_with_parent
from core.adapters.file_secrets import FileSecretStore
from core.adapters.postgres.roles import describe_cluster
from core.bootstrap import DATABASE_NAME, admin_url
from core.domain.principal import LOCAL_PRINCIPAL, Permission
from core.errors import AdologyError
from daemon.factory import create_app
from daemon.up import LOOPBACK

GOAL_P95_MS, GOAL_OVER_SQL_MS, GOAL_GROWTH = 20.0, 5.0, 1.5
GOAL_ADS = 100_000
_LARGE = 1_000_000  # from here on every ad is seen once: observations would fill the disk
_FILLING = {"max_wal_size": "8GB", "checkpoint_timeout": "30min"}
_NO_LIMIT = {"ADOLOGY_RATE_LIMIT": "900000000/second"}  # it counts every call as it always does
_BLOCK_SECONDS, _ECHO_SECONDS, _LOAD_SECONDS = 0.25, 0.1, 1.0
_LOAD_CONNECTIONS = 4
_READY_SECONDS = 30.0

Job = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one endpoint, in ms; ``over_sql`` is the median over the pairs of p95 of the call − p95 of its SQL."""

    p50: float
    p95: float
    p99: float
    per_second: float
    sql_p50: float
    sql_p95: float
    echo_p50: float
    over_sql: float
    statements: int
    answer_bytes: int


@dataclass(frozen=True, slots=True)
class Call:
    """An endpoint with what is sent for it and what its answer sends to PostgreSQL."""

    endpoint: Endpoint
    request: str
    statements: Sequence[str]
    answer_bytes: int


def measure(sizes: Sequence[int], *, pairs: int, only: Sequence[str]) -> None:
    """Every endpoint at each size; the tables, then the result lines."""
    endpoints = [endpoint for endpoint in ENDPOINTS if not only or endpoint.name in only]
    found: dict[int, dict[str, Figures]] = {}
    settings: dict[str, str] = {}
    for ads in sizes:
        with temporary_system(_FILLING) as system:
            began = time.monotonic()
            market = Market(ads, observed=1 if ads >= _LARGE else 10)
            fill_system(system, market)
            print(
                f"\n{ads:,} ads, {ads * market.observed:,} observations: {time.monotonic() - began:.0f} s", flush=True
            )
            found[ads] = _measure_size(system, endpoints, pairs)
            settings = server_settings(system)
    _report(found, settings, pairs)


def fill_system(system: System, market: Market) -> None:
    """As the server's administrator: the owner is bound by row-level security."""
    cluster = describe_cluster(admin_url(system.settings), DATABASE_NAME, FileSecretStore(system.settings.home))
    administrator = create_engine(cluster.owner.set(username="postgres"))
    fill(administrator, market)
    administrator.dispose()


# --- one size ------------------------------------------------------------------------------------------


def _measure_size(system: System, endpoints: Sequence[Endpoint], pairs: int) -> dict[str, Figures]:
    calls = prepare(system, endpoints)
    with running_daemon(system, **_NO_LIMIT), _echo(system) as echo, _caller() as ask:
        api = {"kind": "http", "port": system.settings.api_port}
        sql = {"kind": "sql", "server": _server(system), "scope": LOCAL_PRINCIPAL.scope}
        print(_HEADER)
        found = {}
        for call in calls:
            sides = {**api, "request": call.request}, {**sql, "statements": call.statements}
            found[call.endpoint.name] = _figures(ask, call, *sides, echo=echo, pairs=pairs)
            _print_row(call.endpoint.name, found[call.endpoint.name])
        return found


def _server(system: System) -> dict[str, Any]:
    """For psycopg2, as the role of the API."""
    url = system.services.database.reading_engine.url
    return {**url.translate_connect_args(username="user", database="dbname"), **url.query}


def prepare(system: System, endpoints: Sequence[Endpoint]) -> list[Call]:
    """Each call answered once within this process, to see that it answers and what it asks PostgreSQL."""
    services = system.services
    ids = _ids(system)
    key = create_key(
        services.database, LOCAL_PRINCIPAL, name="R10", permissions=list(Permission), now=services.clock.now()
    ).key
    host = f"{LOOPBACK}:{system.settings.api_port}"
    client = create_app(system.settings, services).test_client()
    calls = []
    for endpoint in endpoints:
        path = endpoint.path.format(**ids)
        with recorded(services.database.reading_engine) as statements:
            answer = client.get(path, headers={"Authorization": f"Bearer {key}", "Host": host})
        assert answer.status_code == 200, f"void: {path} answers {answer.status_code}: {answer.text[:300]}"
        request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n"
        calls.append(Call(endpoint, request, statements, len(answer.data)))
    return calls


def _ids(system: System) -> dict[str, str]:
    statement = text(
        "SELECT ad_id AS ad, brand_slug AS brand, cover_sha256 AS file,"
        " (SELECT min(request_id) FROM request) AS request"
        " FROM ad WHERE brand_slug = (SELECT min(slug) FROM brandspace_brand) AND cover_sha256 IS NOT NULL LIMIT 1"
    )
    with system.services.database.reader(LOCAL_PRINCIPAL) as connection:
        return dict(connection.execute(statement).one()._mapping)


def _figures(
    ask: Callable[[Job], tuple[list[float], float]], call: Call, api: Job, sql: Job, *, echo: Job, pairs: int
) -> Figures:
    """Pair by pair in the order A-B-B-A; percentiles over all of them."""
    ours: list[list[float]] = []
    bare: list[list[float]] = []
    echoes: list[float] = []
    one = {"connections": 1, "seconds": _BLOCK_SECONDS}
    for number in range(pairs):
        sides = [(api, ours), (sql, bare)]
        for job, blocks in sides if number % 2 else sides[::-1]:
            blocks.append(ask({**job, **one})[0])
        echoes += ask({**echo, **one, "seconds": _ECHO_SECONDS})[0]
    answered, seconds = ask({**api, "connections": _LOAD_CONNECTIONS, "seconds": _LOAD_SECONDS})
    every, of_sql = list(chain(*ours)), list(chain(*bare))
    return Figures(
        p50=median(every),
        p95=_percentile(every, 95),
        p99=_percentile(every, 99),
        per_second=len(answered) / seconds,
        sql_p50=median(of_sql),
        sql_p95=_percentile(of_sql, 95),
        echo_p50=median(echoes),
        over_sql=median(_percentile(a, 95) - _percentile(b, 95) for a, b in zip(ours, bare, strict=True)),
        statements=len(call.statements),
        answer_bytes=call.answer_bytes,
    )


def _percentile(values: Sequence[float], rank: int) -> float:
    return quantiles(values, n=100, method="inclusive")[rank - 1] if len(values) > 1 else values[0]


# --- the other processes -------------------------------------------------------------------------------


@contextmanager
def _caller() -> Iterator[Callable[[Job], tuple[list[float], float]]]:
    """Asks the process that calls; a wrong answer makes the run void."""
    command = [sys.executable, "-m", "benchmarks.api.caller"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        given, said = cast(IO[str], process.stdin), cast(IO[str], process.stdout)

        def ask(job: Job) -> tuple[list[float], float]:
            given.write(json.dumps(job) + "\n")
            given.flush()
            answer = json.loads(said.readline())
            if "fault" in answer:
                sys.exit(f"void: {job.get('request', job)}: {answer['fault']}")
            return answer["ms"], answer["seconds"]

        try:
            yield ask
        finally:
            given.close()


@contextmanager
def _echo(system: System) -> Iterator[Job]:
    """The bare Flask echo on the port that the workbench would have."""
    port = system.settings.workbench_port
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.api.echo", str(port)],
        stderr=subprocess.DEVNULL,
        preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one system call, no Python locks
    )
    try:
        _wait_for(port)
        yield {"kind": "http", "port": port, "request": f"GET /hello HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\n\r\n"}
    finally:
        process.terminate()
        process.wait(_READY_SECONDS)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return
        time.sleep(0.05)
    raise AdologyError("the echo didn't start")


# --- telling -------------------------------------------------------------------------------------------


_HEADER = (
    f"{'':<20}{'p50':>9}{'p95':>9}{'p99':>9}{'a second':>10}{'SQL p50':>9}{'SQL p95':>9}{'over SQL':>10}"
    f"{'echo p50':>10}{'questions':>11}{'KB':>7}"
)


def _print_row(name: str, f: Figures) -> None:
    print(
        f"{name:<20}{f.p50:>9.2f}{f.p95:>9.2f}{f.p99:>9.2f}{f.per_second:>10.1f}{f.sql_p50:>9.2f}{f.sql_p95:>9.2f}"
        f"{f.over_sql:>10.2f}{f.echo_p50:>10.2f}{f.statements:>11}{f.answer_bytes / 1000:>7.1f}",
        flush=True,
    )


def _report(found: Mapping[int, Mapping[str, Figures]], settings: Mapping[str, str], pairs: int) -> None:
    simple = {endpoint.name for endpoint in ENDPOINTS if endpoint.simple}
    details = {str(ads): {name: asdict(figures) for name, figures in of.items()} for ads, of in found.items()}
    if at_goal := {name: figures for name, figures in found.get(GOAL_ADS, {}).items() if name in simple}:
        slowest = max(at_goal, key=lambda name: at_goal[name].p95)
        dearest = max(at_goal, key=lambda name: at_goal[name].over_sql)
        p95, over = at_goal[slowest].p95, at_goal[dearest].over_sql
        shared = {"pairs": pairs, "reads": len(at_goal), "ads": GOAL_ADS}
        report(
            "R10",
            {"p95_ms": p95, **goal(at_most=GOAL_P95_MS, of=p95), "slowest": _word(slowest), **shared},
            details,
            settings,
        )
        report(
            "R10-over-sql",
            {"ms": over, **goal(at_most=GOAL_OVER_SQL_MS, of=over), "dearest": _word(dearest), **shared},
            details,
            settings,
        )
    if len(found) > 1:
        small, large = found[min(found)], found[max(found)]
        growth = {name: large[name].p50 / small[name].p50 for name in small if name in simple}
        fastest = max(growth, key=lambda name: growth[name])
        figures = {"ratio": growth[fastest], **goal(at_most=GOAL_GROWTH, of=growth[fastest]), "most": _word(fastest)}
        report("R10-growth", {**figures, "from": min(found), "to": max(found)}, {"ratios": growth}, settings)


def _word(name: str) -> str:
    return name.replace(", ", "-").replace(" ", "-")
