"""What SQS and its client library report, as errors of ours: what will pass, what somebody must set right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
)

from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    NotFoundError,
    RetryableError,
    StaleError,
    ThrottledError,
    UnavailableError,
)

_PAUSE_SECONDS = 5.0
_THROTTLES = {"RequestThrottled", "Throttling", "ThrottlingException", "OverLimit", "KmsThrottled"}
_MISSING = {"NonExistentQueue", "QueueDoesNotExist"}
_LOST_RECEIPT = {"MessageNotInflight", "ReceiptHandleIsInvalid"}
_SESSION_OVER = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}  # the next session is on its way
_FORBIDDEN = {"AccessDenied", "AccessDeniedException", "KmsAccessDenied", "InvalidClientTokenId"}
_INPUT_AT_FAULT = {"InvalidMessageContents", "QueueAlreadyExists", "InvalidAttributeName", "InvalidAttributeValue"}
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_NOT_REACHED = (EndpointConnectionError, ConnectTimeoutError)
_STATUS_FORBIDDEN = 403

# What the process's role must be allowed, by the call that fails without it; a batch needs what its single call needs.
PERMISSIONS = {
    "create_queue": "sqs:CreateQueue",
    "get_queue_url": "sqs:GetQueueUrl",
    "get_queue_attributes": "sqs:GetQueueAttributes",
    "send_message_batch": "sqs:SendMessage",
    "receive_message": "sqs:ReceiveMessage",
    "delete_message_batch": "sqs:DeleteMessage",
    "change_message_visibility": "sqs:ChangeMessageVisibility",
}


@contextmanager
def sqs_errors(operation: str, queue: str) -> Iterator[None]:
    """Translates what a call raises; stands inside ``external_call``, so that its outcome is ours.

    Raises NotFoundError for a queue that isn't there, StaleError for a lost receipt, NotAllowedError naming the
    permission, ThrottledError, BadInputError for a body or a queue's attribute, RetryableError where the call may have
    been done and its answer was lost, else UnavailableError.
    """
    try:
        yield
    except ClientError as error:
        raise _of_answer(error.response, operation, queue) from error
    except _NO_CREDENTIALS as error:
        raise NotAllowedError(
            "no credentials for SQS: give the process a role, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        ) from error
    except _NOT_REACHED as error:
        raise UnavailableError(f"SQS can't be reached for {operation}: {type(error).__name__}; try again") from error
    except BotoCoreError as error:
        raise RetryableError(
            f"SQS didn't answer {operation}: {type(error).__name__}; it may be done, repeat it"
        ) from error


def _of_answer(answer: Any, operation: str, queue: str) -> AdologyError:
    told = answer.get("Error", {})
    code = str(told.get("Code", "")).rpartition(".")[2]
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = f"{code} {told.get('Message', '')}".strip()
    if code in _THROTTLES:
        return ThrottledError(f"SQS asks for a pause at {operation}: {said}", retry_after_seconds=_PAUSE_SECONDS)
    if code in _MISSING:
        return NotFoundError(f"SQS has no queue {queue!r}: a daemon makes it when it starts; check ADOLOGY_QUEUE_URL")
    if code in _LOST_RECEIPT or (operation == "change_message_visibility" and code == "InvalidParameterValue"):
        # The value was checked before: SQS means a deleted message, or one held for 12 hours in total.
        return StaleError(f"the message is no longer in flight under this receipt, abandon it: {said}")
    if code in _INPUT_AT_FAULT:
        return BadInputError(f"SQS refuses {operation} on queue {queue!r}: {said}")
    if code in _FORBIDDEN or (status == _STATUS_FORBIDDEN and code not in _SESSION_OVER):
        return NotAllowedError(
            f"SQS refuses {operation} on queue {queue!r} ({said}): allow {PERMISSIONS[operation]}, and with a KMS key"
            " kms:GenerateDataKey and kms:Decrypt on it"
        )
    # Whatever else it is, no message is at fault, and none may be given up for it.
    return UnavailableError(f"SQS failed at {operation}: {said}; try again", retry_after_seconds=_PAUSE_SECONDS)
