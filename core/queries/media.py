"""Who may see a stored file: only someone who may see an ad that uses it. A hash is no permission."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import and_, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad_media, creative
from core.domain.principal import Principal
from core.errors import NotFoundError


def media_grant(database: Database, principal: Principal, sha256: str) -> str:
    """The content type of a file the principal may see. Raises NotFoundError."""
    granted = media_grants(database, principal, [sha256])
    if sha256 not in granted:
        raise NotFoundError("there is no such file, or no ad you may see uses it")
    return granted[sha256]


def media_grants(database: Database, principal: Principal, hashes: Collection[str]) -> dict[str, str]:
    """Of these files the ones that the principal may see, each with its content type."""
    if not hashes:
        return {}
    used = and_(ad_media.c.scope == creative.c.scope, ad_media.c.sha256 == creative.c.sha256)
    statement = (
        select(creative.c.sha256, creative.c.content_type)
        .where(creative.c.sha256.in_(hashes), select(ad_media.c.ad_id).where(used).exists())
        .prefix_with("/* media_grants */")
    )
    with database.reader(principal) as connection:
        return {sha256: content_type for sha256, content_type in connection.execute(statement)}
