"""API keys of an organisation: shown once, hashed, revocable."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.access.rights import require, require_no_more
from core.access.tokens import KEY_PREFIX, hash_of, new_key
from core.adapters.postgres import access_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, NotFoundError

MAX_NAME = 100
MAX_DAYS = 3650


@dataclass(frozen=True, slots=True)
class NewKey:
    """``key`` can't be shown again."""

    key_id: str
    key: str


def create_key(
    database: Database,
    principal: Principal,
    *,
    name: str,
    permissions: Collection[Permission],
    now: datetime,
    expires_at: datetime | None = None,
) -> NewKey:
    """A key with some of the maker's own permissions. Raises NotAllowedError and BadInputError."""
    require(principal, Permission.ADMIN)
    require_no_more(principal, permissions)
    name = " ".join(name.split())
    _check(name, permissions, now, expires_at)
    key_id = secrets.token_hex(6)
    key = new_key(key_id)
    names = [permission.value for permission in Permission if permission in permissions]
    with database.writer(principal) as connection:
        store.insert_key(
            connection,
            principal,
            key_id=key_id,
            name=name,
            secret_hash=hash_of(key),
            permissions=names,
            now=now,
            expires_at=expires_at,
        )
        record(connection, principal, "key.create", key_id, name=name, scopes=names)
    return NewKey(key_id, key)


def revoke_key(database: Database, principal: Principal, key_id: str, *, now: datetime) -> None:
    """From now on the key opens nothing; twice is once. Raises NotFoundError."""
    require(principal, Permission.ADMIN)
    with database.writer(principal) as connection:
        if not store.revoke_key(connection, principal, key_id=key_id, now=now):
            raise NotFoundError("there is no such key in your organisation")
        record(connection, principal, "key.revoke", key_id)


def bearer_of_key(database: Database, key: str, *, now: datetime) -> Principal | None:
    """Who shows this key; None for one that is wrong, revoked or out of date."""
    if not key.startswith(KEY_PREFIX):
        return None
    with database.anonymous() as connection:
        row = store.find_key(connection, secret_hash=hash_of(key), now=now)
    if row is None:
        return None
    permissions = tuple(Permission(name) for name in row.permissions)
    return Principal(row.organisation_id, key_id=row.key_id, permissions=permissions)


def _check(name: str, permissions: Collection[Permission], now: datetime, expires_at: datetime | None) -> None:
    if not name or len(name) > MAX_NAME:
        raise BadInputError(f"name: give 1 to {MAX_NAME} characters")
    if not permissions:
        raise BadInputError("scopes: name at least one of read, write, admin")
    if expires_at is not None and not now < expires_at <= now + timedelta(days=MAX_DAYS):
        raise BadInputError(f"expires_at: give a time within the next {MAX_DAYS} days, or none")
