"""Brands and their aliases: an immutable slug, and every spelling that resolves to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from core.domain.brand import alias_key
from core.sources.brands import slug_for


@dataclass(frozen=True, slots=True)
class PostgresBrands:
    """The tables ``brand`` and ``brand_alias``."""

    connection: Connection

    def find(self, *, scope: str, name: str) -> str | None:
        """The slug of a name in the caller's scope, else in the shared one; None where nobody has met it."""
        key = alias_key(name)
        return _slug_by_alias(self.connection, key, scope) or _slug_by_alias(self.connection, key, "shared")

    def resolve(self, *, scope: str, name: str, aliases: Sequence[str] = ()) -> str:
        """The slug of a name in the caller's scope; made, with its aliases, where it is new.

        A private scope takes over the slug of the shared brand of that name, but keeps a row of its own: what an
        organisation calls its brands is nobody else's business.
        """
        slug = self.find(scope=scope, name=name) or _free_slug(self.connection, scope, slug_for(name))
        self.connection.execute(
            text("INSERT INTO brand (scope, slug, display_name) VALUES (:scope, :slug, :name) ON CONFLICT DO NOTHING"),
            {"scope": scope, "slug": slug, "name": name},
        )
        for alias in dict.fromkeys((name, slug, *aliases)):
            self.connection.execute(
                text(
                    "INSERT INTO brand_alias (scope, alias_key, slug, written) VALUES (:scope, :key, :slug, :written)"
                    " ON CONFLICT DO NOTHING"
                ),
                {"scope": scope, "key": alias_key(alias), "slug": slug, "written": alias},
            )
        # Somebody else may have made the same alias at the same time: theirs, then, is the brand.
        return _slug_by_alias(self.connection, alias_key(name), scope) or slug


def _slug_by_alias(connection: Connection, key: str, scope: str) -> str | None:
    statement = text("SELECT slug FROM brand_alias WHERE scope = :scope AND alias_key = :key")
    slug: str | None = connection.execute(statement, {"scope": scope, "key": key}).scalar()
    return slug


def _free_slug(connection: Connection, scope: str, wanted: str) -> str:
    """``wanted``, or with a number: two names may have the same letters left in ASCII."""
    statement = text("SELECT slug FROM brand WHERE scope = :scope AND (slug = :slug OR slug LIKE :numbered)")
    taken = set(connection.execute(statement, {"scope": scope, "slug": wanted, "numbered": f"{wanted}-%"}).scalars())
    number, slug = 2, wanted
    while slug in taken:
        slug, number = f"{wanted}-{number}", number + 1
    return slug
