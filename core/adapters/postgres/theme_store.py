"""Writes to ``theme`` and ``theme_member``; each names the organisation, row-level security or not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from core.adapters.postgres.bulk import copy_upsert
from core.adapters.postgres.schema import theme_member
from core.domain.principal import Principal


@dataclass(frozen=True, slots=True)
class NewTheme:
    """A theme that was found; ``centre`` is float32, little-endian, of unit length."""

    theme_id: str
    name: str
    words: tuple[str, ...]
    model: str
    centre: bytes
    discovery: int


def insert_themes(connection: Connection, principal: Principal, brandspace_id: str, themes: Sequence[NewTheme]) -> None:
    """Not locked, without members."""
    statement = text(
        "INSERT INTO theme (theme_id, organisation_id, brandspace_id, name, words, model, centre, discovery)"
        " VALUES (:theme_id, :organisation, :brandspace, :name, :words, :model, :centre, :discovery)"
    )
    owner = {"organisation": principal.organisation_id, "brandspace": brandspace_id}
    for item in themes:
        values = {"theme_id": item.theme_id, "name": item.name, "words": list(item.words), "model": item.model}
        connection.execute(statement, owner | values | {"centre": item.centre, "discovery": item.discovery})


def update_theme(
    connection: Connection, principal: Principal, theme_id: str, *, name: str, definition: str, is_locked: bool
) -> None:
    """What people say of a theme."""
    connection.execute(
        text(
            "UPDATE theme SET name = :name, definition = :definition, is_locked = :is_locked,"
            " changed_at = clock_timestamp() WHERE theme_id = :theme AND organisation_id = :organisation"
        ),
        _one(principal, theme_id) | {"name": name, "definition": definition, "is_locked": is_locked},
    )


def merge_theme(connection: Connection, principal: Principal, theme_id: str, *, into: str) -> None:
    """Its members, and the themes that were merged into it, go to ``into``; it stays behind as a centre of that."""
    values = _one(principal, theme_id) | {"into": into}
    connection.execute(
        text(
            "UPDATE theme SET merged_into = :into, changed_at = clock_timestamp()"
            " WHERE organisation_id = :organisation AND :theme IN (theme_id, merged_into)"
        ),
        values,
    )
    connection.execute(
        text("UPDATE theme_member SET theme_id = :into WHERE organisation_id = :organisation AND theme_id = :theme"),
        values,
    )


def delete_theme(connection: Connection, principal: Principal, theme_id: str) -> None:
    """With those that were merged into it; their members are without a theme."""
    statement = "DELETE FROM theme WHERE organisation_id = :organisation AND :theme IN (theme_id, merged_into)"
    connection.execute(text(statement), _one(principal, theme_id))


def delete_themes_but(connection: Connection, principal: Principal, brandspace_id: str, kept: Sequence[str]) -> None:
    """All of a brandspace but these."""
    connection.execute(
        text(
            "DELETE FROM theme WHERE organisation_id = :organisation AND brandspace_id = :brandspace"
            " AND theme_id <> ALL(:kept)"
        ),
        {"organisation": principal.organisation_id, "brandspace": brandspace_id, "kept": list(kept)},
    )


def replace_members(
    connection: Connection,
    principal: Principal,
    brandspace_id: str,
    members: Iterable[tuple[str, str, str, float]],
    examples: Mapping[str, Sequence[str]],
) -> None:
    """``members``: (scope, content, theme, cosine), instead of what there was; theme → content ids of its examples."""
    owner = {"organisation": principal.organisation_id, "brandspace": brandspace_id}
    mine = "WHERE organisation_id = :organisation AND brandspace_id = :brandspace"
    connection.execute(text(f"DELETE FROM theme_member {mine}"), owner)  # noqa: S608  constants of this module
    columns = ("organisation_id", "brandspace_id", "scope", "content_id", "theme_id", "cosine")
    copy_upsert(connection, theme_member, columns, ((*owner.values(), *member) for member in members))
    shown = text(f"UPDATE theme SET examples = :examples {mine} AND theme_id = :theme")  # noqa: S608
    for theme_id, contents in examples.items():
        connection.execute(shown, owner | {"theme": theme_id, "examples": list(contents)})


def _one(principal: Principal, theme_id: str) -> dict[str, object]:
    return {"organisation": principal.organisation_id, "theme": theme_id}
