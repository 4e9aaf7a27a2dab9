"""Media of an import go into the object store once; records travel in bundles."""

import hashlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import BinaryIO

import pytest

from core.adapters.folder_objects import FolderObjectStore
from core.domain.ad import AdRecord, Rejection
from core.domain.media import MediaStatus
from core.ports import StoredObject
from core.sources.staging import read_bundle, stage, write_bundle
from tests.unit.sources.source_files import customer_csv, monitor_ad, monitor_json, read


class CountingObjects(FolderObjectStore):
    """The folder store, with a note of how often it was asked to put something."""

    puts = 0

    def put(self, stream: BinaryIO, *, max_bytes: int) -> StoredObject:
        self.puts += 1
        return super().put(stream, max_bytes=max_bytes)


@pytest.fixture
def objects(tmp_path: Path) -> CountingObjects:
    return CountingObjects(tmp_path / "store", link_key=b"k" * 32, base_url="http://127.0.0.1:1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "import"
    folder.mkdir()
    (folder / "a b.jpg").write_bytes(b"image")
    (folder / "big.jpg").write_bytes(b"x" * 101)
    return folder


def staged(folder: Path, objects: CountingObjects, *names: str, progress: list[int] | None = None) -> list[AdRecord]:
    monitor_json(folder / "ads.json", *(monitor_ad(n, images=[{"file": name}]) for n, name in enumerate(names)))
    found: Iterator[AdRecord | Rejection] = stage(
        folder,
        root=folder,
        objects=objects,
        brand=None,
        today=date(2026, 6, 9),
        max_media_bytes=100,
        progress=progress.append if progress is not None else None,
    )
    return [one for one in found if isinstance(one, AdRecord)]


def test_a_local_file_becomes_an_upload(folder: Path, objects: CountingObjects) -> None:
    medium = staged(folder, objects, "a b.jpg")[0].media[0]
    sha256 = hashlib.sha256(b"image").hexdigest()
    assert (medium.url, medium.local_path) == (f"upload://{sha256}/a%20b.jpg", None)
    with objects.open(sha256) as stored:
        assert stored.read() == b"image"


def test_a_file_of_many_ads_is_put_once(folder: Path, objects: CountingObjects) -> None:
    assert len({record.media for record in staged(folder, objects, *["a b.jpg"] * 3)}) == 1
    assert objects.puts == 1


@pytest.mark.parametrize(
    ("name", "problem"),
    [("big.jpg", MediaStatus.TOO_LARGE), ("gone.jpg", MediaStatus.REMOVED), ("../x.jpg", MediaStatus.BLOCKED)],
)
def test_a_file_that_cannot_be_had_leaves_the_ad_with_the_reason(
    folder: Path, objects: CountingObjects, name: str, problem: MediaStatus
) -> None:
    medium = staged(folder, objects, name)[0].media[0]
    assert (medium.problem, medium.url, medium.local_path) == (problem, None, None)
    assert medium.reason


def test_progress_counts_rows(folder: Path, objects: CountingObjects) -> None:
    customer_csv(folder / "b.csv", {}, {}, {"adId": ""})  # one ad on two rows and a rejected row
    progress: list[int] = []
    staged(folder, objects, "a b.jpg", progress=progress)
    assert progress == [1, 2, 4]


def test_a_bundle_gives_back_its_records_and_has_the_same_bytes_again(tmp_path: Path) -> None:
    records = read(customer_csv(tmp_path / "a.csv", {}, {"adId": "2"}))[0]
    with write_bundle(records) as first, write_bundle(records) as second:
        assert first.read() == second.read()
        first.seek(0)
        assert first.read(8)[4:] == bytes(4)  # no time of writing in the header
        first.seek(0)
        assert list(read_bundle(first)) == records
