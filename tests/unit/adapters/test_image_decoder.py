"""Every file ends in facts or in a status with a reason, whatever it is made of."""

import io
import struct
import time
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.adapters.image_decoder import MediaFacts, probe_and_describe
from core.adapters.visual_embedder import VISUAL_DIMENSION
from core.domain.media import MediaStatus
from core.errors import MediaProblemError

# Pillow warns of broken EXIF and the like; production logs it and reads on.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def picture(seed: int = 0, size: tuple[int, int] = (360, 240)) -> Image.Image:
    """A layout of coloured blocks: another one for each seed."""
    random = np.random.default_rng(seed)
    image = Image.new("RGB", size, tuple(random.integers(0, 256, 3)))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        x, y = random.integers(0, size[0]), random.integers(0, size[1])
        w, h = random.integers(20, size[0]), random.integers(20, size[1])
        draw.rectangle((int(x), int(y), int(x + w), int(y + h)), fill=tuple(random.integers(0, 256, 3)))
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def probe(content: bytes, **limits: int) -> MediaFacts:
    return probe_and_describe(io.BytesIO(content), **limits)


def problem_of(content: bytes, **limits: int) -> MediaProblemError:
    with pytest.raises(MediaProblemError) as caught:
        probe(content, **limits)
    return caught.value


def outcome(stream: BinaryIO) -> str:
    """The content type, or the status of a problem that has a reason."""
    try:
        return probe_and_describe(stream).content_type
    except MediaProblemError as problem:
        return problem.status if str(problem) else ""


