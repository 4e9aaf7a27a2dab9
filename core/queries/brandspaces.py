"""Brandspaces: the brands an organisation watches together. ``all`` is always there: every brand it may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import brandspace, brandspace_brand, user_account
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.queries.pages import MAX_PAGE, AnyRow, AnySelect

ALL_BRANDS = "all"
_NONE_SUCH = "there is no such brandspace; list yours, or use 'all'"


@dataclass(frozen=True, slots=True)
class Brandspace:
    """``brands`` are the slugs of all roles, the primary one first; empty for ``all``, which holds every visible brand.

    A brand nobody has collected yet may be among them.
    """

    brandspace_id: str
    name: str
    primary_brand: str | None = None
    competitors: tuple[str, ...] = ()
    followed: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    archived_at: datetime | None = None

    @property
    def roles(self) -> Mapping[str, str]:
        """slug → primary, competitor or followed."""
        roles = dict.fromkeys(self.competitors, "competitor") | dict.fromkeys(self.followed, "followed")
        return ({self.primary_brand: "primary"} if self.primary_brand else {}) | roles


EVERY_BRAND = Brandspace(ALL_BRANDS, "All brands")


def list_brandspaces(database: Database, principal: Principal, *, archived: bool = False) -> list[Brandspace]:
    """The organisation's brandspaces by name, after ``all``; with ``archived`` the newest 200 archived ones instead."""
    if archived:
        statement = (
            _brandspaces(principal)
            .where(brandspace.c.archived_at.isnot(None))
            .order_by(brandspace.c.archived_at.desc())
        )
    else:
        statement = _brandspaces(principal).where(brandspace.c.archived_at.is_(None)).order_by(brandspace.c.name)
    with database.reader(principal) as connection:
        found = [_from_row(row) for row in connection.execute(statement.limit(MAX_PAGE))]
    return found if archived else [EVERY_BRAND, *found]


def get_brandspace(database: Database, principal: Principal, brandspace_id: str) -> Brandspace:
    """One brandspace, archived or not. Raises NotFoundError."""
    if brandspace_id == ALL_BRANDS:
        return EVERY_BRAND
    with database.reader(principal) as connection:
        return read_brandspace(connection, principal, brandspace_id)


def chosen_brandspace(database: Database, principal: Principal) -> str:
    """The id of what the user looked at last; ``all`` where there is none, or it was archived since."""
    statement = (
        select(brandspace.c.brandspace_id)
        .join(user_account, user_account.c.brandspace_id == brandspace.c.brandspace_id)
        .where(user_account.c.user_id == principal.user_id, brandspace.c.archived_at.is_(None))
        .where(brandspace.c.organisation_id == principal.organisation_id)
        .prefix_with("/* chosen_brandspace */")
    )
    with database.reader(principal) as connection:
        return connection.execute(statement).scalar_one_or_none() or ALL_BRANDS


def find_brandspace(connection: Connection, principal: Principal, brandspace_id: str) -> Brandspace:
    """One that can be asked. Raises NotFoundError, for an archived one too."""
    found = EVERY_BRAND if brandspace_id == ALL_BRANDS else read_brandspace(connection, principal, brandspace_id)
    if found.archived_at is not None:
        raise NotFoundError("this brandspace is archived: restore it to ask it")
    return found


def read_brandspace(
    connection: Connection, principal: Principal, brandspace_id: str, *, is_locked: bool = False
) -> Brandspace:
    """One of the organisation's own, archived or not; locked until the transaction ends. Raises NotFoundError."""
    wanted = brandspace.c.brandspace_id == brandspace_id
    if is_locked:  # by a statement of its own: who waited for the lock then reads what the other has written
        mine = brandspace.c.organisation_id == principal.organisation_id
        connection.execute(select(brandspace.c.brandspace_id).where(wanted, mine).with_for_update())
    row = connection.execute(_brandspaces(principal).where(wanted)).one_or_none()
    if row is None:
        raise NotFoundError(_NONE_SUCH)
    return _from_row(row)


def brandspace_slugs(connection: Connection, principal: Principal, brandspace_id: str) -> tuple[str, ...] | None:
    """The slugs of a brandspace; None means every visible brand. Raises NotFoundError."""
    found = find_brandspace(connection, principal, brandspace_id)
    return None if found is EVERY_BRAND else found.brands


def _brandspaces(principal: Principal) -> AnySelect:
    member = brandspace_brand.c
    primary_first = case((member.role == "primary", 0), else_=1)
    mine = brandspace_brand.c.brandspace_id == brandspace.c.brandspace_id
    columns = [
        select(func.array_agg(aggregate_order_by(column, primary_first, member.added_at, member.slug)))
        .where(mine)
        .scalar_subquery()
        .label(name)
        for name, column in (("slugs", member.slug), ("roles", member.role))
    ]
    owned = (brandspace.c.brandspace_id, brandspace.c.name, brandspace.c.primary_brand, brandspace.c.archived_at)
    return select(*owned, *columns).where(brandspace.c.organisation_id == principal.organisation_id)


def _from_row(row: AnyRow) -> Brandspace:
    members = list(zip(row.slugs or (), row.roles or (), strict=True))
    by_role = {name: tuple(slug for slug, role in members if role == name) for name in ("competitor", "followed")}
    return Brandspace(
        row.brandspace_id,
        row.name,
        row.primary_brand,
        by_role["competitor"],
        by_role["followed"],
        tuple(slug for slug, _ in members),
        row.archived_at,
    )
