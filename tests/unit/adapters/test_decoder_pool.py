"""Whatever a file does to its decoder, the worker lives, the file has a reason and the next file is decoded."""

from __future__ import annotations

import gzip
import io
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path
from typing import Any, BinaryIO, cast

import psutil
import pytest
from PIL import Image

from core.adapters.decoder_pool import DecoderPool
from core.adapters.image_decoder import MediaFacts, probe_and_describe
from core.domain.media import MediaStatus
from core.errors import MediaProblemError, UnavailableError
from tests.fakes import poisoned_decoder
from tests.fakes.poisoned_decoder import poisoned

# Pillow warns of broken EXIF and the like; production logs it and reads on.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
ROOT = Path(__file__).parents[3]
MAX_PIXELS = 40_000_000

MakePool = Callable[..., DecoderPool]


@pytest.fixture
def make_pool() -> Iterator[MakePool]:
    pools: list[DecoderPool] = []

    def make(**changes: Any) -> DecoderPool:
        pools.append(DecoderPool(**({"max_pixels": MAX_PIXELS} | changes)))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture
def poisoned_pool(make_pool: MakePool) -> DecoderPool:
    """One child at a time, which pictures can kill."""
    return make_pool(command=poisoned_decoder.COMMAND, children=1, seconds=1)


def a_picture(colour: str = "red", size: tuple[int, int] = (64, 48), mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new(mode, size, colour).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def same(one: MediaFacts, other: MediaFacts) -> bool:
    vectors = [None if facts.visual is None else facts.visual.tobytes() for facts in (one, other)]
    return astuple(one)[:-1] == astuple(other)[:-1] and vectors[0] == vectors[1]


def problem_of(pool: DecoderPool, content: bytes) -> MediaProblemError:
    with pytest.raises(MediaProblemError) as caught:
        pool.describe(io.BytesIO(content))
    return caught.value


def decoders(process: psutil.Process | None = None) -> list[psutil.Process]:
    """The decoders that this process, or another, has started and that run."""
    children = (process or psutil.Process()).children()
    return [child for child in children if "decoder" in " ".join(child.cmdline())]


# --- what a file does to its decoder ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("poison", "reason"),
    [
        ("segfault", "its decoder crashed (SIGSEGV)"),
        ("abort", "its decoder crashed (SIGABRT)"),
        ("raise", "its decoder crashed (exit code 1)"),
        ("loop", "decoding it took longer than 1 s"),
        ("wait", "decoding it took longer than 1 s"),
        ("die", "its decoder was killed twice (SIGKILL)"),
        ("lie", "its decoder gave no sound answer"),
        ("shout", "its decoder gave no sound answer"),
    ],
)
def test_a_file_that_breaks_its_decoder_is_unreadable_and_the_next_is_read(
    poisoned_pool: DecoderPool, poison: str, reason: str
) -> None:
    problem = problem_of(poisoned_pool, poisoned(a_picture(), poison))
    after = poisoned_pool.describe(io.BytesIO(a_picture()))

    assert (problem.status, str(problem)) == (MediaStatus.UNREADABLE, reason)
    assert same(after, probe_and_describe(io.BytesIO(a_picture())))
    assert len(decoders()) == 1


def test_a_broken_file_costs_no_decoder(poisoned_pool: DecoderPool) -> None:
    poisoned_pool.describe(io.BytesIO(a_picture()))
    before = decoders()
    problem_of(poisoned_pool, a_picture()[:60])

    assert decoders() == before


