"""What only the folder store promises: no half objects, no machine paths, links that can't be forged."""

import errno
import hashlib
import io
import os
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from core.adapters.folder_objects import FolderObjectStore, verify_link
from core.errors import NotAllowedError, RetryableError

KEY = b"k" * 32
PROJECT = Path(__file__).parents[3]


@pytest.fixture
def store(tmp_path: Path) -> FolderObjectStore:
    return FolderObjectStore(tmp_path / "store", link_key=KEY, base_url="http://127.0.0.1:8080/")


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_location_tells_nothing_of_the_machine(store: FolderObjectStore) -> None:
    stored = store.put(io.BytesIO(b"x"), max_bytes=10)

    assert stored.location == f"objects://{stored.sha256}"


def test_nothing_temporary_is_left_by_success_refusal_or_failure(store: FolderObjectStore, tmp_path: Path) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError("gone")

    store.put(io.BytesIO(b"good"), max_bytes=10)
    store.put(io.BytesIO(b"good"), max_bytes=10)
    with pytest.raises(ConnectionResetError):
        store.put(Breaking(), max_bytes=10)

    assert len(files(tmp_path)) == 1


def test_leftovers_of_a_crash_go_at_the_next_start_and_work_in_progress_stays(
    store: FolderObjectStore, tmp_path: Path
) -> None:
    abandoned, at_work = tmp_path / "store/tmp/abandoned", tmp_path / "store/tmp/at_work"
    abandoned.write_bytes(b"half")
    at_work.write_bytes(b"half")
    yesterday = time.time() - 86_400
    os.utime(abandoned, (yesterday, yesterday))

    FolderObjectStore(tmp_path / "store", link_key=KEY, base_url="http://127.0.0.1:8080")

    assert files(tmp_path / "store/tmp") == [at_work]


def test_a_writer_killed_at_any_moment_leaves_whole_objects_only(store: FolderObjectStore, tmp_path: Path) -> None:
    writer = """
import io, sys
from pathlib import Path
from core.adapters.folder_objects import FolderObjectStore
store = FolderObjectStore(Path(sys.argv[1]), link_key=b"k", base_url="http://127.0.0.1")
for number in range(1_000_000):
    store.put(io.BytesIO(b"%d" % number * 200_000), max_bytes=10**8)
    print(number, flush=True)
"""
    command = [sys.executable, "-c", writer, str(tmp_path / "store")]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(5):
        process.stdout.readline()
    process.kill()
    process.communicate()

    stored = files(tmp_path / "store/objects")
    assert len(stored) >= 5
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in stored)


def test_a_full_disk_is_one_clear_retryable_error(store: FolderObjectStore, tmp_path: Path) -> None:
    class Full(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(RetryableError, match="is full; free space and try again"):
        store.put(Full(), max_bytes=10)

    assert files(tmp_path) == []


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare to mount a small disk")
def test_a_really_full_disk_leaves_no_half_object(tmp_path: Path) -> None:
    script = """
import io, sys
from pathlib import Path
from core.adapters.folder_objects import FolderObjectStore
from core.errors import RetryableError
root = Path(sys.argv[1])
store = FolderObjectStore(root, link_key=b"k", base_url="http://127.0.0.1")
try:
    store.put(io.BytesIO(b"x" * 3_000_000), max_bytes=10**8)
except RetryableError as error:
    print(error, [path for path in root.rglob("*") if path.is_file()])
"""
    mount = 'mount -t tmpfs -o size=1m tmpfs "$0" || exit 77; exec "$1" -c "$2" "$0"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount]
    done = subprocess.run(
        [*command, str(tmp_path), sys.executable, script], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("mounting a small disk is not allowed here")

    assert done.stdout.strip() == "the disk that holds the object store is full; free space and try again []"


def link_parts(link: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(link)
    return parts.path.removeprefix("/media/"), {name: values[0] for name, values in parse_qs(parts.query).items()}


def test_a_link_is_good_until_it_expires(store: FolderObjectStore) -> None:
    sha256 = store.put(io.BytesIO(b"x"), max_bytes=10).sha256
    link = store.link(sha256, content_type="image/webp", expires_in_seconds=60)
    named, params = link_parts(link)
    now = datetime.now(UTC)

    assert link.startswith("http://127.0.0.1:8080/media/")
    assert verify_link(KEY, named, params, now) == "image/webp"
    with pytest.raises(NotAllowedError, match="expired"):
        verify_link(KEY, named, params, now + timedelta(seconds=61))


@pytest.mark.parametrize(
    "forged",
    [
        {"type": "text/html"},
        {"expires": "99999999999"},
        {"expires": "soon"},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "ü\ud800"},
        {"type": "image/png\n1"},
    ],
)
def test_a_changed_link_is_refused(store: FolderObjectStore, forged: dict[str, str]) -> None:
    sha256, params = link_parts(store.link("a" * 64, content_type="image/png", expires_in_seconds=60))

    with pytest.raises(NotAllowedError, match="not made by us"):
        verify_link(KEY, sha256, {**params, **forged}, datetime.now(UTC))


def test_a_link_is_good_for_its_own_content_and_key_only(store: FolderObjectStore) -> None:
    _, params = link_parts(store.link("a" * 64, content_type="image/png", expires_in_seconds=60))

    for key, sha256 in ((KEY, "b" * 64), (b"other", "a" * 64)):
        with pytest.raises(NotAllowedError):
            verify_link(key, sha256, params, datetime.now(UTC))
    with pytest.raises(NotAllowedError):
        verify_link(KEY, "a" * 64, {}, datetime.now(UTC))


@pytest.mark.parametrize("runs_in_browsers", ["text/html", "image/svg+xml", "application/javascript", ""])
def test_a_type_browsers_would_run_is_served_as_plain_bytes(store: FolderObjectStore, runs_in_browsers: str) -> None:
    sha256, params = link_parts(store.link("a" * 64, content_type=runs_in_browsers, expires_in_seconds=60))

    assert verify_link(KEY, sha256, params, datetime.now(UTC)) == "application/octet-stream"
