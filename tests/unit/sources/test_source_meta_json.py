"""A monitor's JSON is read element by element; files it names must lie in the folder."""

import json
from datetime import date
from pathlib import Path

import pytest

from core.domain.ad import AdFormat, AdRecord
from core.domain.media import MediaRole, MediaStatus
from tests.unit.sources.source_files import monitor_ad, monitor_json, read


def only(path: Path, **changes: object) -> AdRecord:
    return read(monitor_json(path / "ads.json", monitor_ad(**changes)))[0][0]


def test_an_array_broken_at_line_500_keeps_the_ads_before_and_after(tmp_path: Path) -> None:
    path = monitor_json(tmp_path / "ads.json", *(monitor_ad(n) for n in range(60)))
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[499] = '"oops'
    path.write_text("\n".join(lines), encoding="utf-8")
    records, rejections = read(path)
    assert [(rejection.code, rejection.line) for rejection in rejections] == [("bad_json", 500)]
    assert len(records) == 59


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ('{"libId": "2", "images": [{"file": "a.jpg"}', "bad_json"),  # not closed: what is inside is no ad
        ("{libId: 2}", "bad_json"),
        ('{"libId": "2", "x": NaN}', "bad_json"),
        ('{"libId": "2", "x": 1E999}', "bad_json"),
        ("[" * 100_000, "bad_json"),  # nested too deeply
        ('{"libId": "2", "x": ' + "[" * 300 + "]" * 300 + "}", "bad_json"),  # parsed, but nothing could store it
        ("null", "not_an_object"),
        ('{"libId": "2", "copy": "\\ud800"}', "bad_encoding"),
    ],
)
def test_a_broken_element_is_quarantined_alone(tmp_path: Path, broken: str, code: str) -> None:
    first, last = json.dumps(monitor_ad(1)), json.dumps(monitor_ad(3))
    path = tmp_path / "ads.json"
    path.write_text(f"[\n{first},\n{broken},\n{last}\n]")
    records, rejections = read(path)
    assert [rejection.code for rejection in rejections] == [code]
    assert [(record.external_id, record.lines) for record in records] == [("999001", (2,)), ("999003", (4,))]


def test_a_file_of_nothing_but_damage_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "ads.json"
    path.write_text(f"[\n{json.dumps(monitor_ad(1))},\n" + "{x" * 20_000)
    records, rejections = read(path)
    assert len(records) == 1
    assert [rejection.code for rejection in rejections] == ["bad_json", "too_damaged"]


def test_an_array_that_stops_says_so(tmp_path: Path) -> None:
    path = tmp_path / "ads.json"
    path.write_text(f"[\n{json.dumps(monitor_ad(1))},\n")
    records, rejections = read(path)
    assert len(records) == 1
    assert [(rejection.code, rejection.line) for rejection in rejections] == [("truncated_file", 3)]


def test_nul_characters_are_dropped_from_json_too(tmp_path: Path) -> None:
    record = only(tmp_path, copy="좋은\0아침", advertiser="back\\u0000slash")
    assert record.versions[0].copy == "좋은아침"
    assert record.page_name == "back\\u0000slash"  # a backslash and letters are no NUL


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"libId": ""}, "missing_id"),
        ({"libId": "1.23E+15"}, "lost_digits"),
        ({"competitor": None}, "unknown_brand"),
        ({"first_seen": "01/06/2026"}, "bad_date"),
        ({"first_seen": None, "last_seen": ""}, "missing_date"),
    ],
)
def test_an_ad_that_cannot_be_trusted_is_quarantined(tmp_path: Path, changes: dict[str, object], code: str) -> None:
    path = monitor_json(tmp_path / "ads.json", monitor_ad(1), monitor_ad(2, **changes))
    records, rejections = read(path)
    assert len(records) == 1
    assert [rejection.code for rejection in rejections] == [code]


def test_an_ad_is_mapped_to_the_record(tmp_path: Path) -> None:
    record = only(tmp_path, type="video", work_title="새벽", copy="좋은 아침 0:00 / 0:12 EXAMPLE.COM 샘플 더 알아보기")
    version = record.versions[0]
    assert (version.copy, version.title, version.cta, version.format) == (
        "좋은 아침",
        "샘플",
        "Learn more",
        AdFormat.VIDEO,
    )
    assert (record.first_seen, record.last_seen) == (date(2026, 6, 1), date(2026, 6, 9))
    assert record.source_says_active is True
    assert record.attributes == {"work_title": "새벽"}


