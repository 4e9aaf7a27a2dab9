"""Every ad that passes the filters, whole, page by page; and the file that was made of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, select

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, ad_media, ad_version, content, export_file
from core.domain.principal import Principal
from core.errors import ConflictError, NotFoundError, StaleError
from core.queries.ads import AdCard, list_ads
from core.queries.filters import AdFilters
from core.queries.pages import MAX_PAGE
from core.queries.requests import get_request

EXPORT = "export"  # the kind of their requests

# What a row holds, in this order; ``labels`` come last. Names are added at the end only: programs read these files.
COLUMNS = (
    "ad_id", "brand", "brand_name", "scope", "channel", "account", "external_id", "page_id", "page_name", "library_url",
    "status", "source_says_active", "first_seen", "last_seen", "last_scanned_on", "days_seen", "run_start", "run_end",
    "format", "countries", "platforms", "title", "copy", "description", "cta", "landing_url", "landing_domain",
    "media_status", "media_reason", "cover_sha256", "cover_type", "media", "has_text", "is_labelled",
)  # fmt: skip
_OF_CARD = tuple(field.name for field in fields(AdCard))

ExportRow = Mapping[str, Any]
"""``COLUMNS`` and ``labels``; ``media`` holds {role, status, reason, sha256}, ``copy`` is whole."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """The file of a completed export, while it is kept."""

    request_id: str
    sha256: str
    format: str
    as_of: datetime


def exported_ads(
    database: Database, principal: Principal, brandspace: str, filters: AdFilters, *, sort: str
) -> Iterator[Sequence[ExportRow]]:
    """The ads in the order of their list, up to 200 at a time. Raises as ``list_ads`` does."""
    cursor: str | None = None
    while True:
        page = list_ads(database, principal, brandspace, filters, cursor=cursor, limit=MAX_PAGE, sort=sort)
        with database.reader(principal) as connection:
            yield _rows(connection, page.items)
        cursor = page.next_cursor
        if cursor is None:
            return


def exported_file(database: Database, principal: Principal, request_id: str, *, now: datetime) -> ExportedFile:
    """Raises NotFoundError, ConflictError while there is no file yet or never will be, StaleError when it is gone."""
    found = get_request(database, principal, request_id)
    if found.kind != EXPORT:
        raise NotFoundError("there is no such export")
    if found.status != "completed" or found.result is None:
        why = found.error or "its file can be had when it is completed"
        raise ConflictError(f"the export is {found.status}: {why}")
    kept = select(export_file.c.sha256).where(
        export_file.c.organisation_id == principal.organisation_id,
        export_file.c.request_id == request_id,
        export_file.c.sha256 == found.result["sha256"],
        export_file.c.expires_at > now,
    )
    with database.reader(principal) as connection:
        sha256 = connection.execute(kept.prefix_with("/* exported_file */")).scalar()
    if sha256 is None:
        raise StaleError("the file of this export has expired: ask for the export again")
    return ExportedFile(request_id, sha256, found.result["format"], datetime.fromisoformat(found.result["as_of"]))


def _rows(connection: Connection, cards: Sequence[AdCard]) -> list[ExportRow]:
    ids = [card.ad_id for card in cards]
    if not ids:
        return []
    rest, media = _rest(connection, ids), _media(connection, ids)
    return [_row(card, rest[card.ad_id], media.get(card.ad_id, [])) for card in cards]


def _row(card: AdCard, rest: dict[str, Any], media: list[dict[str, Any]]) -> ExportRow:
    values = {name: getattr(card, name) for name in _OF_CARD} | rest | {"media": media}
    return {name: values[name] for name in (*COLUMNS, "labels")}


def _rest(connection: Connection, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What a card leaves out, its copy uncut, by ad."""
    source = ad.join(ad_version, ad_version.c.version_id == ad.c.current_version_id).outerjoin(
        content, and_(content.c.scope == ad.c.scope, content.c.content_id == ad.c.content_id)
    )
    columns = (
        ad.c.account, ad.c.external_id, ad.c.page_id, ad.c.source_says_active, ad.c.last_scanned_on,
        ad_version.c.copy, ad_version.c.description, ad_version.c.landing_url, ad_version.c.platforms,
        content.c.labelled_with.isnot(None).label("is_labelled"),
    )  # fmt: skip
    statement = select(ad.c.ad_id, *columns).select_from(source).where(ad.c.ad_id.in_(ids))
    rows = connection.execute(statement.prefix_with("/* rest_of_exported */")).mappings()
    return {row["ad_id"]: dict(row) for row in rows}


def _media(connection: Connection, ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    medium = ad_media.c
    statement = (
        select(medium.ad_id, medium.role, medium.status, medium.reason, medium.sha256)
        .where(medium.ad_id.in_(ids))
        .order_by(medium.ad_id, medium.position, medium.role, medium.item_id)
        .prefix_with("/* media_of_exported */")
    )
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(statement).mappings():
        values = dict(row)
        found[values.pop("ad_id")].append(values)
    return found
