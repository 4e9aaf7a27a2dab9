"""The templates of the sample images: each lays out a product, a headline and a button in the brand's colours."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO

from core.sources.sample.brands import RUNNING, TABLE_OF_INDUSTRY, Colour, SampleBrand
from core.sources.sample.copywriter import read_table
from core.sources.sample.drawing import WHITE, Canvas, Point, blend

HEADLINE_LANGUAGES = ("en", "de", "es", "fr", "pt")  # written with the glyphs at hand
SQUARE, PORTRAIT, WIDE = (540, 540), (480, 600), (600, 314)  # 1080 x 1080, 1080 x 1350 and 1200 x 628, halved
_AVATAR_PIXELS = 80
_CREAM: Colour = (250, 247, 240)
_INK: Colour = (28, 28, 33)


@dataclass(frozen=True, slots=True)
class Scene:
    """What one picture is made of. ``variant`` chooses the size, or the card of a carousel."""

    brand: SampleBrand
    language: str
    variant: int
    rng: random.Random  # the same for all sizes of a picture

    @property
    def headline(self) -> str:
        """A line for the picture."""
        return str(self.rng.choice(read_table("headlines")[TABLE_OF_INDUSTRY[self.brand.industry]][self.language]))

    @property
    def button(self) -> str:
        """Words for the button."""
        return str(self.rng.choice(read_table("headlines")["button"][self.language]))


@dataclass(frozen=True, slots=True)
class Template:
    """A layout, the file type it is saved in and the sizes of its first and second variant."""

    draw: Callable[[Scene, tuple[int, int]], Canvas]
    extension: str = "jpg"
    sizes: tuple[tuple[int, int], tuple[int, int]] = (SQUARE, PORTRAIT)


def render(scene: Scene, template: Template) -> bytes:
    """The picture as a file; the same scene gives the same bytes."""
    size = template.sizes[scene.variant % 2]
    return _file(template.draw(scene, size), template.extension)


def render_avatar(brand: SampleBrand, page_name: str) -> bytes:
    """The picture of a page: its initial on the brand's colour, small and square."""
    canvas = Canvas((_AVATAR_PIXELS, _AVATAR_PIXELS), brand.palette[1], brand.palette[0])
    middle = canvas.width / 2
    canvas.text((middle, middle), page_name[0], canvas.width * 0.55, WHITE, anchor="mm")
    return _file(canvas, "png")


def _file(canvas: Canvas, extension: str) -> bytes:
    buffer, picture = BytesIO(), canvas.finish()
    if extension == "png":
        picture.save(buffer, "PNG", compress_level=3)
    else:
        picture.save(buffer, "JPEG", quality=86)
    return buffer.getvalue()


def _product(canvas: Canvas, scene: Scene, at: Point, width: float) -> None:
    dark, main, accent = scene.brand.palette
    if scene.brand.industry == RUNNING:
        tints = ((WHITE, accent, dark), (accent, WHITE, dark), (_CREAM, main, accent), (dark, accent, WHITE))
        canvas.shoe(at, width, scene.rng.choice(tints), tilt=scene.rng.choice((-0.28, -0.2, -0.1)))
    else:
        canvas.plate(at, width * 0.37, scene.rng, scene.rng.choice((_CREAM, WHITE, blend(dark, WHITE, 0.12))))


def _hero(scene: Scene, size: tuple[int, int]) -> Canvas:
    """Product in the middle of a gradient, words below."""
    dark, main, accent = scene.brand.palette
    c = Canvas(size, main, dark, angle=scene.rng.choice((-35, 0, 35)))
    c.disc((c.width * 0.5, c.height * 0.40), c.short * 0.36, (*accent, 60))
    c.disc((c.width * 0.5, c.height * 0.40), c.short * 0.28, (*accent, 90))
    _product(c, scene, (c.width * 0.5, c.height * 0.385), c.short * 0.66)
    margin = c.width * 0.07
    c.wordmark((margin, margin), scene.brand.name, c.short * 0.055, WHITE)
    y = c.headline((margin, c.height * 0.68), scene.headline, c.width * 0.86, c.short * 0.08, WHITE)
    c.pill((margin, min(y + c.short * 0.025, c.height * 0.905)), scene.button, c.short * 0.036, dark, accent)
    return c