def test_an_ads_last_day_is_the_scan_that_saw_it_last_and_earlier_days_saw_it_too(tmp_path: Path) -> None:
    """A monitor keeps what it saw, and calls it active for ever."""
    ads = [
        monitor_ad(1), monitor_ad(2, last_seen="2026-07-01"), monitor_ad(3, competitor="Other"),
        monitor_ad(4, first_seen="2026-06-20", last_seen="2026-07-01"), monitor_ad(5, last_seen=""),
        monitor_ad(6, first_seen="2026-06-12", last_seen="2026-06-09"),
    ]  # fmt: skip
    records = read(monitor_json(tmp_path / "ads.json", *ads))[0]
    early, late = date(2026, 6, 9), date(2026, 7, 1)
    assert [(record.scanned_on, record.seen_before) for record in records] == [
        (early, ()), (late, (early,)), (early, ()), (late, ()), (late, (early,)), (early, ()),
    ]  # fmt: skip


def aliases(path: Path, *advertisers: tuple[str, str]) -> dict[str, tuple[str, ...]]:
    ads = [monitor_ad(n, competitor=brand, advertiser=name) for n, (brand, name) in enumerate(advertisers)]
    return {record.brand_name: record.brand_aliases for record in read(monitor_json(path / "ads.json", *ads))[0]}


def test_the_advertiser_of_most_of_a_brands_ads_is_another_name_of_it(tmp_path: Path) -> None:
    assert aliases(tmp_path, *[("밝은컵", "BrightCup")] * 3, ("밝은컵", "partner")) == {"밝은컵": ("BrightCup",)}


def test_a_partner_page_is_no_name_of_the_brand(tmp_path: Path) -> None:
    assert aliases(tmp_path, ("밝은컵", "밝은컵"), ("밝은컵", "partner")) == {"밝은컵": ()}


def test_an_agency_that_runs_ads_of_two_brands_is_no_name_of_either(tmp_path: Path) -> None:
    assert aliases(tmp_path, ("밝은컵", "agency"), ("Sun", "agency")) == {"밝은컵": (), "Sun": ()}


def test_texts_that_stop_at_one_length_are_known_to_be_cut_off(tmp_path: Path) -> None:
    whole, stump = "좋은 아침 커피 한 잔 어때요?", "좋은 아침 커피 한 잔 0:00 /"
    ads = [monitor_ad(n, copy=stump) for n in range(4)] + [monitor_ad(9, copy=whole[:9])]
    assert {record.versions[0].copy for record in read(monitor_json(tmp_path / "ads.json", *ads))[0]} == {
        "좋은 아침 커피 한 잔",
        "좋은 아침 커피",
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An import folder with one image, and files outside of it."""
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    folder = tmp_path / "import"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "a.jpg").write_bytes(b"image")
    (folder / "images" / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    return folder


def test_images_beside_the_file_are_named_below_the_root(folder: Path) -> None:
    medium = only(folder, images=[{"file": "images/a.jpg"}]).media[0]
    assert (medium.role, medium.local_path, medium.problem) == (MediaRole.IMAGE, "images/a.jpg", None)


def test_the_image_of_a_video_is_its_poster(folder: Path) -> None:
    assert only(folder, type="video", images=[{"file": "images/a.jpg"}]).media[0].role is MediaRole.POSTER


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../secret.jpg", MediaStatus.BLOCKED),
        ("images/../../secret.jpg", MediaStatus.BLOCKED),
        ("..\\secret.jpg", MediaStatus.BLOCKED),
        ("/etc/passwd", MediaStatus.BLOCKED),
        (".ssh/id.jpg", MediaStatus.BLOCKED),  # hidden
        ("C:\\secret.jpg", MediaStatus.BLOCKED),
        ("images/link.jpg", MediaStatus.BLOCKED),
        ("images", MediaStatus.BLOCKED),  # a folder
        ("images/gone.jpg", MediaStatus.REMOVED),
        ("x" * 5000, MediaStatus.REMOVED),
    ],
)
def test_a_file_out_of_reach_is_a_problem_of_the_medium_not_of_the_ad(
    folder: Path, name: str, problem: MediaStatus
) -> None:
    medium = only(folder, images=[{"file": name}]).media[0]
    assert (medium.problem, medium.local_path, medium.url) == (problem, None, None)
    assert medium.reason
