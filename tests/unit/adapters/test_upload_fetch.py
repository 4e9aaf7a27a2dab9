"""The choice of a fetcher by scheme, and what an upload address may say."""

import io
from pathlib import Path

import pytest

from core.adapters.folder_objects import FolderObjectStore
from core.adapters.upload_fetch import SchemeFetcher, UploadMediaFetcher
from core.errors import MediaProblemError
from core.ports import FetchedMedia


class Named:
    def __init__(self, name: str) -> None:
        self.name = name

    def open(self, url: str) -> FetchedMedia:
        return FetchedMedia(io.BytesIO(self.name.encode()), None, url)


@pytest.mark.parametrize(("url", "name"), [("http://x/", "web"), ("HTTPS://x/", "web"), ("upload://a/b", "upload")])
def test_a_url_goes_to_the_fetcher_of_its_scheme(url: str, name: str) -> None:
    fetcher = SchemeFetcher({"http": Named("web"), "https": Named("web"), "upload": Named("upload")})

    assert fetcher.open(url).stream.read() == name.encode()


def test_a_refused_scheme_is_told_which_kinds_are_opened() -> None:
    with pytest.raises(MediaProblemError, match="http, upload"):
        SchemeFetcher({"upload": Named("u"), "http": Named("w")}).open("ftp://x/")


@pytest.mark.parametrize("name", ["../../etc/passwd", "é😀.png", "a/b/c", ""])
def test_the_name_of_an_upload_is_only_a_label(tmp_path: Path, name: str) -> None:
    objects = FolderObjectStore(tmp_path, link_key=b"k", base_url="http://127.0.0.1")
    sha256 = objects.put(io.BytesIO(b"bytes"), max_bytes=10).sha256

    with UploadMediaFetcher(objects).open(f"upload://{sha256}/{name}").stream as stream:
        assert stream.read() == b"bytes"
