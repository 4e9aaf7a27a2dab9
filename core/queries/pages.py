"""Pages of results: at most 200 rows, continued by an opaque keyset cursor.

A cursor holds the sort key of the last row and a digest over it and the question it belongs to: one that was cut,
edited or taken to another question is refused. It grants nothing: rows are guarded by row-level security. The digest
has no key, so whoever forges a cursor gets past it: what it holds is checked again where it is used.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import Row, Select

from core.errors import BadInputError

MAX_PAGE = 200
_DIGEST_BYTES = 12
_NUMBER_DIGITS = 18  # all that fit a bigint

T = TypeVar("T")
AnyRow = Row[*tuple[Any, ...]]
AnySelect = Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in order. ``next_cursor`` is None on the last page; ``truncated`` says that all that was asked for would
    have been too large, so that fewer came: the rest follows after ``next_cursor``."""

    items: tuple[T, ...]
    next_cursor: str | None = None
    truncated: bool = False


def checked_limit(limit: int) -> int:
    """The page size. Raises BadInputError outside 1 … 200."""
    if not 1 <= limit <= MAX_PAGE:
        raise BadInputError(f"limit must be from 1 to {MAX_PAGE}")
    return limit


def make_page(rows: Sequence[T], limit: int, *, question: object, key: Callable[[T], Sequence[object]]) -> Page[T]:
    """A page of ``rows``, of which the caller fetched one more than ``limit`` to know whether others follow."""
    shown = tuple(rows[:limit])
    more = len(rows) > limit
    return Page(shown, encode_cursor(key(shown[-1]), question) if more else None)


def encode_cursor(position: Sequence[object], question: object) -> str:
    """The cursor after ``position`` in the answer to ``question`` (its ``repr`` identifies it)."""
    payload = json.dumps([str(part) for part in position], separators=(",", ":")).encode()
    return _url_safe(_digest(payload, question) + payload)


def decode_cursor(cursor: str | None, question: object, *, parts: int) -> tuple[str, ...] | None:
    """The position, or None without a cursor. Raises BadInputError unless it was made for this very question."""
    if not cursor:
        return None
    try:
        content = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        genuine = _url_safe(content) == cursor and digest == _digest(payload, question)
        position = tuple(json.loads(payload)) if genuine else ()
    except (binascii.Error, ValueError, TypeError, RecursionError):
        position = ()
    if len(position) != parts or not all(map(_is_text, position)):
        raise _wrong_cursor()
    return position


def time_in(part: str) -> datetime:
    """A time that a cursor holds. Raises BadInputError."""
    try:
        found = datetime.fromisoformat(part)
    except ValueError:
        raise _wrong_cursor() from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def number_in(part: str) -> int:
    """A whole number that a cursor holds. Raises BadInputError."""
    if not (part.isascii() and part.isdecimal() and len(part) <= _NUMBER_DIGITS):
        raise _wrong_cursor()
    return int(part)


def _is_text(part: object) -> bool:
    """As PostgreSQL takes it: no NUL, no half of a surrogate pair."""
    return isinstance(part, str) and "\0" not in part and not any("\ud800" <= letter <= "\udfff" for letter in part)


def _wrong_cursor() -> BadInputError:
    return BadInputError("this cursor belongs to another list or was changed; start again without a cursor")


def _digest(payload: bytes, question: object) -> bytes:
    return hashlib.sha256(repr(question).encode() + b"\0" + payload).digest()[:_DIGEST_BYTES]


def _url_safe(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
