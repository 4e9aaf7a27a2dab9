"""What only the home in S3 promises: its keys, what stands on the wire, its links, and how it takes S3's errors."""

from __future__ import annotations

import base64
import hashlib
import io
import subprocess
import sys
import threading
import tracemalloc
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
import urllib3

from core.adapters import s3_objects
from core.adapters.s3_address import S3Address
from core.adapters.s3_objects import S3ObjectStore
from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    ThrottledError,
    UnavailableError,
)
from core.settings import PROJECT
from tests.fakes.s3_wire import CUT, Asked, S3Wire, refusal, s3_wire
from tests.fakes.seaweed import Seaweed

KMS_KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd"
MIB = 1024 * 1024
CONTENT = b"a creative"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def prefix() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Wire]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with s3_wire() as server:
        yield server


def put(store: S3ObjectStore, content: bytes = CONTENT) -> Any:
    return store.put(io.BytesIO(content), max_bytes=10 * MIB)


def keys(s3: Seaweed, prefix: str) -> list[str]:
    found = s3.client.list_objects_v2(Bucket=s3.bucket, Prefix=f"{prefix}/").get("Contents", [])
    return [item["Key"].removeprefix(f"{prefix}/") for item in found]


def unfinished_uploads(s3: Seaweed, prefix: str) -> list[Any]:
    return s3.client.list_multipart_uploads(Bucket=s3.bucket, Prefix=f"{prefix}/").get("Uploads", [])


def get(url: str) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager() as pool:
        return pool.request("GET", url, retries=False)


# --- what lies in the bucket ---------------------------------------------------------------------------


def test_the_key_is_the_prefix_and_the_hash(s3: Seaweed, prefix: str) -> None:
    stored = put(S3ObjectStore(s3.url(prefix)))

    key = f"{SHA256[:2]}/{SHA256[2:4]}/{SHA256}"
    assert stored.location == f"s3://{s3.bucket}/{prefix}/{key}"
    assert keys(s3, prefix) == [key]


@pytest.mark.parametrize("options", [{}, {"multipart_above_bytes": 0}], ids=["whole", "in parts"])
def test_twelve_who_put_one_content_at_once_store_it_once(s3: Seaweed, prefix: str, options: dict[str, int]) -> None:
    stores = [S3ObjectStore(s3.url(prefix), **options) for _ in range(3)] * 4
    barrier = threading.Barrier(12)

    def put_at_once(store: S3ObjectStore) -> bool:
        barrier.wait()
        return put(store).is_new

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(put_at_once, stores)) == 1
    assert len(keys(s3, prefix)) == 1


def test_a_video_of_more_than_64_mb_goes_up_in_parts_and_comes_back_whole(s3: Seaweed, prefix: str) -> None:
    store, content = S3ObjectStore(s3.url(prefix)), hashlib.shake_256(b"video").digest(MIB) * 65 + b"end"

    stored = store.put(io.BytesIO(content), max_bytes=100 * MIB)

    assert (stored.is_new, stored.size_bytes) == (True, len(content))
    with store.open(stored.sha256) as stream:
        assert stream.read() == content
    assert keys(s3, prefix) == [f"{stored.sha256[:2]}/{stored.sha256[2:4]}/{stored.sha256}"]
    assert unfinished_uploads(s3, prefix) == []


def test_of_a_large_object_only_a_part_is_in_memory(s3: Seaweed, prefix: str) -> None:
    store = S3ObjectStore(s3.url(prefix))
    sha256 = store.put(io.BytesIO(bytes(40 * MIB)), max_bytes=50 * MIB).sha256
    tracemalloc.start()

    with store.open(sha256) as stream:
        stream.seek(30 * MIB)
        assert stream.read(10) == bytes(10)

    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 20 * MIB


