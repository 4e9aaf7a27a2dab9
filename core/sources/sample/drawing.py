"""The pencil of the sample images: gradients, text, buttons and two product drawings."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import cache

from PIL import Image, ImageDraw, ImageFont, ImageOps

from core.sources.sample.brands import Colour
from core.sources.sample.plan import chance

Point = tuple[float, float]
Ink = tuple[int, int, int] | tuple[int, int, int, int]

_OVERSAMPLING = 2  # drawn larger and reduced: smooth edges without a graphics library
_MAX_LINES = 3
WHITE: Colour = (255, 255, 255)


class Canvas:
    """A picture in the making, drawn at twice its final size. Lengths and places are pixels of that drawing."""

    def __init__(self, size: tuple[int, int], top: Colour, bottom: Colour | None = None, *, angle: int = 25) -> None:
        self.width, self.height = size[0] * _OVERSAMPLING, size[1] * _OVERSAMPLING
        self.image = _gradient((self.width, self.height), top, bottom, angle)
        self.pen = ImageDraw.Draw(self.image, "RGBA")
        self.short = min(self.width, self.height)

    def finish(self) -> Image.Image:
        """The picture in its final size."""
        return self.image.reduce(_OVERSAMPLING)

    def disc(self, centre: Point, radius: float, ink: Ink) -> None:
        """A filled circle."""
        (x, y) = centre
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=ink)

    def text(self, at: Point, words: str, size: float, ink: Ink, *, bold: bool = True, anchor: str = "la") -> None:
        """One line of text."""
        stroke = max(1, round(size / 40)) if bold else 0
        self.pen.text(at, words, font=_font(round(size)), fill=ink, anchor=anchor, stroke_width=stroke)

    def headline(self, at: Point, words: str, width: float, size: float, ink: Ink, *, centred: bool = False) -> float:
        """Text wrapped into a few lines, smaller if it must be; returns the y below it."""
        lines, size = _fit(words, width, size)
        x, y = at
        for line in lines:
            self.text((x, y), line, size, ink, anchor="ma" if centred else "la")
            y += size * 1.16
        return y

    def pill(self, at: Point, words: str, size: float, ink: Ink, on: Ink, *, centred: bool = False) -> None:
        """A button; ``at`` is its left (or middle) and its top."""
        width, height = _font(round(size)).getlength(words) + size * 2.2, size * 2.2
        x, y = (at[0] - width / 2 if centred else at[0]), at[1]
        self.pen.rounded_rectangle((x, y, x + width, y + height), radius=height / 2, fill=on)
        self.text((x + width / 2, y + height / 2), words, size, ink, anchor="mm")

    def wordmark(self, at: Point, name: str, size: float, ink: Ink, *, anchor: str = "la") -> None:
        """The brand's name with its dot."""
        self.text(at, name.lower(), size, ink, anchor=anchor)

    def shoe(self, centre: Point, width: float, colours: tuple[Ink, Ink, Ink], *, tilt: float = -0.2) -> None:
        """A running shoe seen from the side; colours of upper, panels and sole."""
        upper, panel, sole = colours
        self._shadow((centre[0], centre[1] + width * 0.27), width * 0.46)
        place = _Placer(centre, width, tilt, height=0.84)
        self.pen.polygon(_curve([place(p) for p in _SOLE]), fill=sole)
        self.pen.polygon(_curve([place(p) for p in _UPPER]), fill=upper)
        for shape in (_HEEL, _TOE, _SIDE):
            self.pen.polygon(_curve([place(p) for p in shape]), fill=panel)
        self.pen.line([place(p) for p in _MIDSOLE], fill=(255, 255, 255, 120), width=round(width / 60), joint="curve")
        for n in range(4):
            ends = [place((0.40 + n * 0.062, 0.245 + n * 0.062)), place((0.34 + n * 0.07, 0.33 + n * 0.055))]
            self.pen.line(ends, fill=sole, width=max(2, round(width / 42)))

    def plate(self, centre: Point, radius: float, rng: random.Random, rim: Ink = (250, 248, 244)) -> None:
        """A bowl of food seen from above."""
        self.disc((centre[0] + radius * 0.06, centre[1] + radius * 0.1), radius * 1.02, (0, 0, 0, 60))
        self.disc(centre, radius, rim)
        self.disc(centre, radius * 0.84, rng.choice(_BROTHS))
        for _ in range(rng.randint(9, 13)):
            spot = _around(rng, centre, radius * 0.56)
            rng.choice((self._slice, self._leaf, self._leaf, self._bean))(spot, radius * rng.uniform(0.13, 0.2), rng)
        if chance(rng, 0.6):
            self._egg(_around(rng, centre, radius * 0.3), radius * 0.27)

    def _shadow(self, centre: Point, half: float) -> None:
        for step in range(5):
            reach, height = half * (1 - step * 0.09), half * 0.13 * (1 - step * 0.12)
            box = (centre[0] - reach, centre[1] - height, centre[0] + reach, centre[1] + height)
            self.pen.ellipse(box, fill=(0, 0, 0, 16))

    def _slice(self, at: Point, radius: float, rng: random.Random) -> None:
        skin, flesh = rng.choice(_SLICES)
        self.disc(at, radius, skin)
        self.disc(at, radius * 0.8, flesh)
        for n in range(5):
            angle = n * math.tau / 5
            seed = (at[0] + math.cos(angle) * radius * 0.45, at[1] + math.sin(angle) * radius * 0.45)
            self.disc(seed, radius * 0.13, skin)

    def _leaf(self, at: Point, radius: float, rng: random.Random) -> None:
        green, turn = rng.choice(_GREENS), rng.uniform(0, math.tau)
        place = _Placer(at, radius * 2.6, turn)
        points = [place(p) for p in ((0.0, 0.5), (0.3, 0.28), (0.75, 0.33), (1.0, 0.5), (0.75, 0.67), (0.3, 0.72))]
        self.pen.polygon(_curve(points), fill=green)
        self.pen.line([place((0.05, 0.5)), place((0.9, 0.5))], fill=(255, 255, 255, 90), width=3)

    def _bean(self, at: Point, radius: float, rng: random.Random) -> None:
        self.disc(at, radius * 0.5, rng.choice(_BEANS))
        self.disc((at[0] - radius * 0.15, at[1] - radius * 0.17), radius * 0.14, (255, 255, 255, 110))

    def _egg(self, at: Point, radius: float) -> None:
        self.disc(at, radius, (255, 253, 247))
        self.disc(at, radius * 0.5, (250, 176, 5))
        self.disc((at[0] - radius * 0.14, at[1] - radius * 0.16), radius * 0.12, (255, 255, 255, 150))


