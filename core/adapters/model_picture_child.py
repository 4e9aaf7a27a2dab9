"""The program that makes pictures small enough for models to be shown: ``core.adapters.model_pictures`` starts it."""

from __future__ import annotations

from io import BytesIO
from typing import BinaryIO

from core.adapters import limited_child
from core.adapters.image_decoder import checked_type, decoded
from core.adapters.visual_embedder import on_white

LONGEST_SIDE = 1_024  # pixels: what vendors look at, or scale down to, and charge for
_QUALITY = 85


def shrink(file: BinaryIO, _: str, max_pixels: int) -> bytes:
    """A JPEG of the first frame, upright, on white; nothing of the file's own metadata."""
    with decoded(file, checked_type(file), max_pixels=max_pixels, side=LONGEST_SIDE) as picture:
        image = on_white(picture.image)
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        stream = BytesIO()
        image.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


if __name__ == "__main__":
    limited_child.serve(shrink)
