"""Who may see a stored file: only someone who may see an ad that uses it. A hash is no permission."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import exists, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad_media, creative
from core.domain.principal import Principal
from core.errors import BadInputError, NotFoundError
from core.queries.pages import MAX_PAGE


def media_grant(database: Database, principal: Principal, sha256: str) -> str:
    """The content type of a file the principal may see. Raises NotFoundError."""
    content_type = media_grants(database, principal, [sha256]).get(sha256)
    if content_type is None:
        raise NotFoundError("there is no such file, or no ad you may see uses it")
    return content_type


def media_grants(database: Database, principal: Principal, hashes: Collection[str]) -> dict[str, str]:
    """The content types of those of the files that the principal may see. Raises BadInputError beyond 200."""
    if len(hashes) > MAX_PAGE:
        raise BadInputError(f"ask for at most {MAX_PAGE} files at once")
    used = exists().where(ad_media.c.scope == creative.c.scope, ad_media.c.sha256 == creative.c.sha256)
    statement = select(creative.c.sha256, creative.c.content_type).where(creative.c.sha256.in_(hashes), used)
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* media_grants */"))
        return {sha256: content_type for sha256, content_type in rows}
