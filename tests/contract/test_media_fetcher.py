"""What every media fetcher promises. A further kind is added as a parameter of ``source``."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.adapters.folder_objects import FolderObjectStore
from core.adapters.guarded_fetch import GuardedMediaFetcher
from core.adapters.upload_fetch import SchemeFetcher, UploadMediaFetcher
from core.domain.media import MediaStatus
from core.errors import MediaProblemError
from core.ports import MediaFetcher
from tests.fakes.media_server import answering, media_server

CONTENT = b"\x89PNG picture"


@dataclass
class Source:
    fetcher: MediaFetcher
    present: str
    missing: str


def uploads(folder: Path) -> Source:
    objects = FolderObjectStore(folder, link_key=b"k", base_url="http://127.0.0.1:8080")
    sha256 = objects.put(io.BytesIO(CONTENT), max_bytes=100).sha256
    return Source(UploadMediaFetcher(objects), f"upload://{sha256}/a.png", f"upload://{'0' * 64}/a.png")


@pytest.fixture(params=["upload", "web", "by scheme"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    with media_server() as server:
        server.routes["/a.png"] = answering(200, CONTENT)
        web = GuardedMediaFetcher(
            max_bytes=100,
            connect_timeout_seconds=2,
            read_timeout_seconds=2,
            total_timeout_seconds=5,
            allow_hosts=frozenset({server.host}),
        )
        upload = uploads(tmp_path)
        by_scheme = SchemeFetcher({"http": web, "upload": upload.fetcher})
        yield {
            "upload": upload,
            "web": Source(web, server.url("/a.png"), server.url("/b.png")),
            "by scheme": Source(by_scheme, server.url("/a.png"), upload.missing),
        }[request.param]


def test_a_present_medium_is_a_stream_at_its_start_and_can_be_read_twice(source: Source) -> None:
    media = source.fetcher.open(source.present)

    with media.stream as stream:
        assert stream.read() == CONTENT
        stream.seek(0)
        assert stream.read() == CONTENT
    assert media.final_url == source.present


def test_a_missing_medium_is_removed(source: Source) -> None:
    with pytest.raises(MediaProblemError) as caught:
        source.fetcher.open(source.missing)

    assert caught.value.status is MediaStatus.REMOVED
    assert str(caught.value)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "upload://../../etc/passwd", "upload://", "gopher://x/", "http://[", "x", "", "://"]
)
def test_an_address_it_does_not_serve_is_blocked(source: Source, url: str) -> None:
    with pytest.raises(MediaProblemError) as caught:
        source.fetcher.open(url)

    assert caught.value.status is MediaStatus.BLOCKED
