"""What every object store promises. A further home is added as a parameter of ``object_store``."""

import hashlib
import io
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.adapters.folder_objects import FolderObjectStore
from core.adapters.s3_objects import S3ObjectStore
from core.errors import BadInputError, NotFoundError
from core.ports import ObjectStore

ABSENT = "0" * 64
HOSTILE_KEYS = [
    "",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "%2e%2e%2f" * 8,
    "..\\..\\windows",
    "a" * 63,
    "a" * 65,
    "A" * 64,
    "g" * 64,
    "a" * 63 + "\0",
    "a" * 64 + "\n",
    "a" * 1024,
    "ａ" * 64,  # full-width look-alikes
    "../" + "a" * 61,
    "٠" * 64,  # Arabic digits
]


@pytest.fixture(params=["folder", "s3", "s3 in parts"])
def object_store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    """An empty store of one home; "in parts" uploads even small content as it does large."""
    if request.param == "folder":
        return FolderObjectStore(tmp_path, link_key=b"k" * 32, base_url="http://127.0.0.1:8080")
    url = request.getfixturevalue("s3").url(uuid.uuid4().hex)
    return S3ObjectStore(url, multipart_above_bytes=0) if request.param == "s3 in parts" else S3ObjectStore(url)


def test_a_store_that_can_be_used_is_prepared_as_often_as_one_likes(object_store: ObjectStore) -> None:
    object_store.prepare()
    object_store.prepare()


def test_what_is_put_is_read_back_under_its_hash(object_store: ObjectStore) -> None:
    content = b"\x00\xff creative" * 1000

    stored = object_store.put(io.BytesIO(content), max_bytes=1_000_000)

    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    assert (stored.size_bytes, stored.is_new) == (len(content), True)
    with object_store.open(stored.sha256) as stream:
        assert stream.read() == content


def test_content_larger_than_the_memory_spool_is_stored_whole(object_store: ObjectStore) -> None:
    content = bytes(range(256)) * 40_000  # 10 MB

    stored = object_store.put(io.BytesIO(content), max_bytes=20_000_000)

    with object_store.open(stored.sha256) as stream:
        assert hashlib.sha256(stream.read()).hexdigest() == stored.sha256 == hashlib.sha256(content).hexdigest()


def test_the_same_content_is_stored_once(object_store: ObjectStore) -> None:
    first = object_store.put(io.BytesIO(b"same"), max_bytes=10)
    second = object_store.put(io.BytesIO(b"same"), max_bytes=10)

    assert (first.is_new, second.is_new) == (True, False)
    assert (first.sha256, first.location) == (second.sha256, second.location)


def test_of_many_writers_at_once_exactly_one_is_the_first(object_store: ObjectStore) -> None:
    barrier = threading.Barrier(8)

    def put(_: int) -> bool:
        barrier.wait()
        return object_store.put(io.BytesIO(b"raced" * 5000), max_bytes=100_000).is_new

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(put, range(8))) == 1


def test_empty_content_is_content(object_store: ObjectStore) -> None:
    assert object_store.exists(object_store.put(io.BytesIO(b""), max_bytes=10).sha256)


def test_exactly_the_largest_size_is_accepted(object_store: ObjectStore) -> None:
    assert object_store.put(io.BytesIO(b"12345"), max_bytes=5).size_bytes == 5


def test_one_byte_too_many_is_refused_and_leaves_nothing(object_store: ObjectStore) -> None:
    with pytest.raises(BadInputError, match="5 bytes"):
        object_store.put(io.BytesIO(b"123456"), max_bytes=5)

    assert not object_store.exists(hashlib.sha256(b"123456").hexdigest())


def test_an_endless_stream_is_read_no_further_than_the_limit(object_store: ObjectStore) -> None:
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b"x" * size

    endless = Endless()
    with pytest.raises(BadInputError):
        object_store.put(endless, max_bytes=1_000_000)

    assert endless.given < 10_000_000


def test_what_is_not_there_is_not_found(object_store: ObjectStore) -> None:
    assert not object_store.exists(ABSENT)
    with pytest.raises(NotFoundError):
        object_store.open(ABSENT)


def test_deleting_twice_is_no_error_and_content_may_come_back(object_store: ObjectStore) -> None:
    stored = object_store.put(io.BytesIO(b"gone"), max_bytes=10)

    object_store.delete(stored.sha256)
    object_store.delete(stored.sha256)

    assert not object_store.exists(stored.sha256)
    assert object_store.put(io.BytesIO(b"gone"), max_bytes=10).is_new


@pytest.mark.parametrize("key", HOSTILE_KEYS)
def test_only_hashes_are_keys(object_store: ObjectStore, key: str) -> None:
    for use in (object_store.open, object_store.exists, object_store.delete):
        with pytest.raises(BadInputError):
            use(key)
    with pytest.raises(BadInputError):
        object_store.link(key, content_type="image/png", expires_in_seconds=60)


def test_a_link_is_an_address_that_names_the_content(object_store: ObjectStore) -> None:
    stored = object_store.put(io.BytesIO(b"linked"), max_bytes=10)

    link = object_store.link(stored.sha256, content_type="image/png", expires_in_seconds=60)

    assert link.startswith(("http://", "https://"))
    assert stored.sha256 in link
