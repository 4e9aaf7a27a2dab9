"""Answers kept for a repetition of the call: claimed before the work, settled after it, in the work's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Protocol

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from core.domain.principal import Principal
from core.errors import ConflictError, InProgressError

KEPT: Final = timedelta(hours=24)
WAIT_SECONDS: Final = 3  # for a call under the same key that is still at work
_LOCK_NOT_AVAILABLE: Final = "55P03"


class StoredAnswer(Protocol):
    """What the first call was answered."""

    fingerprint: str
    status: int
    answer: bytes


def claim(
    connection: Connection, principal: Principal, key: str, *, fingerprint: str, now: datetime
) -> StoredAnswer | None:
    """The answer of an earlier call under this key, or None: then the key is the caller's until his transaction ends.

    Waits for a call that is at work. Raises InProgressError when that takes too long.
    """
    of_key = {"organisation": principal.organisation_id, "actor": principal.actor, "key": key}
    connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
    try:
        connection.execute(_FORGET, of_key | {"before": now - KEPT})
        claimed = connection.execute(_CLAIM, of_key | {"fingerprint": fingerprint, "now": now}).rowcount
    except OperationalError as error:
        if getattr(error.orig, "pgcode", None) != _LOCK_NOT_AVAILABLE:
            raise
        raise InProgressError("a call with this Idempotency-Key is still at work: repeat it in a moment") from error
    connection.execute(text("SET LOCAL lock_timeout = DEFAULT"))
    if claimed:
        return None
    stored: StoredAnswer = connection.execute(_FIND, of_key).one()
    return stored


def settle(connection: Connection, principal: Principal, key: str, *, status: int, answer: bytes) -> None:
    """Write what the call is answered; it stands once the transaction does."""
    of_key = {"organisation": principal.organisation_id, "actor": principal.actor, "key": key}
    connection.execute(_SETTLE, of_key | {"status": status, "answer": answer})


def unsealed(answer: bytes, cipher: Fernet) -> bytes:
    """The answer in the clear. Raises ConflictError where the secret store has another key by now."""
    try:
        return cipher.decrypt(answer)
    except InvalidToken:
        raise ConflictError("what this Idempotency-Key was answered can't be read any more: use a new key") from None


_OF_KEY: Final = "organisation_id = :organisation AND actor = :actor AND key = :key"
_FORGET = text(f"DELETE FROM idempotency_key WHERE {_OF_KEY} AND created_at < :before")  # noqa: S608
_FIND = text(f"SELECT fingerprint, status, answer FROM idempotency_key WHERE {_OF_KEY}")  # noqa: S608
_SETTLE = text(f"UPDATE idempotency_key SET status = :status, answer = :answer WHERE {_OF_KEY}")  # noqa: S608
_CLAIM = text(
    "INSERT INTO idempotency_key (organisation_id, actor, key, fingerprint, status, answer, created_at)"
    " VALUES (:organisation, :actor, :key, :fingerprint, 0, '', :now) ON CONFLICT DO NOTHING"
)
