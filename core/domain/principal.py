"""Who asks, the scope of what they may see, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

SHARED_SCOPE = "shared"
LOCAL_ORGANISATION = "local"
COMMAND_LINE = "command-line"
SYSTEM = "system"  # the actor of what nobody asked for


class Role(StrEnum):
    """What a user of an organisation is; operators stand outside organisations."""

    OWNER = "owner"
    ANALYST = "analyst"
    VIEWER = "viewer"


class Permission(StrEnum):
    """What may be done within an organisation: an API key names some, a role has those of ``PERMISSIONS``."""

    READ = "read"
    WRITE = "write"  # brandspaces, overlays, and work that is queued
    ADMIN = "admin"  # users, keys, webhooks, the audit trail


PERMISSIONS: Mapping[Role, tuple[Permission, ...]] = {
    Role.OWNER: (Permission.READ, Permission.WRITE, Permission.ADMIN),
    Role.ANALYST: (Permission.READ, Permission.WRITE),
    Role.VIEWER: (Permission.READ,),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """On whose behalf a call is made. Every access names one.

    ``permissions`` are those of an API key; None means those of the role.
    """

    organisation_id: str
    role: Role = Role.OWNER
    user_id: str | None = None
    key_id: str | None = None
    permissions: tuple[Permission, ...] | None = None
    is_operator: bool = False  # staff: sees figures over all organisations, never their content

    def __post_init__(self) -> None:
        if not self.organisation_id or self.organisation_id == SHARED_SCOPE:
            raise ValueError("a principal belongs to an organisation, and 'shared' is not one")

    @property
    def scope(self) -> str:
        """The private scope this principal reads beside ``shared``."""
        return self.organisation_id

    @property
    def actor(self) -> str:
        """As an audit row names it: ``user:<id>``, ``key:<id>`` or the command line."""
        if self.key_id is not None:
            return f"key:{self.key_id}"
        return COMMAND_LINE if self.user_id is None else f"user:{self.user_id}"

    def may(self, permission: Permission) -> bool:
        """Whether it may be done."""
        return permission in (PERMISSIONS[self.role] if self.permissions is None else self.permissions)


LOCAL_PRINCIPAL = Principal(LOCAL_ORGANISATION)
