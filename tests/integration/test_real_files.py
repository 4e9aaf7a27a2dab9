"""Real exports: every row is accounted for, and the rules find what people found. Nothing of them is copied here."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from core.adapters.folder_objects import FolderObjectStore
from core.domain.ad import AdRecord, Rejection
from core.domain.avatars import ImageUse, page_avatars
from core.domain.media import MediaStatus
from core.sources.files import read_path
from core.sources.records import labelled_text, record_from_json, record_to_json, text_hash
from core.sources.staging import stage

pytestmark = pytest.mark.real_data
TODAY = date(2026, 11, 21)
MYSIVI = (
    "meta_rescans_mysivi/fb-ads-mysivi-2026-05-26-0737.csv.gz",
    "meta_rescans_mysivi/fb-ads-mysivi-2026-06-10-1943-v2.csv.gz",
)


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def read(path: Path) -> tuple[list[AdRecord], list[Rejection]]:
    found = list(read_path(path, today=TODAY))
    return [one for one in found if isinstance(one, AdRecord)], [one for one in found if isinstance(one, Rejection)]


@pytest.mark.parametrize(
    ("file", "rows", "ads", "rejected"),
    [
        ("meta_webtoon_ott/ads.json", 738, 738, {}),
        ("meta_language_apps/boldvoice.csv", 175, 175, {}),
        ("meta_language_apps/duolingo.csv", 63, 63, {}),
        ("meta_language_apps/english-seekho.csv", 698, 698, {}),
        ("meta_language_apps/fluently.csv", 593, 593, {}),
        ("meta_language_apps/loora.csv", 73, 72, {}),
        ("meta_language_apps/memrise.csv", 2, 2, {}),
        ("meta_language_apps/speak.csv", 874, 872, {}),
        ("meta_language_apps/speakx.csv", 443, 443, {}),
        ("meta_language_apps/zinglish.csv", 31, 31, {}),
        (MYSIVI[0], 1599, 1596, {}),
        (MYSIVI[1], 907, 650, {}),
        ("customer_csv/ads_data.csv", 227, 201, {"unknown_brand": 26}),
        ("customer_csv/birkenstock.csv", 164, 164, {}),
        ("customer_csv/croc-ads.csv", 76, 75, {"ragged_row": 1}),
        ("customer_csv/skecher-ads.csv", 100, 100, {}),
        ("customer_csv/vans.csv", 63, 37, {"unknown_brand": 26}),
    ],
)
def test_every_row_is_stored_or_rejected(
    real_data: Path, file: str, rows: int, ads: int, rejected: dict[str, int]
) -> None:
    records, rejections = read(real_data / file)
    assert sum(len(record.lines) for record in records) + len(rejections) == rows
    assert len(records) == len({record.external_id for record in records}) == ads
    assert Counter(rejection.code for rejection in rejections) == rejected


@pytest.mark.parametrize("folder", ["meta_webtoon_ott", "meta_language_apps", "meta_rescans_mysivi", "customer_csv"])
def test_a_second_reading_gives_the_same_and_json_gives_it_back(real_data: Path, folder: str) -> None:
    records, _ = read(real_data / folder)
    assert records == read(real_data / folder)[0]
    assert [record_from_json(record_to_json(record)) for record in records] == records


def test_two_scans_of_a_brand_share_446_ads(real_data: Path) -> None:
    first, second = ({record.external_id for record in read(real_data / file)[0]} for file in MYSIVI)
    assert len(first & second) == 446


def test_no_ui_text_is_left_and_no_copy_is_lost(real_data: Path) -> None:
    for record in [one for folder in ("meta_webtoon_ott", "meta_language_apps") for one in read(real_data / folder)[0]]:
        for text in map(labelled_text, record.versions):
            assert not re.search(r"0:00 / \d|드롭다운 열기|함께합니다 광고|노출수가 적음|Started running on \d", text)
            assert not re.search(r"(?:^|\s)(?:HTTPS?://|WWW\.|PLAY\.GOOGLE\.COM)", text)
    assert all(record.versions[0].copy for record in read(real_data / "meta_webtoon_ott")[0])


def test_a_brand_is_found_under_its_other_script_and_not_under_its_partners_name(real_data: Path) -> None:
    aliases = {record.brand_name: record.brand_aliases for record in read(real_data / "meta_webtoon_ott")[0]}
    assert len(aliases) == 5
    assert [names for names in aliases.values() if names] == [("Netflix",)]


def test_links_carry_no_tracking_and_dead_media_say_so(real_data: Path) -> None:
    records = read(real_data / "meta_language_apps")[0]
    names = {
        name
        for record in records
        for version in record.versions
        for name in parse_qs(urlsplit(version.landing_url or "").query)
    }
    assert not [name for name in names if name == "fbclid" or name.startswith("utm_")]
    assert {medium.problem for record in records for medium in record.media} == {MediaStatus.EXPIRED_URL}


def test_page_avatars_are_found_and_reused_creatives_are_not(real_data: Path) -> None:
    folder = real_data / "meta_webtoon_ott"
    sizes = {path.relative_to(folder).as_posix(): size_of(path) for path in (folder / "images").iterdir()}
    uses = [
        ImageUse(name, *sizes[name], record.page_name or "", record.external_id, text_hash(labelled_text(version)))
        for record in read(folder)[0]
        for version in record.versions
        for medium in record.media
        if (name := medium.local_path)
    ]
    avatars = page_avatars(uses)
    ads_of = Counter(use.sha256 for use in uses if use.sha256 in avatars)
    assert sorted((count, sizes[name]) for name, count in ads_of.items()) == [
        (6, (206, 206)),
        (16, (206, 206)),
        (29, (60, 60)),
        (54, (60, 60)),
        (63, (60, 60)),
        (160, (60, 60)),
    ]


def test_every_image_of_the_folder_is_put_into_the_store_once(real_data: Path, tmp_path: Path) -> None:
    folder = real_data / "meta_webtoon_ott"
    objects = FolderObjectStore(tmp_path, link_key=b"k" * 32, base_url="http://127.0.0.1:1")
    staged = stage(folder, root=folder, objects=objects, brand=None, today=TODAY, max_media_bytes=50_000_000)
    media = [medium for record in staged if isinstance(record, AdRecord) for medium in record.media]
    assert len(media) == 749
    assert not [medium for medium in media if medium.problem or not (medium.url or "").startswith("upload://")]
    assert len({(medium.url or "").split("/")[2] for medium in media}) == len(list((folder / "images").iterdir()))
