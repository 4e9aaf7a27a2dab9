"""A system whose ads a model reads: the model is a fake vendor's, which each test tells what to answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.adapters.postgres.roles import Cluster
from tests.fakes.model_server import ModelServer, model_server

if TYPE_CHECKING:
    from tests.running_system import System


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """The vendor."""
    with model_server() as server:
        yield server


@pytest.fixture
def asking_system(cluster: Cluster, tmp_path: Path, server: ModelServer) -> Iterator[System]:
    """A system without ads that has the vendor's model read what is analysed."""
    from tests.running_system import running_system  # seconds of loading that few tests need

    settings = {"ai_providers": "openai", "openai_api_key": "k", "openai_model": "gpt-4.1"}
    with running_system(cluster, tmp_path, **settings, openai_base_url=server.openai_url) as system:
        yield system
