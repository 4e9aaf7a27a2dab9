"""The vendor of language models that every suite of theirs asks, over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.ports import LanguageModel
from tests.contract.language_models import AWS_ENVIRONMENT, PROVIDERS, ask
from tests.fakes.model_server import ModelServer, model_server


@pytest.fixture(scope="module")
def vendor() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture
def server(vendor: ModelServer) -> Iterator[ModelServer]:
    yield vendor
    vendor.reset()


@pytest.fixture(scope="module", params=sorted(PROVIDERS))
def model(request: pytest.FixtureRequest, vendor: ModelServer) -> Iterator[LanguageModel]:
    """Each provider, once it knows what the server can do and has loaded what it needs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AWS_ENVIRONMENT.items():
            patch.setenv(name, value)
        model = PROVIDERS[request.param](vendor.url)
        ask(model)
        vendor.reset()
        yield model
