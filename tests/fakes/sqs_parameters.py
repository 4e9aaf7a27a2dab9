"""What SQS accepts as a parameter, a name, a batch."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tests.fakes.sqs_queues import MAX_VISIBILITY_SECONDS, SqsError

Json = dict[str, Any]
MEBIBYTE = 1_048_576
_MAX_ENTRIES = 10
QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ENTRY_ID = QUEUE_NAME
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RANGES = {
    "VisibilityTimeout": (0, MAX_VISIBILITY_SECONDS),
    "MaximumMessageSize": (1024, MEBIBYTE),
    "MessageRetentionPeriod": (60, 1_209_600),
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "WaitTimeSeconds": (0, 20),
    "MaxNumberOfMessages": (1, 10),
}


def checked_entries(entries: list[Json]) -> list[Json]:
    """The entries of a batch. Raises SqsError for a batch that is wrong as a whole."""
    ids = [entry.get("Id", "") for entry in entries]
    if not entries:
        raise SqsError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > _MAX_ENTRIES:
        raise SqsError("TooManyEntriesInBatchRequest", f"At most {_MAX_ENTRIES} entries. You have sent {len(entries)}.")
    if not all(_ENTRY_ID.fullmatch(entry_id) for entry_id in ids):
        raise SqsError("InvalidBatchEntryId", "An entry id has 1 to 80 letters, digits, hyphens and underscores.")
    if len(set(ids)) < len(ids):
        raise SqsError("BatchEntryIdsNotDistinct", f"Id {Counter(ids).most_common(1)[0][0]} repeated.")
    size = sum(len(entry.get("MessageBody", "").encode(errors="surrogatepass")) for entry in entries)
    if size > MEBIBYTE:
        raise SqsError("BatchRequestTooLong", f"At most {MEBIBYTE} bytes. You have sent {size}.")
    return entries


def text_of(given: Json, name: str) -> str:
    """A parameter that must be there. Raises SqsError."""
    if value := given.get(name):
        return str(value)
    raise SqsError("MissingParameter", f"The request must contain the parameter {name}.")


def number_of(given: Json, name: str, default: int | None, code: str = "InvalidParameterValue") -> int:
    """A number within the range SQS gives it. Raises SqsError."""
    value = given.get(name, default)
    low, high = _RANGES[name]
    try:
        number = int(value)  # type: ignore[arg-type]  # None is what it refuses
    except (TypeError, ValueError):
        raise SqsError(code, f"Value {value} for parameter {name} is no number.") from None
    if not low <= number <= high:
        raise SqsError(code, f"Value {value} for parameter {name} is invalid: it is between {low} and {high}.")
    return number
