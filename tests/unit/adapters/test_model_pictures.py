"""Pictures for models: small JPEGs, made where a hostile file can do no harm."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from PIL import Image

from core.adapters.model_pictures import ModelPictures, unpack_answer
from core.domain.media import MediaStatus
from core.errors import MediaProblemError


@pytest.fixture(scope="module")
def pictures() -> Iterator[ModelPictures]:
    made = ModelPictures(max_pixels=40_000_000)
    yield made
    made.close()


def encoded(size: tuple[int, int], kind: str, mode: str = "RGB", **options: object) -> io.BytesIO:
    stream = io.BytesIO()
    Image.new(mode, size, 200).save(stream, kind, **options)
    return stream


@pytest.mark.parametrize(
    ("size", "shown"),
    [((3_000, 1_500), (1_024, 512)), ((50, 40), (50, 40)), ((1, 6_000), (1, 1_024))],
)
def test_a_picture_is_made_small_and_never_large(
    pictures: ModelPictures, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    made = pictures.prepared(encoded(size, "PNG"))
    assert made.content_type == "image/jpeg"
    assert Image.open(io.BytesIO(made.content)).size == shown


@pytest.mark.parametrize(("kind", "mode"), [("WEBP", "RGBA"), ("GIF", "P"), ("AVIF", "RGB"), ("PNG", "LA")])
def test_every_kind_becomes_a_jpeg(pictures: ModelPictures, kind: str, mode: str) -> None:
    made = pictures.prepared(encoded((20, 20), kind, mode))
    assert Image.open(io.BytesIO(made.content)).format == "JPEG"


def test_a_files_own_metadata_does_not_leave(pictures: ModelPictures) -> None:
    exif = Image.Exif()
    exif[0x010E] = "taken at 48.1, 11.5 by Ann"
    made = pictures.prepared(encoded((20, 20), "JPEG", exif=exif))
    assert b"Ann" not in made.content
    assert not Image.open(io.BytesIO(made.content)).getexif()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x20ftypisom" + bytes(40)])
def test_what_is_no_picture_is_told(pictures: ModelPictures, content: bytes) -> None:
    with pytest.raises(MediaProblemError) as told:
        pictures.prepared(io.BytesIO(content))
    assert told.value.status is MediaStatus.UNREADABLE


@pytest.mark.parametrize("answer", [b"", b"{", b"{}", b"[]", b"GIF89a", b'{"problem": "x"}', b"[" * 100_000])
def test_a_child_that_was_taken_over_is_not_believed(answer: bytes) -> None:
    with pytest.raises(ValueError, match="not an answer"):
        unpack_answer(answer)


@pytest.mark.real_data
def test_nasty_pictures_are_shown_small_or_not_at_all(pictures: ModelPictures, real_data: Path) -> None:
    shown = 0
    for file in sorted((real_data / "nasty_images").rglob("*")):
        if file.is_file():
            with file.open("rb") as stream, suppress(MediaProblemError):
                made = pictures.prepared(stream)
                assert max(Image.open(io.BytesIO(made.content)).size) <= 1_024
                assert len(made.content) < 3_500_000
                shown += 1
    assert shown > 30
