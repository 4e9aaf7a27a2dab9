"""What of a picture is compared and shown at little cost: a perceptual hash of 64 bits and the dominant colours.

Both are read from ``visual_embedder.reduced``: 32 × 32 pixels, by arithmetic alone.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import cast

import numpy as np
from PIL import Image

from core.adapters.visual_embedder import lowest_frequencies

MOST_COLOURS = 5
HASH_BITS = 64

_PLAIN_BELOW = 1.0  # of the strongest frequency: JPEG noise of a plain surface stays below, by trying
_PALETTE = 12  # before near ones are put together
_NEAR = 40.0  # distance of two colours in RGB (of 441) below which people give them one name, by trying
_LEAST_SHARE = 0.03
_HEX = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True, slots=True)
class Colour:
    """A colour and the share of the picture that looks like it, in (0, 1]."""

    hex: str  # "#1a2b3c"
    share: float

    def __post_init__(self) -> None:
        if not (isinstance(self.hex, str) and _HEX.fullmatch(self.hex)):
            raise ValueError("not a colour")
        if type(self.share) not in (int, float) or not 0 < self.share <= 1:
            raise ValueError("not a share")


def perceptual_hash(small: Image.Image) -> int | None:
    """Bit by bit, whether a low frequency of the lightness lies above their median; two pictures are as far apart as
    they differ in bits. A signed integer, as PostgreSQL has no other. None for a plain surface, which has none.
    """
    frequencies = lowest_frequencies(small)
    if np.abs(frequencies).max() < _PLAIN_BELOW:
        return None
    bits = frequencies > np.median(frequencies)
    return int.from_bytes(np.packbits(bits).tobytes(), "big", signed=True)


def dominant_colours(small: Image.Image) -> tuple[Colour, ...]:
    """The few colours that fill the picture, largest share first; shares of less than 3 % are left out."""
    reduced = small.quantize(_PALETTE, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = reduced.getpalette("RGB") or []
    pixels = small.width * small.height
    totals: dict[tuple[int, ...], int] = {}
    counted = cast(list[tuple[int, int]], reduced.getcolors())  # (pixels, place in the palette)
    for count, place in sorted(counted, key=lambda each: -each[0]):
        colour = tuple(palette[3 * place : 3 * place + 3])
        near = next((known for known in totals if math.dist(colour, known) < _NEAR), colour)
        totals[near] = totals.get(near, 0) + count
    most = sorted(totals.items(), key=lambda each: -each[1])[:MOST_COLOURS]
    return tuple(
        Colour("#{:02x}{:02x}{:02x}".format(*colour), round(count / pixels, 3))
        for colour, count in most
        if count >= _LEAST_SHARE * pixels
    )
