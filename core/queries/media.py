"""Who may see a stored file: only someone who may see an ad that uses it. A hash is no permission."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import and_, exists, func, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad_media, creative, image_reading
from core.domain.principal import Principal
from core.errors import BadInputError, NotFoundError
from core.queries.pages import MAX_PAGE

_UNSEEN: Final = "there is no such file, or no ad you may see uses it"
_is_used = exists().where(ad_media.c.scope == creative.c.scope, ad_media.c.sha256 == creative.c.sha256)


def media_grant(database: Database, principal: Principal, sha256: str) -> str:
    """The content type of a file the principal may see. Raises NotFoundError."""
    content_type = media_grants(database, principal, [sha256]).get(sha256)
    if content_type is None:
        raise NotFoundError(_UNSEEN)
    return content_type


def thumbnail_of(database: Database, principal: Principal, sha256: str) -> str:
    """The hash of the small picture that is kept of a file the principal may see; its own until one is made.

    Longest side ``THUMBNAIL_SIDE``. Raises NotFoundError.
    """
    read = and_(image_reading.c.scope == creative.c.scope, image_reading.c.sha256 == creative.c.sha256)
    statement = select(func.coalesce(func.max(image_reading.c.thumbnail_sha256), creative.c.sha256))
    statement = statement.select_from(creative.outerjoin(image_reading, read))
    statement = statement.where(creative.c.sha256 == sha256, _is_used).group_by(creative.c.sha256)
    with database.reader(principal) as connection:
        found: str | None = connection.execute(statement.prefix_with("/* thumbnail_of */")).scalar_one_or_none()
    if found is None:
        raise NotFoundError(_UNSEEN)
    return found


def media_grants(database: Database, principal: Principal, hashes: Collection[str]) -> dict[str, str]:
    """The content types of those of the files that the principal may see. Raises BadInputError beyond 200."""
    if len(hashes) > MAX_PAGE:
        raise BadInputError(f"ask for at most {MAX_PAGE} files at once")
    statement = select(creative.c.sha256, creative.c.content_type).where(creative.c.sha256.in_(hashes), _is_used)
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* media_grants */"))
        return {sha256: content_type for sha256, content_type in rows}
