"""R9's expectation is counted from the records alone, and a record that is not whole makes the time void."""

from __future__ import annotations

from datetime import date

import pytest

from benchmarks.r9 import Expected, expectation, faults_of, sample_records
from core.domain.ad import AdRecord, AdVersion
from core.domain.media import MediaRef, MediaRole
from core.sources.sample import SampleMarket

WHOLE = {
    "ads": 10,
    "contents": 8,
    "contents complete": 8,
    "texts embedded": 7,
    "contents without a dimension": 0,
    "fewest dimensions of a content": 8,
    "ads without a content": 0,
    "messages left": 0,
    "media stored": 5,
    "dead letters": 0,
}
EXPECTED = Expected(ads=10, copies=7, contents=8, texts=7, media=5, dimensions=8)
COMPLETED = {"status": "completed", "error": None}


def record(external_id: str, *versions: AdVersion, media: tuple[MediaRef, ...] = ()) -> AdRecord:
    return AdRecord(
        channel="sample",
        external_id=external_id,
        brand_name="Veluno",
        scanned_on=date(2026, 10, 31),
        versions=versions,
        media=media,
    )


def test_the_same_copy_under_two_buttons_is_two_contents_of_one_text() -> None:
    found = expectation([record("1", AdVersion(copy="Run far", cta="Shop")), record("2", AdVersion(copy="Run far"))])

    assert (found.ads, found.copies, found.texts, found.contents) == (2, 1, 1, 2)


def test_a_version_that_says_nothing_is_no_content() -> None:
    assert expectation([record("1", AdVersion(copy="  "))]).contents == 0


def test_a_medium_that_two_ads_share_is_expected_once() -> None:
    picture = MediaRef(url="sample://veluno/a.png", role=MediaRole.IMAGE)

    assert expectation([record("1", media=(picture,)), record("2", media=(picture,))]).media == 1


def test_exactly_the_number_of_ads_asked_for_is_measured() -> None:
    market = SampleMarket(as_of=date(2026, 10, 31), ads=210)

    assert len(sample_records(market, 200)) == 200


def test_a_whole_record_has_no_faults() -> None:
    assert faults_of(WHOLE, EXPECTED, COMPLETED) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ads", 9),
        ("contents complete", 7),
        ("texts embedded", 6),
        ("contents without a dimension", 1),
        ("fewest dimensions of a content", 7),
        ("messages left", 1),
        ("media stored", 4),
        ("dead letters", 1),
    ],
)
def test_whatever_is_missing_makes_the_time_void(name: str, found: int) -> None:
    assert len(faults_of({**WHOLE, name: found}, EXPECTED, COMPLETED)) == 1


def test_a_failed_request_makes_the_time_void() -> None:
    failed = {"status": "failed", "error": "no"}

    assert faults_of(WHOLE, EXPECTED, failed) == ["the request failed: no"]
