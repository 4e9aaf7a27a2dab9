"""The strip of the newest creatives."""

from __future__ import annotations

from app.components.newest_strip import different_pictures
from tests.unit.app.test_view_models import card


def test_a_picture_stands_where_its_newest_ad_stands() -> None:
    cards = [card(ad_id=str(place), cover_sha256=sha256) for place, sha256 in enumerate("aabac")]
    assert [one.ad_id for one in different_pictures(cards)] == ["0", "2", "4"]


def test_an_ad_without_a_picture_has_no_place() -> None:
    assert different_pictures([card(cover_sha256=None)]) == []
