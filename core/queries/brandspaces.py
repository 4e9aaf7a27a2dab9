"""Brandspaces: the brands an organisation watches together. ``all`` is always there: every brand it may see."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import brandspace, brandspace_brand
from core.domain.principal import Principal, Role
from core.errors import BadInputError, ConflictError, NotAllowedError, NotFoundError
from core.queries.pages import MAX_PAGE, AnyRow, AnySelect

ALL_BRANDS = "all"
MAX_NAME = 100  # characters


@dataclass(frozen=True, slots=True)
class Brandspace:
    """``brands`` are slugs in the order they were added; empty for ``all``, which holds every visible brand."""

    brandspace_id: str
    name: str
    primary_brand: str | None = None
    brands: tuple[str, ...] = ()


EVERY_BRAND = Brandspace(ALL_BRANDS, "All brands")


def list_brandspaces(database: Database, principal: Principal) -> list[Brandspace]:
    """The organisation's brandspaces by name, after ``all``."""
    with database.reader(principal) as connection:
        rows = connection.execute(_brandspaces().order_by(brandspace.c.name).limit(MAX_PAGE))
        return [EVERY_BRAND, *map(_from_row, rows)]


def get_brandspace(database: Database, principal: Principal, brandspace_id: str) -> Brandspace:
    """Raises NotFoundError."""
    with database.reader(principal) as connection:
        return find_brandspace(connection, brandspace_id)


def create_brandspace(
    database: Database, principal: Principal, *, name: str, brands: Sequence[str], primary: str | None = None
) -> Brandspace:
    """A new brandspace of these slugs. Raises ConflictError if the organisation has one of that name."""
    name = " ".join(name.split())
    if principal.role is Role.VIEWER:
        raise NotAllowedError("viewers can't make brandspaces; ask an owner or analyst of your organisation")
    if not name or len(name) > MAX_NAME:
        raise BadInputError(f"name: give 1 to {MAX_NAME} characters")
    slugs = tuple(dict.fromkeys([*([primary] if primary else []), *brands]))
    made = Brandspace(secrets.token_hex(12), name, primary, slugs)
    with database.writer(principal) as connection:
        _insert(connection, principal, made)
    return made


def find_brandspace(connection: Connection, brandspace_id: str) -> Brandspace:
    """Raises NotFoundError."""
    if brandspace_id == ALL_BRANDS:
        return EVERY_BRAND
    row = connection.execute(_brandspaces().where(brandspace.c.brandspace_id == brandspace_id)).one_or_none()
    if row is None:
        raise NotFoundError("there is no such brandspace; list yours, or use 'all'")
    return _from_row(row)


def brandspace_slugs(connection: Connection, brandspace_id: str) -> tuple[str, ...] | None:
    """The slugs of a brandspace; None means every visible brand. Raises NotFoundError."""
    found = find_brandspace(connection, brandspace_id)
    return None if found is EVERY_BRAND else found.brands


def _insert(connection: Connection, principal: Principal, made: Brandspace) -> None:
    owner = {"brandspace_id": made.brandspace_id, "organisation_id": principal.organisation_id}
    statement = insert(brandspace).values(**owner, name=made.name, primary_brand=made.primary_brand)
    if not connection.execute(statement.on_conflict_do_nothing()).rowcount:
        raise ConflictError(f"there is a brandspace {made.name!r} already; choose another name")
    roles = {made.primary_brand: "primary"}
    rows = [{**owner, "slug": slug, "role": roles.get(slug, "competitor")} for slug in made.brands]
    if rows:
        connection.execute(insert(brandspace_brand), rows)


def _brandspaces() -> AnySelect:
    """Row-level security keeps other organisations' out."""
    order = aggregate_order_by(brandspace_brand.c.slug, brandspace_brand.c.added_at, brandspace_brand.c.slug)
    members = (
        select(func.array_agg(order))
        .where(brandspace_brand.c.brandspace_id == brandspace.c.brandspace_id)
        .scalar_subquery()
        .label("brands")
    )
    columns = (brandspace.c.brandspace_id, brandspace.c.name, brandspace.c.primary_brand, members)
    return select(*columns).where(brandspace.c.archived_at.is_(None))


def _from_row(row: AnyRow) -> Brandspace:
    return Brandspace(row.brandspace_id, row.name, row.primary_brand, tuple(row.brands or ()))
