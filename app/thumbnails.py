"""Small pictures of one size from creatives of any shape. Pure but for the bytes it is given."""

from __future__ import annotations

import io
import struct
import zlib
from typing import BinaryIO

from PIL import Image, ImageFilter, ImageOps

MAX_PIXELS = 40_000_000  # larger pictures are refused before they are decoded
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
_QUALITY = 82
_SHADE = 0.9  # of the blurred surround
_BROKEN_FILE = (OSError, SyntaxError, ValueError, LookupError, ArithmeticError, RuntimeError, struct.error, zlib.error)


def thumbnail(stream: BinaryIO, width: int, height: int) -> bytes | None:
    """The whole picture inside ``width`` × ``height`` pixels, on a blurred surround of itself, as JPEG.

    None for what is no picture, is broken or is too large: files come from outside.
    """
    try:
        with Image.open(stream, formats=_FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                return None
            picture.draft("RGB", (width, height))
            return _drawn(_opaque(ImageOps.exif_transpose(picture)), width, height)
    except (*_BROKEN_FILE, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _opaque(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    ground = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(ground, picture.convert("RGBA")).convert("RGB")


def _drawn(picture: Image.Image, width: int, height: int) -> bytes:
    whole = ImageOps.contain(picture, (width, height), Image.Resampling.LANCZOS)
    if whole.size != (width, height):
        surround = whole.resize((width // 8, height // 8)).filter(ImageFilter.GaussianBlur(6))
        ground = surround.resize((width, height)).point(lambda value: int(value * _SHADE))
        ground.paste(whole, ((width - whole.width) // 2, (height - whole.height) // 2))
        whole = ground
    out = io.BytesIO()
    whole.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
