"""A system of one's own: stepped by the test, or running on its schedules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.adapters.postgres.roles import Cluster
from tests.running_system import System, running_system


@pytest.fixture
def system(cluster: Cluster, tmp_path: Path) -> Iterator[System]:
    with running_system(cluster, tmp_path) as system:
        yield system