def _split(scene: Scene, size: tuple[int, int]) -> Canvas:
    """Words on the brand's colour at the left, product on a pale ground at the right."""
    dark, main, accent = scene.brand.palette
    ground, words = scene.rng.choice(((main, WHITE), (dark, WHITE), (accent, dark)))
    c = Canvas(size, ground)
    c.pen.rectangle((c.width * 0.5, 0, c.width, c.height), fill=blend(main, WHITE, 0.86))
    _product(c, scene, (c.width * 0.75, c.height * 0.5), min(c.height * 0.95, c.width * 0.45))
    margin = c.width * 0.05
    c.wordmark((margin, c.height * 0.09), scene.brand.name, c.short * 0.065, words)
    y = c.headline((margin, c.height * 0.30), scene.headline, c.width * 0.41, c.short * 0.125, words)
    c.pill((margin, min(y + c.short * 0.06, c.height * 0.84)), scene.button, c.short * 0.05, ground, words)
    return c


def _stage(scene: Scene, size: tuple[int, int]) -> Canvas:
    """Product on a round stage, the headline above it, much air."""
    dark, main, accent = scene.brand.palette
    c = Canvas(size, blend(main, WHITE, 0.88), blend(accent, WHITE, 0.62))
    base, half = c.height * 0.80, c.width * 0.40
    c.pen.rectangle((c.width / 2 - half, base, c.width / 2 + half, c.height), fill=blend(main, WHITE, 0.35))
    lid = (c.width / 2 - half, base - half * 0.2, c.width / 2 + half, base + half * 0.2)
    c.pen.ellipse(lid, fill=blend(main, WHITE, 0.55))
    _product(c, scene, (c.width * 0.5, c.height * 0.60), c.short * 0.66)
    c.text((c.width / 2, c.height * 0.06), scene.brand.name.lower(), c.short * 0.048, main, anchor="ma")
    c.headline((c.width / 2, c.height * 0.135), scene.headline, c.width * 0.84, c.short * 0.085, dark, centred=True)
    c.pill((c.width / 2, c.height * 0.89), scene.button, c.short * 0.034, WHITE, dark, centred=True)
    return c


def _minimal(scene: Scene, size: tuple[int, int]) -> Canvas:
    """A thin frame, a small product, quiet words: the premium look."""
    dark, _, accent = scene.brand.palette
    night = blend(dark, (0, 0, 0), 0.45)
    c = Canvas(size, blend(night, WHITE, 0.10), night)
    edge = c.short * 0.05
    c.pen.rectangle((edge, edge, c.width - edge, c.height - edge), outline=(*accent, 170), width=3)
    spaced = " ".join(scene.brand.name.upper())
    c.text((c.width / 2, c.height * 0.12), spaced, c.short * 0.036, accent, bold=False, anchor="ma")
    _product(c, scene, (c.width / 2, c.height * 0.46), c.short * 0.56)
    c.text((c.width / 2, c.height * 0.77), scene.headline, c.short * 0.052, _CREAM, bold=False, anchor="ma")
    c.pen.line((c.width * 0.44, c.height * 0.865, c.width * 0.56, c.height * 0.865), fill=accent, width=3)
    return c


def _dots(scene: Scene, size: tuple[int, int]) -> Canvas:
    """Confetti and big words: the playful look."""
    dark, main, accent = scene.brand.palette
    c = Canvas(size, accent)
    for _ in range(26):
        spot = (scene.rng.uniform(0, c.width), scene.rng.uniform(0, c.height))
        ink = scene.rng.choice((main, dark, WHITE, blend(accent, WHITE, 0.5)))
        c.disc(spot, c.short * scene.rng.uniform(0.012, 0.05), ink)
    c.disc((c.width * 0.5, c.height * 0.60), c.short * 0.29, main)
    _product(c, scene, (c.width * 0.5, c.height * 0.60), c.short * 0.64)
    margin = c.width * 0.06
    c.pen.rounded_rectangle((margin, margin, c.width - margin, c.height * 0.27), radius=36, fill=dark)
    c.headline((c.width / 2, c.height * 0.095), scene.headline, c.width * 0.8, c.short * 0.072, WHITE, centred=True)
    c.pill((c.width / 2, c.height * 0.885), scene.brand.name.lower(), c.short * 0.042, dark, WHITE, centred=True)
    return c


def _quote(scene: Scene, size: tuple[int, int]) -> Canvas:
    """Somebody's words, large."""
    dark, main, accent = scene.brand.palette
    c = Canvas(size, _CREAM)
    c.disc((c.width * 0.92, c.height * 0.98), c.short * 0.42, blend(main, WHITE, 0.7))
    margin = c.width * 0.08
    c.text((margin, c.height * 0.07), "\u201c", c.short * 0.36, accent)
    lines = read_table("headlines")["quote"][TABLE_OF_INDUSTRY[scene.brand.industry]]
    y = c.headline((margin, c.height * 0.27), scene.rng.choice(lines), c.width * 0.84, c.short * 0.115, dark)
    for n in range(5):
        c.disc((margin + c.short * (0.022 + n * 0.06), y + c.short * 0.06), c.short * 0.02, accent)
    _product(c, scene, (c.width * 0.74, c.height * 0.78), c.short * 0.46)
    c.wordmark((margin, c.height * 0.90), scene.brand.name, c.short * 0.05, main)
    return c


