"""A small picture of one size from whatever an ad delivers."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from app import thumbnails
from app.thumbnails import thumbnail


def picture(mode: str = "RGB", size: tuple[int, int] = (300, 100), kind: str = "PNG", **options: object) -> io.BytesIO:
    out = io.BytesIO()
    Image.new(mode, size, 200).save(out, kind, **options)
    out.seek(0)
    return out


def shown(content: bytes | None) -> Image.Image:
    assert content is not None
    return Image.open(io.BytesIO(content))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
@pytest.mark.parametrize("size", [(300, 100), (100, 300), (10, 10), (1, 500)])
def test_every_shape_and_mode_becomes_the_same_size(mode: str, size: tuple[int, int]) -> None:
    assert shown(thumbnail(picture(mode, size), 96, 96)).size == (96, 96)


def test_a_camera_picture_stands_upright() -> None:
    source = Image.new("RGB", (80, 80), "white")
    source.paste("red", (0, 0, 80, 40))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    out = io.BytesIO()
    source.save(out, "JPEG", exif=exif)
    red, green, _ = shown(thumbnail(out, 80, 80)).convert("RGB").getpixel((40, 70))
    assert (red > 200, green < 60) == (True, True)


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a", b"<svg onload='alert(1)'/>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n" + b"\0" * 99]
)
def test_what_is_no_picture_is_none(content: bytes) -> None:
    assert thumbnail(io.BytesIO(content), 96, 96) is None


def test_a_picture_cut_in_half_is_none() -> None:
    content = picture(size=(400, 400)).getvalue()
    assert thumbnail(io.BytesIO(content[: len(content) // 2]), 96, 96) is None


def test_a_picture_with_too_many_pixels_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thumbnails, "MAX_PIXELS", 100)
    assert thumbnail(picture(size=(11, 10)), 96, 96) is None
