"""What MongoDB and its driver report, as errors of ours. No message repeats a document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
)

from core.errors import (
    AdologyError,
    BadInputError,
    ConflictError,
    NotAllowedError,
    RetryableError,
    ThrottledError,
    UnavailableError,
)

_PAUSE_SECONDS = 5.0
_DUPLICATE_KEY = 11_000
_TOO_LARGE = {10_334, 17_419, 17_420}
_FORBIDDEN = {13, 18, 8_000}  # not allowed, not signed in, not signed in to Atlas
_OTHER_INDEX = {85, 86}
_THROTTLES = {462}
_OUT_OF_TIME = {50, 64, 91}  # the time of the operation, of its confirmation, of the server


class RacedError(RetryableError):
    """Another process wrote a new key at the same time: the next try finds and replaces it."""


@contextmanager
def mongo_errors(operation: str) -> Iterator[None]:
    """Translates what a call raises; stands inside ``external_call``, so that its outcome is ours.

    Raises UnavailableError (connection, timeout), ThrottledError, NotAllowedError naming the right, ConflictError for
    an index of that name, BadInputError for a document that is too large, else RetryableError.
    """
    try:
        yield
    except BulkWriteError as error:
        codes = {int(item["code"]) for item in error.details.get("writeErrors", ())}
        raise _of_codes(codes, operation) from None  # its text repeats the documents
    except OperationFailure as error:
        raise _of_codes({error.code or 0}, operation) from error
    except (ConnectionFailure, ConfigurationError) as error:  # to the driver, a name without address is configuration
        raise UnavailableError(
            f"MongoDB can't be reached for {operation}: {type(error).__name__}; try again"
        ) from error
    except PyMongoError as error:
        raise RetryableError(f"MongoDB didn't take {operation}: {type(error).__name__}; try again") from error


def _of_codes(codes: set[int], operation: str) -> AdologyError:  # noqa: PLR0911 - a table of answers
    """The codes of the answer; none where a majority didn't confirm in time."""
    if codes & _TOO_LARGE:
        return BadInputError("a document has more than the 16 MB that MongoDB takes: import it in pieces")
    if codes & _FORBIDDEN:
        return NotAllowedError(
            f"MongoDB refuses {operation}: the user of ADOLOGY_DOCUMENTS_URL needs the role readWrite on its database"
        )
    if codes & _OTHER_INDEX:
        return ConflictError("MongoDB has another index under the name or the keys of ours: drop it and start again")
    if codes & _THROTTLES:
        return ThrottledError("MongoDB asks for a pause", retry_after_seconds=_PAUSE_SECONDS)
    if codes == {_DUPLICATE_KEY}:
        return RacedError("another process wrote the same new document; try again")
    if codes <= _OUT_OF_TIME:
        return UnavailableError(f"MongoDB wasn't done with {operation} in time; try again")
    return RetryableError(f"MongoDB didn't take {operation}: code {', '.join(map(str, sorted(codes)))}; try again")
