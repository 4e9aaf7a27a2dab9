"""What OpenAI, servers that speak like it and the client library report, as errors of ours.

A 404 is no text's fault, nor is a model that can't do what every request asks for: so they stop the provider, as a
wrong key does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from httpx2 import ConnectTimeout, PoolTimeout, TransportError
from openai import APIConnectionError, APIStatusError, APITimeoutError, BadRequestError, OpenAIError

from core.errors import (
    AdologyError,
    BadInputError,
    NotAllowedError,
    QuotaSpentError,
    RetryableError,
    TerminalError,
    ThrottledError,
    UnansweredError,
)
from core.observability.redaction import redact, shorten

DEFAULT_PAUSE_SECONDS: Final = 10.0
MAX_PAUSE_SECONDS: Final = 3_600.0
_SPENT: Final = {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
_FLAGGED: Final = {"content_filter", "content_policy_violation", "invalid_prompt"}
_AGAIN: Final = {408, 409, 425}
_OF_THE_MODEL: Final = {"model", "text", "response_format", "max_output_tokens", "max_tokens", "temperature"}
_GEMINI_DELAY: Final = re.compile(r"retryDelay\W{1,6}(\d+(?:\.\d+)?)s")
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")
_SECONDS_PER: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0}
_MAX_WORDS: Final = 300


def translated(error: Exception, provider: str, *, timeout_seconds: float) -> AdologyError:
    """``provider`` as the settings name it: "openai" or "compatible"."""
    if isinstance(error, APIStatusError):
        return _of_status(error, provider)
    if isinstance(error.__cause__, ConnectTimeout | PoolTimeout):
        return RetryableError(f"{provider} can't be reached: {type(error.__cause__).__name__}; try again")
    if isinstance(error, APITimeoutError | TimeoutError):
        return UnansweredError(
            f"{provider} gave no answer within {timeout_seconds:g} s: try again;"
            " raise ADOLOGY_AI_TIMEOUT_SECONDS if that is usual"
        )
    if isinstance(error, OpenAIError) and not isinstance(error, APIConnectionError):
        return TerminalError(f"{provider}'s library failed: {type(error).__name__} {_words(error)}")
    if isinstance(error, TransportError):  # the library hands these on only while the answer is read
        return UnansweredError(f"{provider} hung up in the middle of its answer: {type(error).__name__}; try again")
    return RetryableError(f"{provider} can't be reached: {type(error.__cause__ or error).__name__}; try again")


def flagged(error: Exception) -> str:
    """The words of a filter that stopped what was asked, a refusal in the form of an error; "" for other errors."""
    if isinstance(error, BadRequestError) and _codes(error) & _FLAGGED:
        return _words(error)
    return ""


def of_code(code: str, words: str, provider: str) -> AdologyError:
    """Of an answer that came with 200 and tells that it failed."""
    said = f"{provider} failed: {code} {redact(shorten(words, _MAX_WORDS))}"
    if code in _SPENT | {"402"}:
        return QuotaSpentError(said)
    if code in {"rate_limit_exceeded", "429"}:
        return ThrottledError(said, retry_after_seconds=DEFAULT_PAUSE_SECONDS)
    if "image" in code or code == "invalid_prompt":
        return BadInputError(said)
    return RetryableError(f"{said}; try again")


def pause_seconds(headers: Mapping[str, str], words: str = "") -> float | None:
    """How long the answer asks to wait, at most an hour; None where it doesn't say.

    ``Retry-After`` in its three spellings, Gemini's delay in the body, else the reset of the limit that is used up.
    """
    told = _retry_after(headers)
    if told is None and (found := _GEMINI_DELAY.search(words)):
        told = float(found[1])
    if told is None:
        told = _reset(headers)
    return None if told is None or math.isnan(told) else min(max(told, 0.0), MAX_PAUSE_SECONDS)


def _of_status(error: APIStatusError, provider: str) -> AdologyError:
    status, variable = error.status_code, f"ADOLOGY_{provider.upper()}"
    said = f"{provider} answers {status}: {_words(error)}"
    if status in {401, 403}:
        return NotAllowedError(f"{said} — set {variable}_API_KEY to a key that may use the model, then restart")
    if status == 404 or str(error.param).partition(".")[0] in _OF_THE_MODEL:  # noqa: PLR2004
        return NotAllowedError(f"{said} — correct {variable}_MODEL or {variable}_BASE_URL, then restart")
    if status == 402 or (status == 429 and _codes(error) & _SPENT):  # noqa: PLR2004
        return QuotaSpentError(f"{said} — pay for more at the provider; nothing is lost meanwhile")
    pause = pause_seconds(error.response.headers, str(error))
    if status == 429 or (status >= 500 and pause is not None):  # noqa: PLR2004
        return ThrottledError(said, retry_after_seconds=DEFAULT_PAUSE_SECONDS if pause is None else pause)
    if status >= 500 or status in _AGAIN:  # noqa: PLR2004
        return RetryableError(f"{said}; try again")
    return BadInputError(said)


def _codes(error: APIStatusError) -> set[str]:
    """As words: a server may send anything."""
    return {str(error.code), str(error.type)}


def _words(error: Exception) -> str:
    """The vendor's own, which may quote the key."""
    body: Any = getattr(error, "body", None)
    words = body.get("message") if isinstance(body, dict) else None
    return redact(shorten(str(words or error), _MAX_WORDS))


def _retry_after(headers: Mapping[str, str]) -> float | None:
    for name, divisor in (("retry-after-ms", 1_000.0), ("retry-after", 1.0)):
        try:
            return float(headers[name]) / divisor
        except (KeyError, ValueError):
            continue
    try:
        return (parsedate_to_datetime(headers["retry-after"]) - datetime.now(UTC)).total_seconds()
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def _reset(headers: Mapping[str, str]) -> float | None:
    """OpenAI: ``x-ratelimit-reset-tokens: 6m0s`` beside ``x-ratelimit-remaining-tokens: 0``."""
    limits = ("requests", "tokens")
    resets = [
        headers.get(f"x-ratelimit-reset-{limit}", "")
        for limit in limits
        if headers.get(f"x-ratelimit-remaining-{limit}") == "0"
    ]
    durations = [_DURATION.findall(reset) for reset in resets]
    return max((sum(float(n) * _SECONDS_PER[unit] for n, unit in found) for found in durations if found), default=None)