def _sale(scene: Scene, size: tuple[int, int]) -> Canvas:
    """The word of the month in letters as large as fit."""
    dark, main, accent = scene.brand.palette
    c = Canvas(size, dark, main, angle=-30)
    for n in range(-2, 9):
        x, wide, lean = c.width * n * 0.16, c.width * 0.05, c.width * 0.25
        stripe = [(x, 0), (x + wide, 0), (x + wide - lean, c.height), (x - lean, c.height)]
        c.pen.polygon(stripe, fill=(255, 255, 255, 12))
    c.text((c.width / 2, c.height * 0.11), "SALE", c.short * 0.26, accent, anchor="ma")
    _product(c, scene, (c.width * 0.5, c.height * 0.61), c.short * 0.62)
    c.pill((c.width / 2, c.height * 0.865), scene.button, c.short * 0.04, dark, WHITE, centred=True)
    c.wordmark((c.width / 2, c.height * 0.045), scene.brand.name, c.short * 0.042, WHITE, anchor="ma")
    return c


def _poster(scene: Scene, size: tuple[int, int]) -> Canvas:
    """A still of a video: dim, with a play sign and a time line."""
    dark, main, accent = scene.brand.palette
    c = Canvas(size, blend(main, dark, 0.3), blend(dark, (0, 0, 0), 0.5), angle=scene.rng.choice((-30, 15, 40)))
    c.disc((c.width * scene.rng.uniform(0.2, 0.8), c.height * 0.25), c.short * 0.3, (*accent, 70))
    _product(c, scene, (c.width * 0.5, c.height * 0.47), c.short * 0.76)
    c.disc((c.width / 2, c.height / 2), c.short * 0.095, (0, 0, 0, 120))
    x, y, r = c.width / 2, c.height / 2, c.short * 0.048
    c.pen.polygon([(x - r * 0.7, y - r), (x - r * 0.7, y + r), (x + r, y)], fill=WHITE)
    margin = c.width * 0.06
    c.headline((margin, c.height * 0.78), scene.headline, c.width * 0.88, c.short * 0.065, WHITE)
    c.wordmark((margin, margin), scene.brand.name, c.short * 0.05, WHITE)
    played = margin + (c.width - 2 * margin) * scene.rng.uniform(0.05, 0.4)
    for end, ink in ((c.width - margin, (255, 255, 255, 90)), (played, (*accent, 255))):
        c.pen.rounded_rectangle((margin, c.height * 0.93, end, c.height * 0.937), radius=4, fill=ink)
    return c


def _card(scene: Scene, size: tuple[int, int]) -> Canvas:
    """One card of a carousel: a product, its name, a price-free strip."""
    dark, main, accent = scene.brand.palette
    name = scene.brand.products[(scene.rng.randrange(5) + scene.variant) % len(scene.brand.products)]
    tint = (main, accent, dark)[scene.variant % 3]
    cards = random.Random(f"{scene.rng.random()}:{scene.variant}")  # noqa: S311 (a drawing; each card has its own product)
    c = Canvas(size, blend(tint, WHITE, 0.72), blend(tint, WHITE, 0.9))
    c.disc((c.width / 2, c.height * 0.42), c.short * 0.33, blend(tint, WHITE, 0.45))
    _product(c, Scene(scene.brand, scene.language, scene.variant, cards), (c.width / 2, c.height * 0.42), c.short * 0.7)
    c.pen.rectangle((0, c.height * 0.80, c.width, c.height), fill=WHITE)
    c.text((c.width * 0.06, c.height * 0.838), name, c.short * 0.06, _INK)
    c.text((c.width * 0.06, c.height * 0.915), scene.brand.name, c.short * 0.04, (110, 110, 120), bold=False)
    c.pill((c.width * 0.80, c.height * 0.852), scene.button, c.short * 0.034, WHITE, dark, centred=True)
    return c


TEMPLATES: Mapping[str, Template] = {
    "hero": Template(_hero),
    "split": Template(_split, "png", (WIDE, SQUARE)),
    "stage": Template(_stage),
    "minimal": Template(_minimal, sizes=(PORTRAIT, SQUARE)),
    "dots": Template(_dots, "png"),
    "quote": Template(_quote, "png", (SQUARE, PORTRAIT)),
    "sale": Template(_sale),
    "poster": Template(_poster, sizes=(PORTRAIT, SQUARE)),
    "card": Template(_card, sizes=(SQUARE, SQUARE)),
}
