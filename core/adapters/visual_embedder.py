"""``visual-v1``: a local visual descriptor of 128 numbers, by arithmetic alone (no model).

What looks the same lies close together: other sizes, formats and qualities of one picture, small crops,
changed words in one layout. It knows nothing of what is shown. The cosine of two descriptors is the
weighted mean of three cosines:

- 64 numbers, structure: the lowest frequencies of the lightness (DCT of 32 × 32), without its mean;
- 32 numbers, colour layout: the two colour differences in 4 × 4 fields;
- 32 numbers, palette: a histogram over hue, saturation and value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.ports import Vector

VISUAL_MODEL = "visual-v1"
VISUAL_DIMENSION = 128

_SIDE = 32  # pixels
_FIELDS = 4  # colour layout, each way
_STRUCTURE_WEIGHT, _LAYOUT_WEIGHT, _PALETTE_WEIGHT = 0.6, 0.2, 0.2
_HUES, _SHADES = 6, 8
_GREY_BELOW_SATURATION = 48  # of 255
_Numbers = npt.NDArray[np.float64]


def _dct_matrix(size: int) -> _Numbers:
    frequency, position = np.mgrid[0:size, 0:size]
    return np.asarray(np.cos(np.pi * (2 * position + 1) * frequency / (2 * size)))


_DCT = _dct_matrix(_SIDE)
_LOWEST = sorted(((u, v) for u in range(_SIDE) for v in range(_SIDE)), key=lambda uv: (sum(uv), uv))[1:65]
_ROWS, _COLUMNS = np.array(_LOWEST).T
_WHITENING = np.sqrt(_ROWS + _COLUMNS)  # pictures have less energy at higher frequencies


def reduced(image: Image.Image) -> Image.Image:
    """32 × 32 pixels in RGB, all that is looked at. Transparency counts as white."""
    return on_white(image).resize((_SIDE, _SIDE), Image.Resampling.BOX)


def describe(small: Image.Image) -> Vector:
    """The descriptor of a ``reduced`` picture: shape (128,), float32, unit length."""
    ycbcr = np.asarray(small.convert("YCbCr"), dtype=np.float64)
    parts = (
        (_STRUCTURE_WEIGHT, _structure(ycbcr[:, :, 0])),
        (_LAYOUT_WEIGHT, _layout(ycbcr[:, :, 1:])),
        (_PALETTE_WEIGHT, _palette(np.asarray(small.convert("HSV"), dtype=np.int64))),
    )
    weighted = np.concatenate([np.sqrt(weight) * _unit(part) for weight, part in parts])
    return _unit(weighted).astype(np.float32)


def lowest_frequencies(small: Image.Image) -> npt.NDArray[np.float64]:
    """Of the lightness of a ``reduced`` picture, without its mean: 64 numbers, the coarsest first."""
    return _structure(np.asarray(small.convert("YCbCr"), dtype=np.float64)[:, :, 0])


def on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def _structure(lightness: _Numbers) -> _Numbers:
    frequencies = _DCT @ lightness @ _DCT.T
    return np.asarray(frequencies[_ROWS, _COLUMNS] * _WHITENING)


def _layout(colour_differences: _Numbers) -> _Numbers:
    step = _SIDE // _FIELDS
    fields = (colour_differences - 128.0).reshape(_FIELDS, step, _FIELDS, step, 2)
    return np.asarray(fields.mean(axis=(1, 3))).ravel()


def _palette(hsv: npt.NDArray[np.int64]) -> _Numbers:
    """Hellinger form of the histogram: 8 greys, then 6 hues of 2 saturations and 2 values. Never all zero."""
    hue, saturation, value = hsv[:, :, 0].ravel(), hsv[:, :, 1].ravel(), hsv[:, :, 2].ravel()
    coloured = (hue * _HUES // 256) * 4 + (saturation > 150) * 2 + (value > 150)  # noqa: PLR2004  middle of the range
    bins = np.where(saturation < _GREY_BELOW_SATURATION, value * _SHADES // 256, _SHADES + coloured)
    return np.asarray(np.sqrt(np.bincount(bins, minlength=_SHADES + _HUES * 4)))


def _unit(vector: _Numbers) -> _Numbers:
    """Unit length; a part without any content (a plain surface has no structure) stays zero."""
    length = float(np.linalg.norm(vector))
    return vector / length if length > 1e-9 else np.zeros_like(vector)  # noqa: PLR2004  rounding
