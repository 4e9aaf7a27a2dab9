"""What a source delivered of an ad, untouched."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad
from core.domain.ad import RAW_COLLECTION
from core.domain.principal import SHARED_SCOPE, Permission, Principal
from core.errors import NotFoundError
from core.ports import DocumentStore


def raw_source(database: Database, principal: Principal, documents: DocumentStore, ad_id: str) -> dict[str, Any]:
    """The newest rows of the source. Raises NotFoundError: for the ad, or where nothing raw is kept of it."""
    require(principal, Permission.READ)
    visible = ad.c.scope.in_((SHARED_SCOPE, principal.scope))  # the document store asks for a scope and no principal
    statement = select(ad.c.scope, ad.c.raw_document_id).where(ad.c.ad_id == ad_id, visible)
    with database.reader(principal) as connection:
        row = connection.execute(statement.prefix_with("/* raw_source */")).one_or_none()
    if row is None:
        raise NotFoundError("there is no such ad, or it isn't yours to see")
    if row.raw_document_id is None:
        raise NotFoundError("nothing raw is kept of this ad")
    return documents.get(row.scope, RAW_COLLECTION, row.raw_document_id)
