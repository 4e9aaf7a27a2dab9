"""Writes to ``brandspace`` and ``brandspace_brand``; each names the organisation, row-level security or not."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from core.domain.principal import Principal
from core.errors import ConflictError


def insert_brandspace(
    connection: Connection, principal: Principal, *, brandspace_id: str, name: str, primary: str | None
) -> None:
    """Raises ConflictError for a name that is taken."""
    _with_free_name(
        connection,
        "INSERT INTO brandspace (brandspace_id, organisation_id, name, primary_brand)"
        " VALUES (:id, :organisation, :name, :primary)",
        {"id": brandspace_id, "organisation": principal.organisation_id, "name": name, "primary": primary},
    )


def update_brandspace(
    connection: Connection, principal: Principal, *, brandspace_id: str, name: str, primary: str | None
) -> None:
    """Raises ConflictError for a name that is taken."""
    _with_free_name(
        connection,
        "UPDATE brandspace SET name = :name, primary_brand = :primary"
        " WHERE brandspace_id = :id AND organisation_id = :organisation",
        {"id": brandspace_id, "organisation": principal.organisation_id, "name": name, "primary": primary},
    )


def set_archived(
    connection: Connection, principal: Principal, *, brandspace_id: str, name: str, is_archived: bool
) -> None:
    """Raises ConflictError when it is restored and another bears its ``name`` by now."""
    _with_free_name(
        connection,
        "UPDATE brandspace SET archived_at = CASE WHEN :archived THEN now() END"
        " WHERE brandspace_id = :id AND organisation_id = :organisation",
        {"id": brandspace_id, "organisation": principal.organisation_id, "name": name, "archived": is_archived},
    )


def replace_brands(
    connection: Connection, principal: Principal, *, brandspace_id: str, roles: Mapping[str, str]
) -> None:
    """slug → role, instead of what there was; a brand that stays keeps its place in the order."""
    values = {"id": brandspace_id, "organisation": principal.organisation_id}
    connection.execute(
        text(
            "DELETE FROM brandspace_brand"
            " WHERE brandspace_id = :id AND organisation_id = :organisation AND slug <> ALL(:kept)"
        ),
        values | {"kept": list(roles)},
    )
    connection.execute(
        text(
            "INSERT INTO brandspace_brand (brandspace_id, organisation_id, slug, role)"
            " SELECT :id, :organisation, slug, role"
            " FROM unnest(CAST(:slugs AS text[]), CAST(:roles AS text[])) AS given (slug, role)"
            " ON CONFLICT (brandspace_id, slug) DO UPDATE SET role = excluded.role"
        ),
        values | {"slugs": list(roles), "roles": list(roles.values())},
    )


def lock_brandspaces(connection: Connection, principal: Principal) -> int:
    """How many the organisation has that aren't archived; until the transaction ends nobody adds one."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('brandspaces of ' || :organisation, 0))"),
        {"organisation": principal.organisation_id},
    )
    statement = text("SELECT count(*) FROM brandspace WHERE archived_at IS NULL AND organisation_id = :organisation")
    count: int = connection.execute(statement, {"organisation": principal.organisation_id}).scalar_one()
    return count


def set_chosen_brandspace(connection: Connection, principal: Principal, *, brandspace_id: str) -> None:
    """What the principal's user looks at from now on."""
    connection.execute(
        text("UPDATE user_account SET brandspace_id = :id WHERE user_id = :user AND organisation_id = :organisation"),
        {"id": brandspace_id, "user": principal.user_id, "organisation": principal.organisation_id},
    )


def _with_free_name(connection: Connection, statement: str, values: Mapping[str, object]) -> None:
    """The index decides: of two who take one name together, one gets it."""
    try:
        connection.execute(text(statement), values)
    except IntegrityError as error:
        raise ConflictError(f"there is a brandspace {values['name']!r} already; choose another name") from error
