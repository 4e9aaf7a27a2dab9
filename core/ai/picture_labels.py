"""The measured labels of a picture: its shape, how much of it is text, its main colour. Local heuristics, pure.

The limits stand in the definitions of ``taxonomies/v2/visual_*.yaml``.
"""

from __future__ import annotations

import colorsys
from collections import Counter
from collections.abc import Sequence

from core.ai.labelling import LOCAL_HEURISTICS
from core.ai.on_screen_text import OnScreenText, ReadingStatus
from core.domain.label import UNKNOWN, Label, Modality, Provenance

SHAPE, TEXT, COLOUR = "visual_shape", "visual_text", "visual_colour"
METHOD, METHOD_VERSION = "pixels", "1"

_SHAPES = ((0.65, "story"), (0.9, "portrait"), (1.1, "square"), (2.0, "landscape"))  # at most width to height
_TEXTS = ((0.05, "little"), (0.2, "some"))  # at most this share of the area
_HUES = ((15, "red"), (42, "orange"), (66, "yellow"), (170, "green"), (262, "blue"), (300, "purple"), (345, "pink"))
_BLACK_VALUE, _GREY_SATURATION, _WHITE_VALUE = 0.2, 0.13, 0.85
_BROWN_HUES, _BROWN_VALUE, _BEIGE_SATURATION = (12, 48), 0.65, 0.42
_PALE_SATURATION = 0.5


def measured_labels(
    size: tuple[int, int], colours: Sequence[tuple[str, float]], found: OnScreenText, taxonomy_version: str
) -> list[Label]:
    """Of a picture that could be read. ``size`` in pixels; ``colours`` are (hex, share), most first."""
    provenance = Provenance(METHOD, METHOD_VERSION, LOCAL_HEURISTICS, taxonomy_version)
    values = ((SHAPE, shape_of(*size), 1.0), (TEXT, *_text_of(found)), (COLOUR, *main_colour(colours)))
    return [
        Label(dimension, value, confidence, provenance, modality=Modality.IMAGE)
        for dimension, value, confidence in values
    ]


def shape_of(width: int, height: int) -> str:
    """By width to height."""
    return next((name for most, name in _SHAPES if width / height <= most), "banner")


def main_colour(colours: Sequence[tuple[str, float]]) -> tuple[str, float]:
    """The family of colours that covers most, and its share of the picture."""
    shares: Counter[str] = Counter()
    for code, share in colours:
        shares[family_of(code)] += share  # type: ignore[assignment]  # a Counter adds up what can be added
    if not shares:
        return UNKNOWN, 0.0
    name, share = shares.most_common(1)[0]
    return name, round(min(share, 1.0), 3)


def family_of(code: str) -> str:
    """What people call a colour, "#rrggbb"."""
    red, green, blue = (int(code[place : place + 2], 16) / 255 for place in (1, 3, 5))
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    degrees = hue * 360
    if value < _BLACK_VALUE:
        return "black"
    if saturation < _GREY_SATURATION:
        return "white" if value > _WHITE_VALUE else "grey"
    is_warm = _BROWN_HUES[0] <= degrees < _BROWN_HUES[1]
    if is_warm and (value < _BROWN_VALUE or saturation < _BEIGE_SATURATION):
        return "brown"
    name = next((name for most, name in _HUES if degrees < most), "red")
    is_pale = saturation < _PALE_SATURATION and value > _BROWN_VALUE
    return "pink" if name == "red" and is_pale else name


def _text_of(found: OnScreenText) -> tuple[str, float]:
    """Unknown where nobody can say whether what was found is text."""
    if found.status is ReadingStatus.NO_TEXT:
        return "none", 1.0
    if not found.text_area:
        return UNKNOWN, 0.0
    value = next((name for most, name in _TEXTS if found.text_area <= most), "much")
    return value, 1.0 if found.lines else 0.5  # where it stands is found, what it says isn't
