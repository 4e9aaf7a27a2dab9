"""A picture made anew, as campaigns do: other sizes and formats, another button."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFilter, ImageOps


def _button(image: Image.Image) -> Image.Image:
    drawn, (width, height) = image.copy(), image.size
    ImageDraw.Draw(drawn).rectangle((0.3 * width, 0.85 * height, 0.7 * width, 0.95 * height), fill="white")
    return drawn


def _banner(image: Image.Image) -> Image.Image:
    drawn, (width, height) = image.copy(), image.size
    ImageDraw.Draw(drawn).rectangle((0, 0.8 * height, width, height), fill=(230, 30, 60))
    return drawn


def _jpeg(image: Image.Image) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file).convert("RGB")


def _cut(share: float) -> Callable[[Image.Image], Image.Image]:
    def cut(image: Image.Image) -> Image.Image:
        x, y = image.width * share, image.height * share
        return image.crop((round(x), round(y), round(image.width - x), round(image.height - y)))

    return cut


def _on_blurred(image: Image.Image) -> Image.Image:
    behind = ImageOps.fit(image, (480, 600)).filter(ImageFilter.GaussianBlur(30))
    inside = ImageOps.contain(image, (480, 600))
    behind.paste(inside, ((480 - inside.width) // 2, (600 - inside.height) // 2))
    return behind


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half as large": lambda image: image.resize((image.width // 2, image.height // 2)),
    "JPEG at quality 30": _jpeg,
    "squeezed to 4:5": lambda image: image.resize((480, 600)),
    "4:5 on its own blur": _on_blurred,
    "cropped to 4:5": lambda image: ImageOps.fit(image, (480, 600)),
    "cropped to 1:1": lambda image: ImageOps.fit(image, (600, 600)),
    "cropped to 1.91:1": lambda image: ImageOps.fit(image, (628, 328)),
    "5 % off each side": _cut(0.05),
    "10 % off each side": _cut(0.1),
    "another button": _button,
    "a banner over a fifth": _banner,
}