def test_a_file_that_needs_more_memory_than_a_decoder_has_is_too_large(make_pool: MakePool) -> None:
    pool = make_pool(memory_bytes=128 << 20)
    problem = problem_of(pool, a_picture(size=(5000, 5000), mode="RGBA"))

    assert (problem.status, str(problem)) == (MediaStatus.TOO_LARGE, "image/png: decoding needs too much memory")
    assert pool.describe(io.BytesIO(a_picture())).width == 64


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("RGBA", "WEBP"), ("RGBA", "AVIF"), ("CMYK", "JPEG")])
def test_the_largest_picture_allowed_fits_into_the_memory_of_a_decoder(
    make_pool: MakePool, mode: str, kind: str
) -> None:
    turned, stream = Image.Exif(), io.BytesIO()
    turned[0x112] = 6
    options = {"AVIF": {"speed": 10}, "WEBP": {"method": 0, "quality": 20}}.get(kind, {})
    Image.new(mode, (4000, 5000)).save(stream, kind, exif=turned, **options)

    assert make_pool(max_pixels=20_000_000).describe(stream).width == 5000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_worker_needs_no_memory_for_a_large_picture(make_pool: MakePool) -> None:
    pool, large = make_pool(), a_picture(size=(6000, 6000), mode="RGBA")
    pool.describe(io.BytesIO(a_picture()))
    before = peak_bytes(reset=True)
    pool.describe(io.BytesIO(large))

    assert peak_bytes() - before < 10 << 20  # decoded it has 144 MB


@pytest.mark.real_data
def test_every_hostile_image_ends_as_it_does_in_process_and_the_worker_does_not_grow(
    real_data: Path, make_pool: MakePool
) -> None:
    files = [path for path in sorted((real_data / "nasty_images").rglob("*")) if path.is_file()]
    pool = make_pool()
    outcomes = [outcome(pool.describe, path) for path in files]
    before = peak_bytes(reset=True)
    again = [outcome(pool.describe, path) for path in files]
    grown = peak_bytes() - before

    assert len(files) >= 54
    assert all(outcomes)
    assert outcomes == again == [outcome(probe_and_describe, path) for path in files]
    assert grown < 2 << 20


def outcome(describe: Callable[[BinaryIO], MediaFacts], path: Path) -> str:
    """Facts or status with reason, in one text."""
    try:
        with path.open("rb") as stream:
            facts = describe(stream)
    except MediaProblemError as problem:
        return f"{problem.status}: {problem}" if str(problem) else ""
    return f"{astuple(facts)[:-1]} {b'' if facts.visual is None else facts.visual.tobytes().hex()}"


