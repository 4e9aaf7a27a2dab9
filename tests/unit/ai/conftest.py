"""The shipped taxonomy, loaded once."""

import pytest

from core.ai.taxonomy import Taxonomy, load_taxonomy


@pytest.fixture(scope="session")
def taxonomy() -> Taxonomy:
    return load_taxonomy()
