"""What Amazon Bedrock and its client library report, as errors of ours: what passes, what somebody must set right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.parsers import ResponseParserError

from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    QuotaSpentError,
    RetryableError,
    ThrottledError,
    UnansweredError,
)
from core.observability.external_calls import ExternalCall
from core.observability.redaction import redact, shorten

PAUSE_SECONDS: Final = 10.0
MAX_PAUSE_SECONDS: Final = 3_600.0
_MAX_WORDS: Final = 300
_THROTTLES: Final = {"ThrottlingException", "TooManyRequestsException", "ModelNotReadyException"}
_FORBIDDEN: Final = {
    *("AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException"),
    *("InvalidClientTokenId", "MissingAuthenticationTokenException", "IncompleteSignatureException"),
}
_AGAIN: Final = {408, 424}
_NO_CREDENTIALS: Final = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
# A validation that no text can pass: the model doesn't exist, isn't served so, or takes no schema.
_OF_THE_MODEL: Final = re.compile(
    r"model identifier|inference profile|on-demand throughput|structured output|output_?config|text_?format", re.I
)


@contextmanager
def bedrock_errors(call: ExternalCall) -> Iterator[None]:
    """Translates what a call raises; stands inside ``external_call``, so that its outcome is ours."""
    try:
        yield
    except ClientError as error:
        call.status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        raise _of_answer(error.response) from error
    except _NO_CREDENTIALS as error:
        raise NotAllowedError(
            "bedrock finds no AWS credentials: give the process a role, or set AWS_PROFILE, AWS_ACCESS_KEY_ID or"
            " AWS_BEARER_TOKEN_BEDROCK, then restart"
        ) from error
    except ParamValidationError as error:
        raise BadInputError(f"bedrock can't be asked this: {shorten(str(error), _MAX_WORDS)}") from error
    except (ReadTimeoutError, ResponseStreamingError, ResponseParserError) as error:
        raise UnansweredError(f"bedrock gave no whole answer: {type(error).__name__}; try again") from error
    except BotoCoreError as error:
        raise RetryableError(f"bedrock gave no answer: {type(error).__name__}; try again") from error


def _of_answer(answer: Any) -> AdologyError:
    told, meta = answer.get("Error", {}), answer.get("ResponseMetadata", {})
    code, status = str(told.get("Code", "")), int(meta.get("HTTPStatusCode", 0))
    words = redact(shorten(str(told.get("Message", "")), _MAX_WORDS))
    said = f"bedrock answers {status} {code}: {words}"
    if code in _THROTTLES:
        return ThrottledError(said, retry_after_seconds=_pause_seconds(meta.get("HTTPHeaders", {})))
    if code == "ServiceQuotaExceededException":
        return QuotaSpentError(f"{said} — ask AWS for a higher quota; nothing is lost meanwhile")
    if code in _FORBIDDEN or status in {401, 403}:
        return NotAllowedError(
            f"{said} — enable the model in the Bedrock console, allow bedrock:InvokeModel on it, check the AWS"
            " credentials, then restart"
        )
    if code == "ResourceNotFoundException" or (code == "ValidationException" and _OF_THE_MODEL.search(words)):
        return NotAllowedError(
            f"{said} — set ADOLOGY_BEDROCK_MODEL to a model or inference profile of ADOLOGY_BEDROCK_REGION that takes"
            " a JSON schema, then restart"
        )
    if status >= 500 or status in _AGAIN:  # noqa: PLR2004
        return RetryableError(f"{said}; try again")
    return BadInputError(said)


def _pause_seconds(headers: Any) -> float:
    try:
        told = float(headers["retry-after"])
    except (KeyError, ValueError):
        return PAUSE_SECONDS
    return told if 0 <= told <= MAX_PAUSE_SECONDS else PAUSE_SECONDS