def png_of(width: int, height: int, data: bytes) -> bytes:
    """A PNG that says it is this large; ``data`` is the content of its one data chunk, right checksums around it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_a_supported_image_has_facts_and_a_unit_vector(kind: str) -> None:
    facts = probe(encoded(picture(), kind))

    assert (facts.content_type, facts.width, facts.height, facts.frames) == (f"image/{kind.lower()}", 360, 240, 1)
    assert facts.visual is not None
    assert (facts.visual.shape, facts.visual.dtype) == ((VISUAL_DIMENSION,), np.float32)
    assert np.linalg.norm(facts.visual) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(
    ("mode", "kind"), [*((m, "PNG") for m in ("1", "L", "LA", "P", "RGBA", "I;16")), ("CMYK", "JPEG")]
)
def test_every_colour_mode_is_described(mode: str, kind: str) -> None:
    image = picture().convert("I").convert(mode) if mode == "I;16" else picture().convert(mode)

    assert probe(encoded(image, kind)).visual is not None


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF"])
def test_an_animation_counts_its_frames_and_is_described_by_the_first(kind: str) -> None:
    frames = [picture(seed) for seed in range(3)]

    facts = probe(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))

    assert facts.frames == 3
    assert cosine(facts, probe(encoded(frames[0]))) > 0.95


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_and_the_vector_are_those_people_see(orientation: int) -> None:
    turns = Image.Transpose
    undo = [None, None, turns.FLIP_LEFT_RIGHT, turns.ROTATE_180, turns.FLIP_TOP_BOTTOM, turns.TRANSPOSE]
    undo += [turns.ROTATE_90, turns.TRANSVERSE, turns.ROTATE_270]
    turn = undo[orientation]
    stored = picture() if turn is None else picture().transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation

    facts = probe(encoded(stored, "JPEG", quality=95, exif=exif))

    assert (facts.width, facts.height) == (360, 240)
    assert cosine(facts, probe(encoded(picture()))) > 0.98


def test_a_four_gigapixel_image_is_too_large_by_its_header_alone() -> None:
    began = time.monotonic()

    problem = problem_of(png_of(65_536, 65_536, zlib.compress(b"")))

    assert problem.status is MediaStatus.TOO_LARGE
    assert "65,536 × 65,536 pixels" in str(problem)
    assert time.monotonic() - began < 1.0


def test_the_pixel_limit_is_exact() -> None:
    content = encoded(picture(size=(100, 100)))

    assert probe(content, max_pixels=10_000).width == 100
    assert problem_of(content, max_pixels=9_999).status is MediaStatus.TOO_LARGE


def test_a_gif_whose_frame_outgrows_its_screen_is_too_large() -> None:
    screen = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0, 0, 0)
    frame = b"," + struct.pack("<HHHHB", 0, 0, 65_535, 65_535, 0) + b"\x02\x02\x44\x01\x00;"

    assert problem_of(screen + frame).status is MediaStatus.TOO_LARGE


def test_a_webp_that_claims_a_giant_canvas_is_too_large() -> None:
    canvas = (16_383).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas

    assert problem_of(b"RIFF" + struct.pack("<I", len(body)) + body).status is MediaStatus.TOO_LARGE


def test_a_file_of_too_many_bytes_is_not_opened() -> None:
    problem = problem_of(encoded(picture()), max_bytes=100)

    assert problem.status is MediaStatus.TOO_LARGE
    assert "at most 100" in str(problem)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_image_is_unreadable(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    content = encoded(Image.fromarray(noise), kind)

    problem = problem_of(content[: int(len(content) * share)])

    assert problem.status is MediaStatus.UNREADABLE
    assert f"broken or truncated image/{kind.lower()}" in str(problem)


def test_a_broken_data_stream_does_not_pass_for_a_whole_picture() -> None:
    noise = np.random.default_rng(0).integers(0, 256, 64 * (64 * 3 + 1), dtype=np.uint8)
    noise[:: 64 * 3 + 1] = 0  # the filter of each row
    data = zlib.compress(noise.tobytes())
    assert probe(png_of(64, 64, data)).width == 64

    problem = problem_of(png_of(64, 64, data[:6000] + b"\xff" * 6000))

    assert problem.status is MediaStatus.UNREADABLE


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "AVIF"])
def test_random_damage_ends_in_facts_or_a_reason(kind: str) -> None:
    random = np.random.default_rng(1)
    content = np.frombuffer(encoded(picture(size=(64, 64)), kind), dtype=np.uint8)
    for _ in range(150):
        damaged = content.copy()
        places = random.integers(0, len(content), 5)
        damaged[places] = random.integers(0, 256, 5)
        assert outcome(io.BytesIO(damaged.tobytes()))


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!DOCTYPE html><html></html>",
        b"%!PS-Adobe-3.0 EPSF-3.0\n(x) run",
        b"%PDF-1.7",
        b"BM" + bytes(60),
        b"II*\0" + bytes(60),
        b"PK\x03\x04" + bytes(60),
        b"\0\0\0\x18ftypheic" + bytes(60),
        b"\0",
    ],
)
def test_anything_else_is_no_supported_kind(content: bytes) -> None:
    problem = problem_of(content)

    assert problem.status is MediaStatus.UNREADABLE
    assert "not a supported kind" in str(problem)


def test_an_empty_file_says_so() -> None:
    assert str(problem_of(b"")) == "empty file"


@pytest.mark.parametrize("brand", [b"isom", b"mp42", b"avc1", b"M4V ", b"iso5"])
def test_an_mp4_is_recognised_by_content_and_not_decoded(brand: bytes) -> None:
    assert probe(b"\0\0\0\x20ftyp" + brand + bytes(100)) == MediaFacts("video/mp4")


def cosine(one: MediaFacts, other: MediaFacts) -> float:
    assert one.visual is not None
    assert other.visual is not None
    return float(one.visual @ other.visual)


def test_copies_of_a_picture_are_nearer_to_it_than_any_other_picture() -> None:
    originals = [probe(encoded(picture(seed))) for seed in range(20)]
    for seed, original in enumerate(originals):
        image = picture(seed)
        width, height = image.size
        cropped = image.crop((5, 4, width - 5, height - 4))
        copies = [
            probe(encoded(image, "JPEG", quality=40)),
            probe(encoded(image.resize((width // 2, height // 2)), "WEBP")),
            probe(encoded(image.resize((width * 3, height * 3)), "JPEG")),
            probe(encoded(cropped, "JPEG")),
        ]
        others = [cosine(original, other) for number, other in enumerate(originals) if number != seed]
        assert min(cosine(original, copy) for copy in copies) > max(0.9, *others)


def test_the_same_bytes_give_the_same_vector() -> None:
    content = encoded(picture(), "JPEG")

    assert np.array_equal(probe(content).visual, probe(content).visual)  # type: ignore[arg-type]


def test_transparent_counts_as_white() -> None:
    transparent = Image.new("RGBA", (50, 50), (255, 0, 0, 0))

    assert cosine(probe(encoded(transparent)), probe(encoded(Image.new("RGB", (50, 50), "white")))) > 0.999


def test_plain_surfaces_have_vectors_that_tell_colours_apart() -> None:
    red, blue = (probe(encoded(Image.new("RGB", (9, 9), colour))) for colour in ("red", "blue"))

    assert cosine(red, blue) < 0.5


@pytest.mark.real_data
def test_every_hostile_image_ends_in_facts_or_a_reason(real_data: Path) -> None:
    outcomes: dict[str, str] = {}
    for path in sorted((real_data / "nasty_images").rglob("*")):
        if not path.is_file():
            continue
        with path.open("rb") as stream:
            outcomes[path.name] = outcome(stream)

    assert len(outcomes) >= 54
    assert all(outcomes.values())
    assert outcomes["bomb_40000x40000_1bit.png"] == outcomes["decompression_bomb.gif"] == MediaStatus.TOO_LARGE
    assert outcomes["truncated_image.png"] == outcomes["broken_data_stream.png"] == MediaStatus.UNREADABLE
    assert all(status == MediaStatus.UNREADABLE for name, status in outcomes.items() if name.endswith(".svg"))
    assert outcomes["hopper_bad_exif.jpg"] == "image/jpeg"  # a broken EXIF block, a whole picture