def test_a_crash_between_upload_and_copy_shows_nothing_and_the_next_put_is_the_first(s3: Seaweed, prefix: str) -> None:
    script = """
import io, os, sys
from core.adapters.s3_objects import S3ObjectStore
store = S3ObjectStore(sys.argv[1], multipart_above_bytes=0)
store._client.copy_object = lambda **_: os._exit(137)
store.put(io.BytesIO(b"a creative"), max_bytes=100)
"""
    died = subprocess.run([sys.executable, "-c", script, s3.url(prefix)], cwd=PROJECT, check=False, timeout=60)
    store = S3ObjectStore(s3.url(prefix), multipart_above_bytes=0)

    assert died.returncode == 137
    assert not store.exists(SHA256)
    (left,) = keys(s3, prefix)
    assert left.startswith("incoming/")
    assert put(store).is_new


@pytest.mark.parametrize("failing", ["UploadPart", "CompleteMultipartUpload", "CopyObject"])
def test_an_upload_that_fails_cleans_up_behind_itself(wire: S3Wire, failing: str) -> None:
    wire.answer = lambda asked: refusal("InternalError", 500) if asked.call == failing else None

    with pytest.raises(UnavailableError):
        put(S3ObjectStore(wire.url(), multipart_above_bytes=0, attempts=1))

    (cleaned,) = wire.calls("AbortMultipartUpload", "DeleteObject")
    assert cleaned.call == ("DeleteObject" if failing == "CopyObject" else "AbortMultipartUpload")
    assert cleaned.path.startswith("/adology/kept/incoming/")


# --- what stands on the wire ---------------------------------------------------------------------------


def test_a_put_is_conditional_and_lets_s3_compare_the_bytes_with_their_hash(wire: S3Wire) -> None:
    put(S3ObjectStore(wire.url()))

    (asked,) = wire.calls("PutObject")
    assert asked.headers["if-none-match"] == "*"
    assert asked.headers["x-amz-checksum-sha256"] == base64.b64encode(bytes.fromhex(SHA256)).decode()
    assert "x-amz-server-side-encryption" not in asked.headers


def test_every_part_and_the_copy_carry_a_checksum_and_the_copy_is_conditional(wire: S3Wire) -> None:
    put(S3ObjectStore(wire.url(), multipart_above_bytes=0, part_bytes=4))

    assert [len(asked.body) for asked in wire.calls("UploadPart")] == [4, 4, 2]
    assert all("x-amz-checksum-sha256" in asked.headers for asked in wire.calls("UploadPart"))
    (copied,) = wire.calls("CopyObject")
    assert (copied.headers["if-none-match"], copied.headers["x-amz-checksum-algorithm"]) == ("*", "SHA256")


def test_a_key_of_kms_encrypts_what_is_put_uploaded_and_copied(wire: S3Wire) -> None:
    put(S3ObjectStore(wire.url(kms_key=KMS_KEY)))
    put(S3ObjectStore(wire.url(kms_key=KMS_KEY), multipart_above_bytes=0))

    making = wire.calls("PutObject", "CreateMultipartUpload", "CopyObject")
    assert [asked.call for asked in making] == ["PutObject", "CreateMultipartUpload", "CopyObject"]
    for asked in making:
        assert asked.headers["x-amz-server-side-encryption"] == "aws:kms"
        assert asked.headers["x-amz-server-side-encryption-aws-kms-key-id"] == KMS_KEY


def test_what_is_there_is_not_sent_again(wire: S3Wire) -> None:
    wire.answer = lambda asked: (200, b"") if asked.call == "HeadObject" else None

    assert not put(S3ObjectStore(wire.url())).is_new
    assert [asked.call for asked in wire.asked] == ["HeadObject"]


# --- links --------------------------------------------------------------------------------------------


def test_a_link_gives_the_bytes_over_plain_http_as_the_type_it_names(s3: Seaweed, prefix: str) -> None:
    store = S3ObjectStore(s3.url(prefix))

    answer = get(store.link(put(store).sha256, content_type="image/png", expires_in_seconds=60))

    assert (answer.status, answer.data) == (200, CONTENT)
    assert (answer.headers["Content-Type"], answer.headers["Content-Disposition"]) == ("image/png", "inline")