def blend(one: Colour, other: Colour, share: float) -> Colour:
    """``share`` of the other colour in the one."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


_UPPER = (
    (0.05, 0.72), (0.03, 0.50), (0.05, 0.26), (0.10, 0.22), (0.17, 0.33), (0.27, 0.34), (0.35, 0.18), (0.42, 0.19),
    (0.53, 0.35), (0.68, 0.47), (0.86, 0.53), (0.96, 0.63), (0.97, 0.72), (0.6, 0.74), (0.3, 0.74),
)  # fmt: skip
_SOLE = (
    (0.01, 0.70), (0.25, 0.69), (0.6, 0.70), (0.9, 0.69), (1.01, 0.69), (1.0, 0.78), (0.9, 0.84), (0.6, 0.86),
    (0.42, 0.83), (0.25, 0.88), (0.08, 0.89), (-0.01, 0.82),
)  # fmt: skip
_HEEL = ((0.05, 0.70), (0.035, 0.50), (0.055, 0.34), (0.11, 0.40), (0.17, 0.55), (0.21, 0.70))
_TOE = ((0.80, 0.71), (0.82, 0.60), (0.88, 0.555), (0.95, 0.63), (0.96, 0.71))
_SIDE = (
    (0.30, 0.70), (0.38, 0.52), (0.48, 0.42), (0.53, 0.44), (0.50, 0.56), (0.60, 0.70), (0.52, 0.71), (0.45, 0.62),
    (0.40, 0.71),
)  # fmt: skip
_MIDSOLE = ((0.03, 0.775), (0.3, 0.775), (0.6, 0.765), (0.95, 0.75))
_BROTHS = ((233, 178, 88), (214, 120, 60), (244, 221, 170), (170, 188, 104), (196, 70, 48))
_SLICES = (((200, 40, 40), (239, 98, 78)), ((77, 140, 60), (206, 230, 160)), ((230, 140, 20), (255, 205, 90)))
_GREENS = ((46, 125, 50), (85, 160, 60), (124, 179, 66), (30, 100, 60))
_BEANS = ((120, 40, 60), (250, 220, 120), (190, 60, 50), (90, 160, 80))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("Pillow was built without FreeType; install its wheel to draw the sample images")
    return font


def _gradient(size: tuple[int, int], top: Colour, bottom: Colour | None, angle: int) -> Image.Image:
    if bottom is None:
        return Image.new("RGB", size, top)
    ramp = Image.linear_gradient("L").rotate(angle, Image.Resampling.BILINEAR).crop((45, 45, 211, 211))
    final = (size[0] // _OVERSAMPLING, size[1] // _OVERSAMPLING)
    smooth = ImageOps.colorize(ramp.resize(final, Image.Resampling.BILINEAR), top, bottom)
    return smooth.resize(size, Image.Resampling.NEAREST)  # no detail to lose: a third of the time of a smooth resize


def _fit(words: str, width: float, size: float) -> tuple[list[str], float]:
    for _ in range(8):
        lines = _wrap(words, width, _font(round(size)))
        if len(lines) <= _MAX_LINES and all(_font(round(size)).getlength(line) <= width for line in lines):
            break
        size *= 0.88
    return lines, size


def _wrap(words: str, width: float, font: ImageFont.FreeTypeFont) -> list[str]:
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and font.getlength(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


class _Placer:
    """Maps the unit square onto the canvas, turned about its middle and flattened to ``height``."""

    def __init__(self, centre: Point, width: float, turn: float, *, height: float = 1.0) -> None:
        self._centre, self._width, self._height = centre, width, width * height
        self._cos, self._sin = math.cos(turn), math.sin(turn)

    def __call__(self, point: Point) -> Point:
        x, y = (point[0] - 0.5) * self._width, (point[1] - 0.5) * self._height
        return self._centre[0] + x * self._cos - y * self._sin, self._centre[1] + x * self._sin + y * self._cos


def _curve(points: Sequence[Point], steps: int = 7) -> list[Point]:
    """A closed Catmull-Rom curve through the points."""
    count, smooth = len(points), []
    for n in range(count):
        p0, p1, p2, p3 = (points[(n + k) % count] for k in (-1, 0, 1, 2))
        smooth += [_between(p0, p1, p2, p3, step / steps) for step in range(steps)]
    return smooth


def _between(p0: Point, p1: Point, p2: Point, p3: Point, t: float) -> Point:
    def axis(a: float, b: float, c: float, d: float) -> float:
        return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))

    return axis(p0[0], p1[0], p2[0], p3[0]), axis(p0[1], p1[1], p2[1], p3[1])


def _around(rng: random.Random, centre: Point, reach: float) -> Point:
    angle, distance = rng.uniform(0, math.tau), reach * math.sqrt(rng.random())
    return centre[0] + math.cos(angle) * distance, centre[1] + math.sin(angle) * distance
