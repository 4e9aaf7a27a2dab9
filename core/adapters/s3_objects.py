"""Objects in S3: under their hash, written only where nothing is yet, encrypted with a key of KMS where one is set."""

from __future__ import annotations

import base64
import hashlib
import io
import uuid
from contextlib import suppress
from typing import Any, BinaryIO

import boto3
from botocore.config import Config
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from core.adapters.object_content import UNKNOWN_TYPE, Spooled, clear_of_full_disk, content_key, served_type, spool
from core.adapters.s3_address import S3Address
from core.adapters.s3_errors import BeingWrittenError, s3_errors
from core.errors import AdologyError, ConflictError, NotFoundError, RetryableError
from core.observability.external_calls import external_call
from core.ports import StoredObject

INCOMING = "incoming/"  # what a crash leaves there a lifecycle rule deletes
_MULTIPART_ABOVE_BYTES = 64 * 1024 * 1024
_PART_BYTES = 16 * 1024 * 1024
_MOST_COPIED_BYTES = 5 * 1024**3  # by one server-side copy
_LONGEST_LINK_SECONDS = 7 * 86_400  # of signature version 4
_CONFLICTS = 5  # answers "somebody else writes this key just now" before giving up
_CONNECT_SECONDS, _READ_SECONDS = 5, 60  # a copy of gigabytes is silent for a while
_CONNECTIONS = 50
_TEMPORARY_FILES = "temporary files"
_PROBE = b"Adology writes here.\n"


