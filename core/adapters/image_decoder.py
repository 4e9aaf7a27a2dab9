"""What a medium is: its kind by content, size, frames, visual descriptor, perceptual hash and colours.

Hostile files end in a reason. ``probe_and_describe`` is a function of bytes alone and returns a plain value, so that
it can run in a process of its own (``core.adapters.decoder_pool``).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import ExifTags, Image, ImageOps
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from core.adapters.picture_figures import Colour, dominant_colours, perceptual_hash
from core.adapters.visual_embedder import describe, reduced
from core.domain.media import MediaStatus
from core.errors import MediaProblemError
from core.ports import Vector

MAX_PIXELS = 40_000_000  # 160 MB decoded
MAX_BYTES = 512 * 1024 * 1024
_HEAD_BYTES = 16
_DRAFT_SIDE = 128  # the descriptor needs 32: JPEG decodes at an eighth where that leaves enough
_VIDEO_TYPE = "video/mp4"
_VIDEO_BRANDS = (b"iso", b"mp4", b"avc1", b"M4V", b"dash", b"MSNV")
_ROTATED_BY_A_QUARTER = {5, 6, 7, 8}  # EXIF orientations that swap width and height

# Each kind is opened by its own class: Pillow's other forty formats are never tried, and a size that is too
# large is still readable (Image.open gives up before telling it).
_OPENERS: dict[str, Callable[[BinaryIO], ImageFile]] = {
    "image/png": PngImageFile,
    "image/jpeg": JpegImageFile,
    "image/webp": WebPImageFile,
    "image/gif": GifImageFile,
    "image/avif": AvifImageFile,
}
CONTENT_TYPES = frozenset({*_OPENERS, _VIDEO_TYPE})
# What Pillow's plugins raise on broken files, found by running hostile ones.
_BROKEN_FILE = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a medium is. Width and height are in pixels as people see it (EXIF orientation applied).

    A video is recognised, not decoded: nothing but its type is known. ``perceptual_hash`` is a signed 64-bit integer,
    None for a plain surface, too.
    """

    content_type: str
    width: int | None = None
    height: int | None = None
    frames: int = 1
    perceptual_hash: int | None = None
    colours: tuple[Colour, ...] = ()
    visual: Vector | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded image as people see it; ``width`` and ``height`` are the file's, in pixels."""

    image: Image.Image
    width: int
    height: int
    frames: int


def probe_and_describe(stream: BinaryIO, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> MediaFacts:
    """Read a seekable stream from its start. Raises MediaProblemError with TOO_LARGE or UNREADABLE and a reason."""
    content_type = checked_type(stream, max_bytes=max_bytes)
    if content_type == _VIDEO_TYPE:
        return MediaFacts(content_type)
    with decoded(stream, content_type, max_pixels=max_pixels, side=_DRAFT_SIDE) as picture:
        small = reduced(picture.image)
        figures = perceptual_hash(small), dominant_colours(small), describe(small)
    return MediaFacts(content_type, picture.width, picture.height, picture.frames, *figures)


def checked_type(stream: BinaryIO, *, max_bytes: int = MAX_BYTES) -> str:
    """The content type of a seekable stream, which is put back to its start. Raises MediaProblemError."""
    size = stream.seek(0, 2)
    if size > max_bytes:
        raise MediaProblemError(MediaStatus.TOO_LARGE, f"{size:,} bytes; at most {max_bytes:,} are read")
    stream.seek(0)
    content_type = sniff(stream.read(_HEAD_BYTES))
    stream.seek(0)
    if content_type is None:
        reason = "not a supported kind of image (PNG, JPEG, WebP, GIF, AVIF) or video (MP4)" if size else "empty file"
        raise MediaProblemError(MediaStatus.UNREADABLE, reason)
    return content_type


def sniff(head: bytes) -> str | None:
    """The content type by the first 16 bytes, whatever a server or file name claims; None if unsupported."""
    if head[4:8] == b"ftyp":
        return _sniff_iso_media(head[8:12])
    signatures = {
        b"\x89PNG\r\n\x1a\n": "image/png",
        b"\xff\xd8\xff": "image/jpeg",
        b"GIF87a": "image/gif",
        b"GIF89a": "image/gif",
    }
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for signature, kind in signatures.items() if head.startswith(signature)), None)


def _sniff_iso_media(brand: bytes) -> str | None:
    if brand in (b"avif", b"avis"):
        return "image/avif"
    return _VIDEO_TYPE if brand.startswith(_VIDEO_BRANDS) else None


@contextmanager
def decoded(stream: BinaryIO, content_type: str, *, max_pixels: int, side: int) -> Iterator[Picture]:
    """An image's first frame, upright; of a JPEG it may be reduced as long as no side falls below ``side``.

    Raises MediaProblemError, for what the block makes of the picture, too.
    """
    try:
        with _OPENERS[content_type](stream) as image:
            _check_size(image, max_pixels)
            width, height = image.size
            frames = getattr(image, "n_frames", 1)
            image.draft("RGB", (side, side))
            image.load()  # before anything that forgives: a broken picture must not pass for a whole one
            if _orientation(image) in _ROTATED_BY_A_QUARTER:
                width, height = height, width
            yield Picture(_upright(image), width, height, frames)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        reason = f"far more than the {max_pixels:,} pixels that are decoded ({content_type})"
        raise MediaProblemError(MediaStatus.TOO_LARGE, reason) from error
    except MemoryError as error:
        raise MediaProblemError(MediaStatus.TOO_LARGE, f"{content_type}: decoding needs too much memory") from error
    except _BROKEN_FILE as error:
        detail = str(error) or type(error).__name__
        raise MediaProblemError(MediaStatus.UNREADABLE, f"broken or truncated {content_type}: {detail}") from error


def _check_size(image: ImageFile, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise MediaProblemError(
            MediaStatus.TOO_LARGE, f"{width:,} × {height:,} pixels; at most {max_pixels:,} in all are decoded"
        )


def _orientation(image: ImageFile) -> int:
    """EXIF orientation; a broken EXIF block says nothing, the picture itself may be fine."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _BROKEN_FILE:
        return 1
    return value if isinstance(value, int) else 1


def _upright(image: ImageFile) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except _BROKEN_FILE:
        return image
