"""What S3 and its client library report, as errors of ours: what is wrong for good, what will pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, PartialCredentialsError

from core.errors import (
    AdologyError,
    ConflictError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    ThrottledError,
    UnavailableError,
)

_PAUSE_SECONDS = 5.0
_THROTTLES = {"SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"}
_MISSING = {"NoSuchKey", "404", "NotFound"}
_HELD = {"PreconditionFailed", "412"}
_BEING_WRITTEN = {"ConditionalRequestConflict", "409"}
_SESSION_OVER = {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestTimeTooSkewed"}
# Somebody has to set these right; until then no content is at fault.
_ADDRESS_WRONG = {
    "NoSuchBucket",
    "InvalidBucketName",
    "PermanentRedirect",
    "301",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
}
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError)
_FORBIDDEN, _SERVER_ERRORS = 403, 500

# What the process's role must be allowed, by the call that fails without it. Without s3:ListBucket S3 answers for a
# key that isn't there as for one that is forbidden.
PERMISSIONS = {
    "head_object": "s3:GetObject and s3:ListBucket",
    "get_object": "s3:GetObject",
    "put_object": "s3:PutObject",
    "delete_object": "s3:DeleteObject",
    "create_multipart_upload": "s3:PutObject",
    "upload_part": "s3:PutObject",
    "complete_multipart_upload": "s3:PutObject",
    "abort_multipart_upload": "s3:AbortMultipartUpload",
    "copy_object": "s3:GetObject and s3:PutObject",
}


class BeingWrittenError(RetryableError):
    """Another process writes this key just now: S3 can't say yet who is first."""


@contextmanager
def s3_errors(operation: str, bucket: str) -> Iterator[None]:
    """Translates what a call raises; stands inside ``external_call``, so that its outcome is ours.

    Raises NotFoundError for an object that isn't there, ConflictError for one that is there already, NotAllowedError
    naming the permission, ThrottledError, UnavailableError (connection, 5xx, a wrong address), else RetryableError.
    """
    try:
        yield
    except ClientError as error:
        raise _of_answer(error.response, operation, bucket) from error
    except _NO_CREDENTIALS as error:
        raise NotAllowedError(
            f"no credentials for bucket {bucket!r}: give the process a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        ) from error
    except BotoCoreError as error:
        raise UnavailableError(f"S3 can't be reached for {operation}: {type(error).__name__}; try again") from error


def _of_answer(answer: Any, operation: str, bucket: str) -> AdologyError:  # noqa: PLR0911 - a table of answers
    code = str(answer.get("Error", {}).get("Code", ""))
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = f"{code} {answer.get('Error', {}).get('Message', '')}".strip()
    if code in _ADDRESS_WRONG:
        return UnavailableError(
            f"bucket {bucket!r} isn't there as ADOLOGY_OBJECTS_URL names it ({said}); correct it or make the bucket",
            retry_after_seconds=30,
        )
    if code in _THROTTLES:
        return ThrottledError(f"S3 asks for a pause: {said}", retry_after_seconds=_PAUSE_SECONDS)
    if code in _MISSING:
        return NotFoundError("the object is not in the bucket; import or fetch its ad again")
    if code in _HELD:
        return ConflictError("the bucket has an object under this key already")
    if code in _BEING_WRITTEN:
        return BeingWrittenError("another process writes this object just now; try again")
    if code in _SESSION_OVER or code.startswith("KMS.") or status >= _SERVER_ERRORS:
        return UnavailableError(f"S3 failed at {operation}: {said}; try again", retry_after_seconds=_PAUSE_SECONDS)
    if status == _FORBIDDEN:
        return NotAllowedError(
            f"S3 refuses {operation} on bucket {bucket!r} ({said}): allow {PERMISSIONS[operation]}, and with a KMS key"
            " kms:GenerateDataKey and kms:Decrypt on it"
        )
    return RetryableError(f"S3 didn't take {operation}: {said}; try again")
