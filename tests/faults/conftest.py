"""Real processes over a database of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.roles import Cluster, describe_cluster
from core.ports import SecretStore
from tests.faults.processes import Processes, running_processes
from tests.reused_database import ReusedDatabase


@pytest.fixture(scope="session")
def faults_database(postgres_server: EmbeddedPostgres, migrated_template: str) -> ReusedDatabase:
    """The database that file after file gets, clean."""
    return ReusedDatabase(postgres_server, migrated_template, "test_faults")


@pytest.fixture(scope="module")
def faults_cluster(
    postgres_server: EmbeddedPostgres, database_secrets: SecretStore, faults_database: ReusedDatabase
) -> Iterator[Cluster]:
    """The role URLs of a database that the tests of one file share."""
    yield describe_cluster(postgres_server.url, faults_database.provide(), database_secrets)
    faults_database.restore()


@pytest.fixture(scope="module")
def processes(faults_cluster: Cluster) -> Iterator[Processes]:
    """A registry, a worker and a scheduler, for every test of a file."""
    with (
        tempfile.TemporaryDirectory(prefix="adology-faults-") as folder,
        running_processes(faults_cluster, Path(folder)) as running,
    ):
        yield running


@pytest.fixture
def clean(processes: Processes) -> Iterator[Processes]:
    """The processes, with nothing stored and nothing on its way."""
    processes.storage.empty()
    yield processes
    processes.end_what_was_started()
