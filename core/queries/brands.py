"""The brands a principal may see. One slug may live in the shared and in the private scope: it is one brand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import brand, brand_alias
from core.domain.brand import alias_key
from core.domain.principal import SHARED_SCOPE, Principal
from core.errors import BadInputError, NotFoundError
from core.queries.brand_names import shown_name
from core.queries.filters import clean_text
from core.queries.pages import AnyRow, AnySelect, Page, checked_limit, decode_cursor, make_page
from core.sources.brands import slug_for


@dataclass(frozen=True, slots=True)
class BrandView:
    """``scopes``: "shared" and/or the organisation. ``state``: tracked or analysed. ``ads`` of both scopes."""

    slug: str
    display_name: str
    aliases: tuple[str, ...]
    scopes: tuple[str, ...]
    state: str
    ads: int


def list_brands(
    database: Database, principal: Principal, *, cursor: str | None = None, limit: int = 50
) -> Page[BrandView]:
    """Every visible brand, by slug."""
    position = decode_cursor(cursor, "brands", parts=1)
    statement = _brands().order_by(brand.c.slug).limit(checked_limit(limit) + 1)
    if position is not None:
        statement = statement.where(brand.c.slug > position[0])
    with database.reader(principal) as connection:
        found = [_view(row) for row in connection.execute(statement.prefix_with("/* list_brands */"))]
    return make_page(found, limit, question="brands", key=lambda item: (item.slug,))


def get_brand(database: Database, principal: Principal, slug: str) -> BrandView:
    """Raises NotFoundError."""
    statement = _brands().where(brand.c.slug == clean_text("brand", slug)).prefix_with("/* get_brand */")
    with database.reader(principal) as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no brand {slug!r}; list the brands to see their slugs")
    return _view(row)


def resolve_brand(database: Database, principal: Principal, name: str) -> str:
    """The slug of a name in any spelling; the organisation's own aliases go first. Raises NotFoundError."""
    with database.reader(principal) as connection:
        return known_slug(connection, name)


def known_slug(connection: Connection, name: str) -> str:
    """The same within a transaction."""
    slug = _known_slugs(connection, [name]).get(name)
    if slug is None:
        raise NotFoundError(f"no brand is known as {name!r}; ingest it first, or list the brands")
    return slug


def resolve_slugs(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Name in any spelling → slug; a brand nobody has met has the slug it will get. Raises BadInputError (no name)."""
    if not all(name.strip() for name in names):
        raise BadInputError("brands: give a name or slug")
    known = _known_slugs(connection, names)
    return {name: known.get(name) or slug_for(name) for name in names}


def _known_slugs(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """By alias, the organisation's own first; else by the slug itself."""
    keys = {name: alias_key(clean_text("brand", name)) for name in names}
    by_slug = select(brand.c.slug, brand.c.slug).where(brand.c.slug.in_(keys)).prefix_with("/* known_slugs */")
    by_alias = (
        select(brand_alias.c.alias_key, brand_alias.c.slug)
        .where(brand_alias.c.alias_key.in_(keys.values()))
        .order_by(brand_alias.c.scope != SHARED_SCOPE)  # the last one stays
        .prefix_with("/* known_aliases */")
    )
    slugs: dict[str, str] = {slug: slug for slug, _ in connection.execute(by_slug)}
    aliases: dict[str, str] = {key: slug for key, slug in connection.execute(by_alias)}
    found = {name: aliases.get(key) or slugs.get(name) for name, key in keys.items()}
    return {name: slug for name, slug in found.items() if slug}


def _brands() -> AnySelect:
    """One row a slug, the organisation's own scope first."""
    own_first = brand.c.scope == SHARED_SCOPE
    aliases = (
        select(func.array_agg(brand_alias.c.written.distinct()))
        .where(brand_alias.c.slug == brand.c.slug)
        .correlate(brand)
        .scalar_subquery()
    )
    analysed = func.bool_or(brand.c.state == "analysed")
    return select(
        brand.c.slug,
        shown_name(brand.c.slug).label("display_name"),
        func.array_agg(aggregate_order_by(brand.c.scope, own_first)).label("scopes"),
        case((analysed, "analysed"), else_="tracked").label("state"),
        aliases.label("aliases"),
        func.sum(brand.c.ads).label("ads"),
    ).group_by(brand.c.slug)


def _view(row: AnyRow) -> BrandView:
    aliases = tuple(sorted(row.aliases or ()))
    return BrandView(row.slug, row.display_name, aliases, tuple(row.scopes), row.state, row.ads)
