"""The one question before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.principal import Permission, Principal
from core.errors import NotAllowedError

_WHO_MAY = {
    Permission.READ: "the key lacks the scope 'read'",
    Permission.WRITE: "ask an owner or analyst of your organisation, or use a key with the scope 'write'",
    Permission.ADMIN: "ask an owner of your organisation, or use a key with the scope 'admin'",
}


def require(principal: Principal, permission: Permission) -> None:
    """Raises NotAllowedError saying whom to ask."""
    if not principal.may(permission):
        raise NotAllowedError(f"you may not do this: {_WHO_MAY[permission]}")


def require_no_more(principal: Principal, permissions: Iterable[Permission]) -> None:
    """Nobody hands on what he lacks: not as a key, a role or a way in. Raises NotAllowedError."""
    lacking = [permission.value for permission in permissions if not principal.may(permission)]
    if lacking:
        raise NotAllowedError(f"you can't hand on what you lack yourself: {', '.join(lacking)}")
