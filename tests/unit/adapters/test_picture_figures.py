"""Two copies of a picture have nearly one perceptual hash, two pictures don't; colours are few and tell how much."""

from __future__ import annotations

import io
import random
from itertools import combinations

import pytest
from PIL import Image

from core.adapters.picture_figures import Colour, dominant_colours, perceptual_hash
from core.adapters.visual_embedder import reduced
from core.sources.sample.artwork import TEMPLATES, Scene, render
from core.sources.sample.brands import BRANDS

COPY_WITHIN_BITS = 10  # of 64. On 290 real pictures copies lie within 6 and 99 of 100 pairs beyond 20


def sample_pictures() -> list[Image.Image]:
    brands = [brand for brand in BRANDS for _ in range(2)]
    scenes = [Scene(brand, "en", 0, random.Random(n)) for n, brand in enumerate(brands)]
    templates = list(TEMPLATES.values())
    return [
        Image.open(io.BytesIO(render(scene, templates[n % len(templates)]))).convert("RGB")
        for n, scene in enumerate(scenes[: len(templates)])
    ]


PICTURES = sample_pictures()


def apart(one: Image.Image, other: Image.Image) -> int:
    """In how many bits their hashes differ."""
    hashes = [perceptual_hash(reduced(image)) for image in (one, other)]
    return (((hashes[0] or 0) ^ (hashes[1] or 0)) & ((1 << 64) - 1)).bit_count()


def saved_badly(image: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    image.resize((image.width * 2 // 3, image.height * 2 // 3)).save(stream, "JPEG", quality=40)
    return Image.open(stream)


def test_a_smaller_worse_copy_has_nearly_the_same_hash() -> None:
    assert max(apart(picture, saved_badly(picture)) for picture in PICTURES) <= COPY_WITHIN_BITS


def test_other_pictures_have_other_hashes() -> None:
    assert min(apart(one, other) for one, other in combinations(PICTURES, 2)) > COPY_WITHIN_BITS


def test_the_hash_is_a_bigint_of_postgresql() -> None:
    hashes = [perceptual_hash(reduced(picture)) or 0 for picture in PICTURES]

    assert all(-(1 << 63) <= value < 1 << 63 for value in hashes)
    assert min(hashes) < 0 < max(hashes)


def test_a_plain_surface_has_no_hash() -> None:
    assert perceptual_hash(reduced(Image.new("RGB", (300, 200), "teal"))) is None


def test_colours_tell_what_share_of_the_picture_they_fill() -> None:
    flag = Image.new("RGB", (320, 320), "#0050a0")
    flag.paste("#ffcc00", (0, 0, 80, 320))
    flag.paste("#ffce02", (0, 0, 80, 160))  # people give it the same name

    blue, yellow = dominant_colours(reduced(flag))
    assert (blue, yellow.share) == (Colour("#0050a0", 0.75), 0.25)
    assert yellow.hex in ("#ffcc00", "#ffce02")


@pytest.mark.parametrize("picture", PICTURES)
def test_colours_are_few_and_no_more_than_the_picture(picture: Image.Image) -> None:
    colours = dominant_colours(reduced(picture))

    assert 1 <= len(colours) <= 5
    assert sum(colour.share for colour in colours) <= 1.0001
    assert [colour.share for colour in colours] == sorted((colour.share for colour in colours), reverse=True)
