"""What stands on a picture is read in a process that may die of it, without a network; what it says is checked."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from core.adapters.ocr_pool import OcrPool, PictureText, unpack_answer
from core.adapters.tesseract import PACKS, installed_tesseract
from core.ai.on_screen_text import Expected, judge
from core.domain.media import MediaStatus
from core.errors import MediaProblemError
from core.sources.sample.artwork import TEMPLATES, Scene, render
from core.sources.sample.brands import BRANDS
from core.sources.sample.copywriter import read_table
from tests.fakes.text_reader import a_thumbnail

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
ROOT = Path(__file__).parents[3]
MAX_PIXELS = 40_000_000
KOREAN_ON_SCREEN = "오늘만 무료"


@pytest.fixture(scope="module")
def pool() -> Iterator[OcrPool]:
    """One reader for all: loading its models takes a second."""
    pool = OcrPool(max_pixels=MAX_PIXELS)
    yield pool
    pool.close()


def a_sample_picture(template: str = "sale", seed: int = 3) -> bytes:
    return render(Scene(BRANDS[0], "en", 0, random.Random(seed)), TEMPLATES[template])


def readers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "ocr_child" in " ".join(child.cmdline())]


def words_of(text: str) -> set[str]:
    return {"".join(filter(str.isalnum, word)) for word in text.casefold().split()} - {""}


# --- what is read -------------------------------------------------------------------------------------


def test_what_stands_on_a_picture_is_read_with_its_place(pool: OcrPool) -> None:
    button = words_of(" ".join(str(each) for each in read_table("headlines")["button"]["en"]))
    seen = pool.read(io.BytesIO(a_sample_picture("hero")))
    text = judge(seen.lines, Expected(frozenset({"en"}))).text

    assert BRANDS[0].name.casefold() in text.casefold()
    assert words_of(text) & button
    assert all(0 <= left < right <= 1 and 0 <= top < bottom <= 1 for left, top, right, bottom in boxes(seen))


def boxes(seen: PictureText) -> list[tuple[float, float, float, float]]:
    return [line.box for line in seen.lines]


def test_a_thumbnail_of_bounded_side_comes_along(pool: OcrPool) -> None:
    stream = io.BytesIO()
    Image.new("RGB", (3000, 1500), "teal").save(stream, "PNG")
    seen = pool.read(stream)

    with Image.open(io.BytesIO(seen.thumbnail)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (480, 240))
    assert (seen.width, seen.height, seen.lines) == (3000, 1500, ())


@pytest.mark.real_data
def test_every_hostile_image_ends_with_a_reason_or_is_read_and_the_worker_does_not_grow(
    pool: OcrPool, real_data: Path
) -> None:
    files = [path for path in sorted((real_data / "nasty_images").rglob("*")) if path.is_file()]
    pool.read(io.BytesIO(a_sample_picture()))
    process = psutil.Process()
    before = process.memory_info().rss
    outcomes = {path: outcome(pool, path) for path in files}

    assert len(files) >= 54
    assert all(outcomes.values())
    assert {outcomes[path] for path in files if path.suffix == ".svg"} == {
        "unreadable: not a supported kind of image (PNG, JPEG, WebP, GIF, AVIF) or video (MP4)"
    }
    assert process.memory_info().rss - before < 8 << 20
    assert pool.read(io.BytesIO(a_sample_picture())).lines


def outcome(pool: OcrPool, path: Path) -> str:
    try:
        with path.open("rb") as stream:
            seen = pool.read(stream)
    except MediaProblemError as problem:
        return f"{problem.status}: {problem}" if str(problem) else ""
    found = judge(seen.lines)
    return f"{found.status}: {found.reason or found.text}"


# --- how it is read -----------------------------------------------------------------------------------


def test_a_reader_gives_way_to_everything_else_and_holds_to_its_limits(pool: OcrPool) -> None:
    pool.read(io.BytesIO(a_sample_picture()))
    (child,) = readers()

    assert child.nice() == 19
    assert set(child.environ()) == {"LANG", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"}
    if sys.platform == "linux":
        assert child.rlimit(psutil.RLIMIT_DATA)[0] <= 3 << 30
        assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)


def test_a_reader_that_is_killed_while_it_reads_is_replaced_and_the_picture_read(pool: OcrPool) -> None:
    pool.read(io.BytesIO(a_sample_picture()))
    (child,) = readers()
    child.send_signal(signal.SIGSTOP)  # it will be at work, for ever
    os.kill(child.pid, 0)
    killer = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {child.pid}"])

    assert pool.read(io.BytesIO(a_sample_picture())).lines
    assert killer.wait() == 0
    assert [each.pid for each in readers()] != [child.pid]
    pool.rest()  # a reader holds 300 MB
    assert readers() == []


WITHOUT_NETWORK = """
import socket, sys, io, logging
def refuse(*_, **__):
    raise AssertionError("a network was asked for")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from core.adapters.ocr_child import read