@pytest.mark.parametrize("runs_in_browsers", ["text/html", "image/svg+xml", "text/xml", "application/javascript", ""])
def test_a_type_browsers_would_run_is_given_as_a_download(s3: Seaweed, prefix: str, runs_in_browsers: str) -> None:
    store = S3ObjectStore(s3.url(prefix))

    answer = get(store.link(put(store).sha256, content_type=runs_in_browsers, expires_in_seconds=60))

    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == "attachment"


def test_a_link_ends_and_cannot_be_changed(s3: Seaweed, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3ObjectStore(s3.url(prefix))
    sha256 = put(store).sha256
    link = store.link(sha256, content_type="image/png", expires_in_seconds=60)
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *a, **k: now(*a, **k) - timedelta(seconds=61))
    of_the_past = store.link(sha256, content_type="image/png", expires_in_seconds=60)

    assert get(link).status == 200
    for refused in (of_the_past, link.replace("image%2Fpng", "text%2Fhtml"), link.partition("?")[0]):
        assert get(refused).status == 403


def test_a_link_never_asks_for_more_than_s3_signs(s3: Seaweed, prefix: str) -> None:
    store = S3ObjectStore(s3.url(prefix))

    assert get(store.link(put(store).sha256, content_type="image/png", expires_in_seconds=10**9)).status == 200


# --- errors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (refusal("AccessDenied", 403), NotAllowedError, "allow s3:PutObject"),
        (refusal("InvalidAccessKeyId", 403), NotAllowedError, "InvalidAccessKeyId"),
        (refusal("ExpiredToken", 400), UnavailableError, "ExpiredToken"),  # the next credentials are on their way
        (refusal("SlowDown", 503), ThrottledError, "pause"),
        (refusal("ThrottlingException", 400), ThrottledError, "pause"),  # of KMS
        (refusal("InternalError", 500), UnavailableError, "try again"),
        (refusal("ServiceUnavailable", 503), UnavailableError, "try again"),
        (refusal("NoSuchBucket", 404), UnavailableError, "ADOLOGY_OBJECTS_URL"),
        (refusal("AuthorizationHeaderMalformed", 400), UnavailableError, "ADOLOGY_OBJECTS_URL"),  # another region
        (refusal("PermanentRedirect", 301), UnavailableError, "ADOLOGY_OBJECTS_URL"),
        (refusal("KMS.DisabledException", 400), UnavailableError, "KMS.DisabledException"),
        (refusal("BadDigest", 400), RetryableError, "BadDigest"),  # changed on the way
        (refusal("RequestTimeout", 400), RetryableError, "RequestTimeout"),
        ((502, b"<html>not of S3"), UnavailableError, "try again"),
        (CUT, UnavailableError, "can't be reached"),
    ],
)
def test_what_s3_answers_to_a_put_becomes(
    wire: S3Wire, answer: tuple[int, bytes], kind: type[AdologyError], says: str
) -> None:
    wire.answer = lambda asked: answer if asked.call == "PutObject" else None

    with pytest.raises(AdologyError, match=says) as caught:
        put(S3ObjectStore(wire.url(), attempts=1))

    assert type(caught.value) is kind


def test_a_missing_object_is_not_found_and_a_hidden_one_names_both_permissions(wire: S3Wire) -> None:
    store = S3ObjectStore(wire.url(), attempts=1)
    wire.answer = lambda asked: refusal("NoSuchKey", 404)
    with pytest.raises(NotFoundError):
        store.open(SHA256)

    wire.answer = lambda asked: (403, b"")
    with pytest.raises(NotAllowedError, match="s3:GetObject and s3:ListBucket"):
        store.exists(SHA256)


def test_what_fails_once_is_tried_again(wire: S3Wire) -> None:
    bad = iter([refusal("InternalError", 500), CUT])
    wire.answer = lambda asked: next(bad, None) if asked.call == "PutObject" else None

    assert put(S3ObjectStore(wire.url())).is_new
    assert [asked.body for asked in wire.calls("PutObject")] == [CONTENT] * 3


