"""Creatives: the stored media files of ads, each once however many ads show it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import CTE, ColumnElement, Connection, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, ad_media, creative
from core.domain.media import MediaRole
from core.domain.principal import Principal
from core.queries.conditions import Condition, matching
from core.queries.filters import AdFilters
from core.queries.groups import FIRST_PAGE, GroupPage, read_groups
from core.queries.pages import AnyRow
from core.queries.status import counted_ads


@dataclass(frozen=True, slots=True)
class Creative:
    """One file by its content. ``ads`` and ``brands`` count those that pass the filters and use it now.

    ``first_seen`` and ``last_seen`` are the earliest and latest of these ads. Pixels are None where they aren't known.
    """

    sha256: str
    content_type: str
    size_bytes: int
    width_pixels: int | None
    height_pixels: int | None
    ads: int
    brands: int
    first_seen: date
    last_seen: date


@dataclass(frozen=True, slots=True)
class Creatives:
    """A page of files. Of ``total_ads`` that pass the filters ``ads_with_file`` have at least one that is stored."""

    total_creatives: int
    total_ads: int
    ads_with_file: int
    items: tuple[Creative, ...]
    next_cursor: str | None


def list_creatives(
    database: Database, principal: Principal, brandspace: str, filters: AdFilters, page: GroupPage = FIRST_PAGE
) -> Creatives:
    """The files of the ads that pass; a page's own picture is none. Raises NotFoundError and BadInputError (cursor)."""
    with database.snapshot(principal), database.reader(principal) as connection:
        conditions = matching(connection, principal, brandspace, filters)
        uses = _uses(conditions)
        files = _files(uses)
        ads = select(func.count()).select_from(counted_ads).where(*conditions)
        totals = (
            select(func.count()).select_from(files).scalar_subquery().label("total_creatives"),
            ads.scalar_subquery().label("total_ads"),
            select(func.count(uses.c.ad_id.distinct())).scalar_subquery().label("ads_with_file"),
        )
        total, found = read_groups(
            connection, files, totals, page,
            identity=("sha256",), question=("creatives", brandspace, filters), comment="creatives",
        )  # fmt: skip
        facts = _facts(connection, [row.sha256 for row in found.items])
    items = tuple(_creative(row, facts[row.sha256]) for row in found.items)
    return Creatives(total.total_creatives, total.total_ads, total.ads_with_file, items, found.next_cursor)


def _uses(conditions: Sequence[Condition]) -> CTE:
    """Rows (file, ad): an ad that shows a file twice uses it."""
    used: ColumnElement[bool] = and_(ad_media.c.ad_id == ad.c.ad_id, ad_media.c.scope == ad.c.scope)
    is_creative = (ad_media.c.sha256.isnot(None), ad_media.c.role != MediaRole.PAGE_AVATAR.value)
    columns = (ad_media.c.sha256, ad.c.ad_id, ad.c.brand_slug, ad.c.first_seen, ad.c.last_seen)
    source = counted_ads.join(ad_media, used)
    return select(*columns).distinct().select_from(source).where(*conditions, *is_creative).cte("uses")


def _files(uses: CTE) -> CTE:
    return (
        select(
            uses.c.sha256,
            func.count().label("ads"),
            func.count(uses.c.brand_slug.distinct()).label("brands"),
            func.min(uses.c.first_seen).label("first_seen"),
            func.max(uses.c.last_seen).label("last_seen"),
        )
        .group_by(uses.c.sha256)
        .cte("files")
    )


def _facts(connection: Connection, hashes: Collection[str]) -> dict[str, AnyRow]:
    """What is stored of the files; the same content may be stored in two scopes."""
    statement = (
        select(creative)
        .ext(distinct_on(creative.c.sha256))
        .where(creative.c.sha256.in_(hashes))
        .order_by(creative.c.sha256, creative.c.scope)
    )
    return {row.sha256: row for row in connection.execute(statement.prefix_with("/* facts_of_creatives */"))}


def _creative(row: AnyRow, facts: AnyRow) -> Creative:
    return Creative(
        sha256=row.sha256,
        content_type=facts.content_type,
        size_bytes=facts.size_bytes,
        width_pixels=facts.width,
        height_pixels=facts.height,
        ads=row.ads,
        brands=row.brands,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
    )
