"""What is measured on a picture is labelled by the taxonomy's own limits."""

from __future__ import annotations

import pytest

from core.ai.on_screen_text import Line, OnScreenText, ReadingStatus
from core.ai.picture_labels import family_of, main_colour, measured_labels
from core.ai.taxonomy import load_taxonomy
from core.domain.label import Modality, is_visual

TAXONOMY = load_taxonomy()
COLOURS = [("#c81e28", 0.4), ("#fafafa", 0.35), ("#a01018", 0.2)]


def labels(size: tuple[int, int] = (1080, 1080), area: float = 0.1, status: str = "ok") -> dict[str, tuple[str, float]]:
    lines = (Line("Half price", 1.0, (0, 0, 1, 1)),) if status == "ok" else ()
    found = OnScreenText(ReadingStatus(status), None, lines, None, area)
    return {item.dimension: (item.value, item.confidence) for item in measured_labels(size, COLOURS, found, "v")}


def test_every_measured_dimension_of_the_taxonomy_is_labelled_with_a_value_it_allows() -> None:
    measured = {name for name, dimension in TAXONOMY.dimensions.items() if dimension.measured}
    found = measured_labels((1, 1), COLOURS, OnScreenText(ReadingStatus.NO_TEXT), TAXONOMY.version)

    assert {item.dimension for item in found} == measured
    assert all(item.value in TAXONOMY.dimensions[item.dimension].allowed for item in found)
    assert all(is_visual(item.dimension) and item.modality is Modality.IMAGE for item in found)
    assert {(item.provenance.method, item.provenance.model) for item in found} == {("pixels", "local-heuristics")}


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((1080, 1920), "story"),
        ((650, 1000), "story"),
        ((1080, 1350), "portrait"),
        ((900, 1000), "portrait"),
        ((1080, 1080), "square"),
        ((1200, 628), "landscape"),
        ((2000, 1000), "landscape"),
        ((970, 250), "banner"),
    ],
)
def test_the_shape_goes_by_width_to_height(size: tuple[int, int], shape: str) -> None:
    assert labels(size)["visual_shape"] == (shape, 1.0)


@pytest.mark.parametrize(
    ("status", "area", "expected"),
    [
        ("no_text", 0.0, ("none", 1.0)),
        ("ok", 0.05, ("little", 1.0)),
        ("ok", 0.2, ("some", 1.0)),
        ("ok", 0.21, ("much", 1.0)),
        ("script_not_covered", 0.3, ("much", 0.5)),  # where it stands is found, what it says isn't
        ("noise", 0.0, ("unknown", 0.0)),
    ],
)
def test_how_much_text_goes_by_its_area(status: str, area: float, expected: tuple[str, float]) -> None:
    assert labels(area=area, status=status)["visual_text"] == expected


@pytest.mark.parametrize(
    ("code", "family"),
    [
        ("#000000", "black"), ("#1a1a2e", "black"), ("#ffffff", "white"), ("#f5f3ef", "white"), ("#808080", "grey"),
        ("#c81e28", "red"), ("#ff7e30", "orange"), ("#ffcc00", "yellow"), ("#2e8b57", "green"), ("#30a0a8", "blue"),
        ("#1b4ebd", "blue"), ("#7d3cc8", "purple"), ("#ff69b4", "pink"), ("#ffb6c1", "pink"), ("#6b4226", "brown"),
        ("#d1c5ab", "brown"),
    ],
)  # fmt: skip
def test_a_colour_has_the_name_people_give_it(code: str, family: str) -> None:
    assert family_of(code) == family


def test_shares_of_one_family_are_added() -> None:
    assert main_colour(COLOURS) == ("red", 0.6)
    assert main_colour([]) == ("unknown", 0.0)