class S3ObjectStore:
    """Object store in one bucket, safe for any number of threads and processes.

    ``is_new`` is what S3 answered: a put whose first answer was lost on the way may find its own object there.
    """

    def __init__(
        self,
        url: str,
        *,
        multipart_above_bytes: int = _MULTIPART_ABOVE_BYTES,
        part_bytes: int = _PART_BYTES,
        attempts: int = 4,
    ) -> None:
        """``attempts`` at each call, with growing pauses. Raises BadInputError for a wrong URL; connects to nothing."""
        self._at = S3Address.parse(url)
        self._multipart_above_bytes = multipart_above_bytes
        self._part_bytes = part_bytes
        self._encryption: dict[str, Any] = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": self._at.kms_key} if self._at.kms_key else {}
        )
        self._client = _client(self._at, attempts)

    def prepare(self) -> None:
        """Write and read a small known object. Raises what is wrong: address, permission, key of KMS, connection."""
        probe = spool(io.BytesIO(_PROBE), max_bytes=len(_PROBE))
        with probe.stream:
            self._put_whole(probe)
        self.open(probe.sha256).close()

    def put(self, stream: BinaryIO, *, max_bytes: int) -> StoredObject:
        """Store the content once, whoever else stores it at the same time; a reader sees all of it or nothing.

        Raises BadInputError beyond ``max_bytes`` (or 5 GiB), UnavailableError, ThrottledError and NotAllowedError.
        """
        with clear_of_full_disk(_TEMPORARY_FILES):
            content = spool(stream, max_bytes=min(max_bytes, _MOST_COPIED_BYTES))
        with content.stream:
            store = self._put_in_parts if content.size_bytes > self._multipart_above_bytes else self._put_whole
            is_new = not self.exists(content.sha256) and store(content)
        location = f"s3://{self._at.bucket}/{self._key(content.sha256)}"
        return StoredObject(content.sha256, content.size_bytes, location, is_new)

    def open(self, sha256: str) -> BinaryIO:
        """A copy to read and seek in; a large one lies on disk. Raises NotFoundError, UnavailableError."""
        key, bucket = self._key(sha256), self._at.bucket
        with clear_of_full_disk(_TEMPORARY_FILES), external_call("s3", "get_object", target=bucket) as call:
            with s3_errors("get_object", bucket):
                answer = self._client.get_object(Bucket=bucket, Key=key)
                with answer["Body"] as body:
                    copy = spool(body, max_bytes=answer["ContentLength"])
            call.status, call.size_bytes = _status(answer), copy.size_bytes
            if copy.sha256 != sha256:
                copy.stream.close()
                raise RetryableError(f"what S3 gave for {key} isn't the content of that hash; try again")
        return copy.stream

    def exists(self, sha256: str) -> bool:
        """Whether the content is stored."""
        key = self._key(sha256)
        try:
            self._call("head_object", Key=key)
        except NotFoundError:
            return False
        return True

    def delete(self, sha256: str) -> None:
        """Forget the content; no error if it isn't there."""
        self._call("delete_object", Key=self._key(sha256))

    def link(self, sha256: str, *, content_type: str, expires_in_seconds: int) -> str:
        """A presigned URL; a type that browsers might run becomes a plain download type.

        It works for seven days at most, and never longer than the credentials that signed it.
        """
        served_as = served_type(content_type)
        asked = {
            "Bucket": self._at.bucket,
            "Key": self._key(sha256),
            "ResponseContentType": served_as,
            "ResponseContentDisposition": "attachment" if served_as == UNKNOWN_TYPE else "inline",
        }
        seconds = min(expires_in_seconds, _LONGEST_LINK_SECONDS)
        with s3_errors("get_object", self._at.bucket):
            return str(self._client.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds))

    def _key(self, sha256: str) -> str:
        return self._at.prefix + content_key(sha256)

    def _put_whole(self, content: Spooled) -> bool:
        """One conditional put; S3 compares the bytes with their hash. False if the content was there."""
        checksum = _base64(bytes.fromhex(content.sha256))
        return self._write(
            "put_object",
            content.sha256,
            size_bytes=content.size_bytes,
            Body=content.stream,
            ContentLength=content.size_bytes,
            ChecksumSHA256=checksum,
        )

    def _put_in_parts(self, content: Spooled) -> bool:
        """Upload beside, then copy into place within S3. False if the content was there."""
        incoming = f"{self._at.prefix}{INCOMING}{uuid.uuid4().hex}"
        self._upload(incoming, content.stream)
        source = {"Bucket": self._at.bucket, "Key": incoming}
        try:
            return self._write("copy_object", content.sha256, CopySource=source, ChecksumAlgorithm="SHA256")
        finally:
            with suppress(AdologyError):  # the lifecycle rule will
                self._call("delete_object", Key=incoming)

    @retry(
        retry=retry_if_exception_type(BeingWrittenError),
        stop=stop_after_attempt(_CONFLICTS),
        wait=wait_random_exponential(multiplier=0.1, max=2),
        reraise=True,
    )
    def _write(self, operation: str, sha256: str, **arguments: Any) -> bool:
        """Write where nothing is; False if something is."""
        if "Body" in arguments:
            arguments["Body"].seek(0)
        try:
            self._call(operation, Key=self._key(sha256), IfNoneMatch="*", **self._encryption, **arguments)
        except ConflictError:
            return False
        return True

    def _upload(self, key: str, stream: BinaryIO) -> None:
        upload = self._call("create_multipart_upload", Key=key, ChecksumAlgorithm="SHA256", **self._encryption)
        at = {"Key": key, "UploadId": upload["UploadId"]}
        try:
            parts = self._upload_parts(at, stream)
            self._call("complete_multipart_upload", **at, MultipartUpload={"Parts": parts})
        except BaseException:
            with suppress(AdologyError):  # the lifecycle rule will
                self._call("abort_multipart_upload", **at)
            raise

    def _upload_parts(self, at: dict[str, Any], stream: BinaryIO) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        while data := stream.read(self._part_bytes):
            part: dict[str, Any] = {
                "PartNumber": len(parts) + 1,
                "ChecksumSHA256": _base64(hashlib.sha256(data).digest()),
            }
            answer = self._call("upload_part", size_bytes=len(data), **at, **part, Body=data)
            parts.append({**part, "ETag": answer["ETag"]})
        return parts

    def _call(self, operation: str, *, size_bytes: int | None = None, **arguments: Any) -> Any:
        """One call about the bucket: measured, its errors translated."""
        bucket = self._at.bucket
        with external_call("s3", operation, target=bucket) as call, s3_errors(operation, bucket):
            answer = getattr(self._client, operation)(Bucket=bucket, **arguments)
            call.status, call.size_bytes = _status(answer), size_bytes
        return answer


def _client(at: S3Address, attempts: int) -> Any:
    aws = boto3.Session()  # the default one isn't safe to make clients in from several threads
    return aws.client(
        "s3",
        region_name=at.region,
        endpoint_url=at.endpoint,
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path" if at.endpoint else "virtual"},
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            max_pool_connections=_CONNECTIONS,
        ),
    )


def _status(answer: Any) -> int:
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