def test_who_meets_another_writer_tries_again_and_learns_who_was_first(wire: S3Wire) -> None:
    answers = iter([refusal("ConditionalRequestConflict", 409), refusal("PreconditionFailed", 412)])
    wire.answer = lambda asked: next(answers) if asked.call == "PutObject" else None

    assert not put(S3ObjectStore(wire.url())).is_new
    assert [asked.body for asked in wire.calls("PutObject")] == [CONTENT] * 2


def test_an_object_that_is_cut_on_the_way_is_never_taken_for_whole(wire: S3Wire) -> None:
    wire.answer = lambda asked: (200, CONTENT[:5])
    wire.promised_bytes = len(CONTENT)

    with pytest.raises(RetryableError):
        S3ObjectStore(wire.url(), attempts=1).open(SHA256)


def test_other_bytes_than_the_hash_names_are_refused(wire: S3Wire) -> None:
    wire.answer = lambda asked: (200, b"something else")

    with pytest.raises(RetryableError, match="isn't the content"):
        S3ObjectStore(wire.url(), attempts=1).open(SHA256)


def test_nobody_there_is_unavailable(wire: S3Wire) -> None:
    store = S3ObjectStore(wire.url().replace(str(wire.port), "1"), attempts=1)

    with pytest.raises(UnavailableError, match="can't be reached"):
        put(store)


# --- at the start ---------------------------------------------------------------------------------------


def test_preparing_writes_although_the_probe_is_there_and_reads_it(wire: S3Wire) -> None:
    def has_it(asked: Asked) -> tuple[int, bytes] | None:
        return {"PutObject": refusal("PreconditionFailed", 412), "GetObject": (200, s3_objects._PROBE)}.get(asked.call)

    wire.answer = has_it
    S3ObjectStore(wire.url()).prepare()

    assert [asked.call for asked in wire.asked] == ["PutObject", "GetObject"]


def test_preparing_says_that_the_bucket_is_missing(s3: Seaweed) -> None:
    with pytest.raises(UnavailableError, match="bucket 'nowhere' isn't there"):
        S3ObjectStore(s3.url("any").replace(s3.bucket, "nowhere"), attempts=1).prepare()


def test_preparing_says_that_the_key_is_wrong(s3: Seaweed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")

    with pytest.raises(NotAllowedError, match="SignatureDoesNotMatch"):
        S3ObjectStore(s3.url("any"), attempts=1).prepare()


def test_without_credentials_the_error_says_where_they_come_from(
    wire: S3Wire, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    with pytest.raises(NotAllowedError, match="AWS_PROFILE"):
        S3ObjectStore(wire.url(), attempts=1).prepare()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("s3://adology", S3Address("adology")),
        ("s3://adology/", S3Address("adology")),
        ("s3://adology/a/b/", S3Address("adology", "a/b/")),
        ("s3://adology?region=eu-west-1", S3Address("adology", "", "eu-west-1")),
        (f"s3://adology/x?kms_key={KMS_KEY}", S3Address("adology", "x/", kms_key=KMS_KEY)),
        ("s3://adology?endpoint=http://127.0.0.1:8333", S3Address("adology", endpoint="http://127.0.0.1:8333")),
        ("s3://adology?region=&kms_key=", S3Address("adology")),
    ],
)
def test_the_setting_names(url: str, address: S3Address) -> None:
    assert S3Address.parse(url) == address


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "must look like"),
        ("s3://", "must look like"),
        ("s3://UPPER/x", "must look like"),
        ("s3://key:secret@adology", "must look like"),  # credentials don't belong into addresses
        ("https://adology.s3.amazonaws.com", "must look like"),
        ("s3://adology?regoin=eu-west-1", "'regoin'"),
        ("s3://adology?endpoint=ftp://x", "endpoint"),
    ],
)
def test_a_setting_that_names_nothing_says_so(url: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        S3Address.parse(url)
