"""Brandspaces: made, edited, archived and restored; and which one a user looks at.

An edit replaces what it names as a whole, and the last writer wins: the audit trail tells what stood there before.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from core.access.rights import require
from core.adapters.postgres import brandspace_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Connection, Database
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, ConflictError
from core.queries.brands import resolve_slugs
from core.queries.brandspaces import ALL_BRANDS, Brandspace, find_brandspace, read_brandspace
from core.queries.pages import MAX_PAGE

MAX_NAME = 100  # characters
MAX_BRANDS = 200  # of one brandspace
MAX_BRANDSPACES = MAX_PAGE  # of one organisation, archived ones not counted: a list shows them all


@dataclass(frozen=True, slots=True)
class Edit:
    """What to change; None leaves it. Brands in any spelling; ``primary`` "" takes it away."""

    name: str | None = None
    primary: str | None = None
    competitors: Sequence[str] | None = None
    followed: Sequence[str] | None = None


def create_brandspace(
    database: Database,
    principal: Principal,
    *,
    name: str,
    primary: str | None = None,
    competitors: Sequence[str] = (),
    followed: Sequence[str] = (),
) -> Brandspace:
    """A new brandspace. Brands in any spelling; one that nobody has met yet may be watched, too.

    Raises BadInputError, and ConflictError for a name that is taken.
    """
    require(principal, Permission.WRITE)
    brandspace_id = secrets.token_hex(12)
    name = _checked_name(name)
    with database.writer(principal) as connection:
        _require_room(connection, principal)
        edit = Edit(name, primary, competitors, followed)
        primary_slug, roles = _roles(connection, edit, Brandspace(brandspace_id, name))
        store.insert_brandspace(connection, principal, brandspace_id=brandspace_id, name=name, primary=primary_slug)
        store.replace_brands(connection, principal, brandspace_id=brandspace_id, roles=roles)
        record(connection, principal, "brandspace.create", brandspace_id, name=name, brands=roles)
        return read_brandspace(connection, principal, brandspace_id)


def edit_brandspace(database: Database, principal: Principal, brandspace_id: str, edit: Edit) -> Brandspace:
    """Rename it, or put other brands into it.

    A brand has one role: named for another than it had, it takes that one. Raises NotFoundError, BadInputError, and
    ConflictError for a name that is taken.
    """
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        before = _own(connection, principal, brandspace_id)
        name = before.name if edit.name is None else _checked_name(edit.name)
        primary, roles = _roles(connection, edit, before)
        store.update_brandspace(connection, principal, brandspace_id=brandspace_id, name=name, primary=primary)
        store.replace_brands(connection, principal, brandspace_id=brandspace_id, roles=roles)
        after = read_brandspace(connection, principal, brandspace_id)
        if after != before:
            details = {"name": name, "brands": roles, "name_before": before.name, "brands_before": before.roles}
            record(connection, principal, "brandspace.edit", brandspace_id, **details)
        return after


def archive_brandspace(database: Database, principal: Principal, brandspace_id: str) -> Brandspace:
    """From now on it is not listed and can't be asked, and its name is free; twice is once. Raises NotFoundError."""
    require(principal, Permission.WRITE)
    return _set_archived(database, principal, brandspace_id, is_archived=True)


def restore_brandspace(database: Database, principal: Principal, brandspace_id: str) -> Brandspace:
    """As it was before it was archived. Raises NotFoundError, and ConflictError when its name is taken by now."""
    require(principal, Permission.WRITE)
    return _set_archived(database, principal, brandspace_id, is_archived=False)


def choose_brandspace(database: Database, principal: Principal, brandspace_id: str) -> None:
    """Remember what the user looks at, for his next visit. Raises NotFoundError.

    Who only reads may choose, too; a key or the command line is nobody's visit, so nothing is remembered.
    """
    require(principal, Permission.READ)
    if principal.user_id is None:
        return
    with database.writer(principal) as connection:
        find_brandspace(connection, principal, brandspace_id)
        store.set_chosen_brandspace(connection, principal, brandspace_id=brandspace_id)


def _set_archived(database: Database, principal: Principal, brandspace_id: str, *, is_archived: bool) -> Brandspace:
    with database.writer(principal) as connection:
        if not is_archived:
            _require_room(connection, principal)
        before = _own(connection, principal, brandspace_id, is_archived=None)
        if (before.archived_at is not None) == is_archived:
            return before
        changed = {"brandspace_id": brandspace_id, "name": before.name}
        store.set_archived(connection, principal, **changed, is_archived=is_archived)
        record(connection, principal, f"brandspace.{'archive' if is_archived else 'restore'}", brandspace_id)
        return read_brandspace(connection, principal, brandspace_id)


def _own(
    connection: Connection, principal: Principal, brandspace_id: str, *, is_archived: bool | None = False
) -> Brandspace:
    """One that can be changed, locked. Raises NotFoundError, and BadInputError for ``all``."""
    if brandspace_id == ALL_BRANDS:
        raise BadInputError("'all' is always there and holds every brand: make a brandspace of your own")
    found = read_brandspace(connection, principal, brandspace_id, is_locked=True)
    if is_archived is False and found.archived_at is not None:
        raise ConflictError("this brandspace is archived: restore it, then change it")
    return found


def _require_room(connection: Connection, principal: Principal) -> None:
    if store.lock_brandspaces(connection, principal) >= MAX_BRANDSPACES:
        raise ConflictError(f"your organisation has {MAX_BRANDSPACES} brandspaces: archive one first")


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise BadInputError(f"name: give 1 to {MAX_NAME} characters")
    return name


def _roles(connection: Connection, edit: Edit, before: Brandspace) -> tuple[str | None, dict[str, str]]:
    """The primary brand, and slug → role of all: what the edit names, then what it leaves as it was."""
    primary = None if edit.primary is None else [edit.primary] if edit.primary else []
    named = {"primary": primary, "competitor": edit.competitors, "followed": edit.followed}
    given = {role: names for role, names in named.items() if names is not None}
    slugs = resolve_slugs(connection, [name for names in given.values() for name in names])
    roles: dict[str, str] = {}
    for role, names in given.items():
        for name in names:
            roles.setdefault(slugs[name], role)
    roles |= {slug: role for slug, role in before.roles.items() if role not in given and slug not in roles}
    if len(roles) > MAX_BRANDS:
        raise BadInputError(f"a brandspace holds at most {MAX_BRANDS} brands")
    return next((slug for slug, role in roles.items() if role == "primary"), None), roles
