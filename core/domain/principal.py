"""Who asks, and the scope of what they may see."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

SHARED_SCOPE = "shared"
LOCAL_ORGANISATION = "local"


class Role(StrEnum):
    """What a user of an organisation may do; operators stand outside organisations."""

    OWNER = "owner"
    ANALYST = "analyst"
    VIEWER = "viewer"


@dataclass(frozen=True, slots=True)
class Principal:
    """The organisation and role on whose behalf a call is made. Every access names one."""

    organisation_id: str
    role: Role = Role.OWNER
    user_id: str | None = None

    def __post_init__(self) -> None:
        if not self.organisation_id or self.organisation_id == SHARED_SCOPE:
            raise ValueError("a principal belongs to an organisation, and 'shared' is not one")

    @property
    def scope(self) -> str:
        """The private scope this principal reads beside ``shared``."""
        return self.organisation_id


LOCAL_PRINCIPAL = Principal(LOCAL_ORGANISATION)
