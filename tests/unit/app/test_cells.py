"""A cell of the matrix leads to what it counts, and to nothing else."""

from __future__ import annotations

import pytest

from app.components.comparison import ads_of_cell
from core.queries.filters import ADS, CONCEPTS, AdFilters
from core.queries.questions import Question

ASKED = AdFilters(
    brands=("acme", "bolt"), labels=(("hook", "story"), ("tone", "calm")), words="shoes", unit=CONCEPTS
)  # fmt: skip


@pytest.mark.parametrize(
    ("dimension", "value", "leads_to"),
    [
        ("hook", "question", {"labels": ["tone:calm", "hook:question"]}),  # not to stories as well
        ("offer", "unknown", {"labels": ["hook:story", "tone:calm", "offer:unknown"]}),
        ("language", "ko", {"labels": ["hook:story", "tone:calm"], "languages": ["ko"]}),
        ("format", "video", {"labels": ["hook:story", "tone:calm"], "formats": ["video"]}),
    ],
)
def test_a_cell_leads_to_its_ads(dimension: str, value: str, leads_to: dict[str, list[str]]) -> None:
    address = ads_of_cell(Question("all", dimension, ASKED), "bolt", value)
    assert address == {
        "brandspace": ["all"], "brands": ["bolt"], "words": ["shoes"], "unit": ["concepts"], **leads_to,
    }  # fmt: skip


def test_a_cell_of_ads_leads_to_ads() -> None:
    assert "unit" not in ads_of_cell(Question("all", "hook", AdFilters(unit=ADS)), "bolt", "question")
