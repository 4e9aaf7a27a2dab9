"""The strip of the newest creatives."""

from __future__ import annotations

import pytest

from app.components.newest_strip import different_pictures, without_pictures
from tests.unit.app.test_view_models import card


def test_a_picture_stands_where_its_newest_ad_stands() -> None:
    cards = [card(ad_id=str(place), cover_sha256=sha256) for place, sha256 in enumerate("aabac")]
    assert [one.ad_id for one in different_pictures(cards)] == ["0", "2", "4"]


def test_an_ad_without_a_picture_has_no_place() -> None:
    assert different_pictures([card(cover_sha256=None)]) == []


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (0, "The newest scans brought no new ad."),
        (1, "The new ad has no picture."),
        (40, "None of the 40 new ads has a picture."),
    ],
)
def test_an_empty_strip_says_why(new: int, said: str) -> None:
    assert without_pictures([], new) == said
    assert without_pictures([card(cover_sha256="a")], new) == ""
