"""A vendor's 200 is data, too: what has another shape than its documents say is no answer, and may be billed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from core.errors import UnansweredError

MOST_TOKENS: Final = 10_000_000  # of one call; no model reads or writes as many
_LONGEST_ID: Final = 200
_IN_THE_WAY: Final = -1  # no number of tokens
_ANOTHER_SHAPE: Final = (TypeError, AttributeError, LookupError, ValueError, OverflowError, RecursionError)


@contextmanager
def as_documented(provider: str) -> Iterator[None]:
    """Raises UnansweredError for an answer that can't be taken apart inside: the call is booked at its most."""
    try:
        yield
    except _ANOTHER_SHAPE as error:
        raise UnansweredError(
            f"{provider} answered in a shape that can't be read ({type(error).__name__}): try again; if it stays so,"
            f" correct ADOLOGY_{provider.upper()}_MODEL or the address, then restart"
        ) from error


def counts(usage: object, *paths: str) -> list[int]:
    """The number of tokens under each dotted path, 0 where there is none.

    All are 0, as of a server that doesn't count, if one is no number of tokens: a sum that is wrong in part is wrong.
    """
    found = [_at(usage, path) for path in paths]
    told = [0 if each is None else each for each in found]
    if all(type(each) is int and 0 <= each <= MOST_TOKENS for each in told):
        return [each for each in told if isinstance(each, int)]
    return [0] * len(paths)


def vendor_id(value: object) -> str | None:
    """A vendor's id of a call, if it is one that can be kept."""
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_ID else None


def _at(value: object, path: str) -> object:
    """None where nothing stands there, the null of JSON too."""
    for name in path.split("."):
        if not isinstance(value, Mapping):
            return None if value is None else _IN_THE_WAY
        value = value.get(name)
    return value
