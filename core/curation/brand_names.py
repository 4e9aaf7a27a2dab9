"""What an organisation calls a brand: a name of its own over the shared one."""

from __future__ import annotations

from core.access.rights import require
from core.adapters.postgres import overlay_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.domain.principal import Permission, Principal
from core.errors import BadInputError
from core.queries.brands import BrandView, get_brand

MAX_NAME = 100  # characters


def name_brand(database: Database, principal: Principal, slug: str, name: str) -> BrandView:
    """Show a visible brand under this name. Its slug stays what it is asked by. Raises NotFoundError, BadInputError."""
    require(principal, Permission.WRITE)
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME:
        raise BadInputError(f"name: give 1 to {MAX_NAME} characters")
    before = get_brand(database, principal, slug)
    with database.writer(principal) as connection:
        store.put_brand_name(connection, principal, slug=before.slug, name=name)
        record(connection, principal, "brand.name", before.slug, name=name, name_before=before.display_name)
    return get_brand(database, principal, slug)


def take_name_back(database: Database, principal: Principal, slug: str) -> BrandView:
    """Show the brand as its sources call it; twice is once. Raises NotFoundError."""
    require(principal, Permission.WRITE)
    before = get_brand(database, principal, slug)
    with database.writer(principal) as connection:
        if store.delete_brand_name(connection, principal, slug=before.slug):
            record(connection, principal, "brand.name_back", before.slug, name_before=before.display_name)
    return get_brand(database, principal, slug)
