"""What every test gets: a real PostgreSQL, the real data where present, no network, no process left behind.

``database`` is a migrated database without data; ``cluster`` are its URLs for tests that start processes. One server
runs per pytest process, so ``pytest -n`` is safe.
"""

from __future__ import annotations

import ipaddress
import os
import sys
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from core.adapters.file_secrets import FileSecretStore
from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster, describe_cluster, prepare_cluster
from core.migrations import migrate
from core.ports import SecretStore
from tests.reused_database import ReusedDatabase

if TYPE_CHECKING:
    from tests.fakes.mongo_server import MongoServer
    from tests.fakes.seaweed import Seaweed

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
MUST_RUN_IN_CI = {"real_data", "browser"}
NO_REASON = {"", "unconditional skip"}
_TEMPLATE = "template_adology"


# --- PostgreSQL ---------------------------------------------------------------------------------------


@pytest.fixture
def home() -> Iterator[Path]:
    """A home folder for the embedded server.

    Not under ``tmp_path``: each start of pytest closes its parent to others, and under root the server is another user.
    """
    with tempfile.TemporaryDirectory(prefix="adology-home-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server(no_process_left_behind: None) -> Iterator[EmbeddedPostgres]:
    """The one server of this pytest process. Its data needn't survive the machine: no fsync."""
    settings = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "64MB", "max_connections": "300"}
    with (
        tempfile.TemporaryDirectory(prefix="adology-tests-") as folder,
        EmbeddedPostgres(Path(folder), settings=settings) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def database_secrets(tmp_path_factory: pytest.TempPathFactory) -> SecretStore:
    """The passwords of the database roles."""
    return FileSecretStore(tmp_path_factory.mktemp("secrets"))


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedPostgres, database_secrets: SecretStore) -> str:
    """A migrated database nobody connects to, to be copied."""
    migrate(prepare_cluster(postgres_server.url, _TEMPLATE, database_secrets).owner)
    return _TEMPLATE


@pytest.fixture(scope="session")
def reused_database(postgres_server: EmbeddedPostgres, migrated_template: str) -> ReusedDatabase:
    """The database that test after test gets, clean."""
    return ReusedDatabase(postgres_server, migrated_template, "test_adology")


@pytest.fixture
def cluster(
    postgres_server: EmbeddedPostgres, database_secrets: SecretStore, reused_database: ReusedDatabase
) -> Iterator[Cluster]:
    """The role URLs of a migrated database without data."""
    yield describe_cluster(postgres_server.url, reused_database.provide(), database_secrets)
    reused_database.restore()


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """A migrated database without data."""
    database = Database(cluster.urls)
    yield database
    database.dispose()


# --- servers of vendors -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def seaweed_server(no_process_left_behind: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """The one S3 of this pytest process."""
    from tests.fakes.seaweed import seaweed  # with half a second of vendor's library

    with seaweed(tmp_path_factory.mktemp("seaweed")) as server:
        yield server


@pytest.fixture
def s3(seaweed_server: Seaweed, monkeypatch: pytest.MonkeyPatch) -> Seaweed:
    """S3, with its key in the environment."""
    for name, value in seaweed_server.credentials.items():
        monkeypatch.setenv(name, value)
    return seaweed_server


@pytest.fixture(scope="session")
def mongo(no_process_left_behind: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """The one MongoDB of this pytest process."""
    from tests.fakes.mongo_server import mongo_server

    with mongo_server(tmp_path_factory.mktemp("mongo")) as server:
        yield server


# --- real data ----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data beside the project; a test that needs it is skipped where it is absent (not in CI)."""
    beside_the_project = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ADOLOGY_REAL_DATA") or beside_the_project)
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set ADOLOGY_REAL_DATA")
    return folder


# --- rules --------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip gives its reason, and what CI must run is never skipped there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        fault = _fault_of_skip(item, report)
        if fault:
            report.outcome, report.longrepr = "failed", fault
    return report


def _fault_of_skip(item: pytest.Item, report: pytest.TestReport) -> str | None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    reason = reason.removeprefix("Skipped: ").removeprefix("Skipped").strip()
    if reason in NO_REASON:
        return "a skip needs a reason"
    if IN_CI and any(item.get_closest_marker(name) for name in MUST_RUN_IN_CI):
        return f"skipped, but CI must run it: {reason}"
    return None


@pytest.fixture(scope="session", autouse=True)
def no_process_left_behind() -> Iterator[None]:
    """Every process a test starts is gone when the tests are."""
    yield
    children = psutil.Process().children(recursive=True)
    _, alive = psutil.wait_procs(children, timeout=5)
    left = [" ".join(child.cmdline()) for child in alive if child.is_running()]
    left = [command for command in left if command and "resource_tracker" not in command]
    assert not left, f"processes left behind: {left}"


def _refuse_the_network(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        if isinstance(address, tuple) and not _is_this_machine(address[0]):
            pytest.fail(f"a test reached for {address[0]}:{address[1]}; tests talk to this machine only")
    elif event == "socket.getaddrinfo":
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
        if host and host != "localhost" and _parsed(host) is None:
            pytest.fail(f"a test asked the network where {host} is; give the address")


def _is_this_machine(host: str) -> bool:
    address = _parsed(host)
    return host in {"", "localhost"} or (address is not None and address.is_loopback)


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


sys.addaudithook(_refuse_the_network)