answer = read(open(sys.argv[1], "rb"), "{}", 40_000_000)
sys.stderr.write(f"loggers {logging.getLogger('RapidOCR').getEffectiveLevel()}")
sys.stdout.buffer.write(answer)
"""


def test_a_reader_asks_for_no_network_and_writes_no_log(tmp_path: Path) -> None:
    picture = tmp_path / "picture.jpg"
    picture.write_bytes(a_sample_picture())
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, str(picture)], cwd=ROOT, capture_output=True, check=True
    )

    assert done.stderr == b"loggers 50"
    assert unpack_answer(done.stdout).lines


# --- what a child that was taken over may say ---------------------------------------------------------

THUMBNAIL = a_thumbnail()
A_LINE = {"text": "a", "confidence": 0.5, "box": [0, 0, 1, 1], "reader": "rapidocr"}


def an_answer(thumbnail: bytes = THUMBNAIL, **changes: object) -> bytes:
    said = {"width": 4, "height": 4, "lines": [A_LINE]} | changes
    return json.dumps(said).encode() + b"\n" + thumbnail


def test_a_sound_answer_is_taken() -> None:
    assert unpack_answer(an_answer()).lines[0].text == "a"
    assert unpack_answer(an_answer(lines=[A_LINE | {"text": "a\0b"}])).lines[0].text == "a\ufffdb"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[" * 10_000,
        an_answer(thumbnail=b""),
        an_answer(thumbnail=b"<html><script>alert(1)</script>"),
        an_answer(thumbnail=THUMBNAIL + bytes(300_000)),
        an_answer(width=-1),
        an_answer(width=True),
        an_answer(lines=None),
        an_answer(lines=[A_LINE] * 1_001),
        an_answer(lines=[A_LINE | {"text": "a" * 2_001}]),
        an_answer(lines=[A_LINE | {"text": 5}]),
        an_answer(lines=[A_LINE | {"confidence": 1.5}]),
        an_answer(lines=[A_LINE | {"confidence": float("nan")}]),
        an_answer(lines=[A_LINE | {"box": [0, 0, 1]}]),
        an_answer(lines=[A_LINE | {"box": [0, 0, 1, 7]}]),
        an_answer(lines=[A_LINE | {"reader": "<b>"}]),
        an_answer(lines=[A_LINE | {"more": 1}]),
    ],
)
def test_an_answer_that_no_reader_of_ours_gives_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  json's own is one, too
        unpack_answer(answer)


def test_a_problem_is_the_pictures() -> None:
    with pytest.raises(MediaProblemError, match="broken") as caught:
        unpack_answer(b'{"problem": "unreadable", "reason": "broken"}')
    assert caught.value.status is MediaStatus.UNREADABLE


# --- Tesseract, where it is installed -----------------------------------------------------------------

FAKE = f"""\
#!{sys.executable}
import sys
arguments = sys.argv[1:]
if arguments == ["--version"]:
    print("tesseract 5.3.0\\n leptonica-1.82.0")
elif arguments == ["--list-langs"]:
    print('List of available languages in "/usr/share/tessdata/" (3):\\neng\\nkor\\nosd')
elif arguments == ["stdin", "stdout", "-l", "kor+eng", "--psm", "11", "tsv"]:
    assert sys.stdin.buffer.read(2) == b"P5"  # plain grey pixels
    columns = "level page_num block_num par_num line_num word_num left top width height conf text"
    rows = [columns.split(), "1 1 0 0 0 0 0 0 540 540 -1".split() + [""],
            "5 1 1 1 1 1 54 54 108 27 95.5 오늘만".split(), "5 1 1 1 1 2 172 54 98 27 93.5 무료".split()]
    print("\\n".join("\\t".join(row) for row in rows))
else:
    raise SystemExit(f"not asked like this by us: {{arguments}}")
"""


@pytest.fixture
def fake_tesseract(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "tesseract"
    program.parent.mkdir()
    program.write_text(textwrap.dedent(FAKE), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    return program


def test_where_tesseract_has_the_pack_korean_is_read_by_it(fake_tesseract: Path) -> None:
    pool = OcrPool(max_pixels=MAX_PIXELS)
    try:
        seen = pool.read(io.BytesIO(a_sample_picture()), ["ko"])
        named, plain = pool.name_for(["ko"]), pool.name_for(["en"])
        found = judge(seen.lines, Expected(frozenset({"ko"}), also_read=pool.languages))
    finally:
        pool.close()

    (line,) = (line for line in seen.lines if line.reader == "tesseract")
    assert (line.text, line.box) == (KOREAN_ON_SCREEN, (0.1, 0.1, 0.5, 0.15))
    assert line.confidence == pytest.approx((3 * 0.955 + 2 * 0.935) / 5)
    assert KOREAN_ON_SCREEN in found.text
    assert named.endswith("tesseract 5.3.0 (kor+eng)")
    assert "tesseract" not in plain


def test_without_tesseract_nothing_is_missing_but_its_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert installed_tesseract() is None
    assert OcrPool(max_pixels=MAX_PIXELS).languages == frozenset()


def test_a_tesseract_that_does_not_work_is_none(fake_tesseract: Path) -> None:
    fake_tesseract.write_text("#!/bin/sh\nexit 1\n")

    assert installed_tesseract() is None


def test_the_fake_answers_as_the_real_one_does(tmp_path: Path) -> None:
    """Held where Tesseract is installed: the columns, the levels and the list of languages."""
    real = installed_tesseract()
    if real is None:
        pytest.skip("no Tesseract on this machine")
    picture = tmp_path / "words.ppm"
    with Image.open(io.BytesIO(a_sample_picture("hero"))) as image:
        image.convert("L").save(picture, "PPM")
    with picture.open("rb") as pixels:
        command = [real.program, "stdin", "stdout", "-l", "eng", "--psm", "11", "tsv"]
        done = subprocess.run(command, stdin=pixels, capture_output=True, check=True, text=True)
    rows = [row.split("\t") for row in done.stdout.rstrip("\n").split("\n")]

    assert " ".join(rows[0]) == "level page_num block_num par_num line_num word_num left top width height conf text"
    assert {len(row) for row in rows} == {12}
    words = [row for row in rows if row[0] == "5"]
    assert all(0 <= float(row[10]) <= 100 and row[-1] for row in words)
    assert real.languages <= set(PACKS)
    assert real.version.startswith("tesseract ")