def peak_bytes(*, reset: bool = False) -> int:
    """The most memory this process has held, or holds from now on."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


# --- what isn't the file's fault ----------------------------------------------------------------------


def test_a_file_whose_decoder_was_killed_once_is_tried_again(poisoned_pool: DecoderPool, tmp_path: Path) -> None:
    content = poisoned(a_picture(), f"die once={tmp_path / 'died'}")

    assert poisoned_pool.describe(io.BytesIO(content)).width == 64
    assert (tmp_path / "died").exists()


def test_a_decoder_killed_between_two_files_is_replaced(poisoned_pool: DecoderPool) -> None:
    poisoned_pool.describe(io.BytesIO(a_picture()))
    (child,) = decoders()
    child.send_signal(signal.SIGSEGV)
    psutil.wait_procs([child], timeout=10)

    assert poisoned_pool.describe(io.BytesIO(a_picture())).width == 64


@pytest.mark.parametrize("command", [("/no/such/program",), (sys.executable, "-c", "raise SystemExit(3)")])
def test_a_decoder_that_cannot_be_started_is_nobodys_fault(make_pool: MakePool, command: tuple[str, ...]) -> None:
    with pytest.raises(UnavailableError):
        make_pool(command=command).describe(io.BytesIO(a_picture()))


def test_no_descriptors_are_nobodys_fault_and_pass(make_pool: MakePool) -> None:
    pool = make_pool()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(UnavailableError, match="no image can be decoded now"):
            pool.describe(io.BytesIO(a_picture()))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert pool.describe(io.BytesIO(a_picture())).width == 64


# --- what a decoder may do ----------------------------------------------------------------------------


def test_no_secret_reaches_a_decoder(make_pool: MakePool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADOLOGY_DATABASE_URL", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "swordfish")
    pool = make_pool()
    pool.describe(io.BytesIO(a_picture()))
    (child,) = decoders()

    assert set(child.environ()) == {"LANG", "OPENBLAS_NUM_THREADS", "PYTHONDONTWRITEBYTECODE"}
    assert "swordfish" not in " ".join(child.cmdline())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells another process's limits")
def test_a_decoder_writes_no_file_and_holds_few(make_pool: MakePool) -> None:
    pool = make_pool(memory_bytes=200 << 20)
    pool.describe(io.BytesIO(a_picture()))
    (child,) = decoders()

    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert child.rlimit(psutil.RLIMIT_DATA) == (200 << 20, 200 << 20)
    assert child.rlimit(psutil.RLIMIT_NOFILE)[1] <= 32
    assert child.num_fds() <= 3
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text().strip() == "1000"


def test_ctrl_c_is_not_for_decoders(poisoned_pool: DecoderPool) -> None:
    poisoned_pool.describe(io.BytesIO(a_picture()))
    (child,) = decoders()

    assert os.getpgid(child.pid) != os.getpgid(0)


# --- the pool -----------------------------------------------------------------------------------------


def test_eight_threads_get_the_facts_that_one_process_gives(make_pool: MakePool) -> None:
    pictures = [a_picture(f"hsl({number * 36}, 90%, 50%)", (200 + number, 100)) for number in range(10)]
    expected = [probe_and_describe(io.BytesIO(picture)) for picture in pictures]
    pool = make_pool()

    def hundred(_: int) -> bool:
        return all(
            same(pool.describe(io.BytesIO(picture)), facts)
            for _ in range(10)
            for picture, facts in zip(pictures, expected, strict=True)
        )

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(hundred, range(8)))
    assert 1 <= len(decoders()) <= 2


def test_a_decoder_outlives_the_thread_that_started_it(make_pool: MakePool) -> None:
    pool = make_pool()
    thread = threading.Thread(target=lambda: pool.describe(io.BytesIO(a_picture())))
    thread.start()
    thread.join()
    before = decoders()
    pool.describe(io.BytesIO(a_picture()))

    assert decoders() == before


def test_a_decoder_is_replaced_after_so_many_files(make_pool: MakePool) -> None:
    pool = make_pool(files_per_child=2)
    seen = []
    for _ in range(4):
        pool.describe(io.BytesIO(a_picture()))
        seen.append(decoders())

    assert [len(children) for children in seen] == [1, 0, 1, 0]
    assert seen[0] != seen[2]


def test_a_stream_that_is_no_file_is_read_as_it_reads(make_pool: MakePool, tmp_path: Path) -> None:
    picture, pool = a_picture(), make_pool()
    expected = probe_and_describe(io.BytesIO(picture))
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(picture))
    with tempfile.SpooledTemporaryFile() as spooled, tempfile.TemporaryFile() as written, gzip.open(packed) as unpacked:
        for stream in (spooled, written):
            stream.write(picture)
        assert all(same(pool.describe(cast(BinaryIO, each)), expected) for each in (spooled, written, unpacked))


def test_a_closed_pool_leaves_no_process_and_decodes_no_more(make_pool: MakePool) -> None:
    pool = make_pool()
    pool.describe(io.BytesIO(a_picture()))
    pool.close()

    assert decoders() == []
    with pytest.raises(UnavailableError):
        pool.describe(io.BytesIO(a_picture()))


WORKER = """
import io, sys, threading
from core.adapters.decoder_pool import DecoderPool
from tests.fakes import poisoned_decoder
from tests.unit.adapters.test_decoder_pool import a_picture

pool = DecoderPool(max_pixels=1000000, children=3, seconds=3, command=poisoned_decoder.COMMAND)
for poison in sys.argv[1:]:
    endless = io.BytesIO(poisoned_decoder.poisoned(a_picture(), poison))
    threading.Thread(target=pool.describe, args=(endless,), daemon=True).start()
pool.describe(io.BytesIO(a_picture()))
print("one is idle", flush=True)
sys.stdin.read()
"""


def test_a_killed_worker_leaves_no_decoder_not_even_one_at_work_for_ever(tmp_path: Path) -> None:
    fifos = {poison: tmp_path / poison for poison in ("loop", "wait")}
    for fifo in fifos.values():
        os.mkfifo(fifo)
    command = [sys.executable, "-c", WORKER, *(f"{poison}={fifo}" for poison, fifo in fifos.items())]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"one is idle\n"
        assert [fifo.read_bytes() for fifo in fifos.values()] == [b"", b""]  # the others are at work
        left = decoders(psutil.Process(worker.pid))
        worker.kill()
    _, alive = psutil.wait_procs(left, timeout=30)
    for each in alive:
        each.kill()

    assert len(left) == 3
    assert alive == []
