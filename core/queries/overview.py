"""What is new: per brand how its ads stand, per source what its newest scan brought."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, and_, func, literal, or_, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import BRAND_FIGURES, brand, scan
from core.domain.principal import Principal
from core.queries.brand_names import shown_name
from core.queries.brandspaces import brandspace_slugs
from core.queries.pages import AnyRow, AnySelect, Page, checked_limit, decode_cursor, make_page, time_in

_SOURCE = ("brand_slug", "channel", "account", "scope")  # what one scan looks at


@dataclass(frozen=True, slots=True)
class ScanNews:
    """The newest scan of one source for one brand, against the scan before it (None: this was the first)."""

    brand: str
    scope: str
    channel: str
    account: str
    scanned_on: date
    previous_scanned_on: date | None
    new: int
    changed: int
    seen_again: int
    not_seen: int


@dataclass(frozen=True, slots=True)
class BrandOverview:
    """One brand in all visible scopes. ``new`` and ``changed`` sum the newest scans of its sources."""

    slug: str
    display_name: str
    ads: int
    active: int
    stopped: int
    not_seen: int
    new: int
    changed: int
    last_scan_on: date | None
    news: tuple[ScanNews, ...]


def brand_overviews(
    database: Database, principal: Principal, brandspace: str, *, cursor: str | None = None, limit: int = 50
) -> Page[BrandOverview]:
    """The brands of a brandspace by slug, also those without an ad yet. Raises NotFoundError."""
    question = ("overview", brandspace)
    position = decode_cursor(cursor, question, parts=1)
    with database.reader(principal) as connection:
        members = brandspace_slugs(connection, principal, brandspace)
        brands = _brands(connection, members, position[0] if position else "", checked_limit(limit) + 1)
        page = make_page(sorted(brands), limit, question=question, key=lambda slug: (slug,))
        news: dict[str, list[ScanNews]] = defaultdict(list)
        for row in connection.execute(_newest_scans(page.items).prefix_with("/* newest_scans */")):
            news[row.brand_slug].append(_scan_news(row))
    overviews = tuple(_overview(slug, *brands[slug], news[slug]) for slug in page.items)
    return Page(overviews, page.next_cursor)


def whats_new(
    database: Database, principal: Principal, brandspace: str, *, cursor: str | None = None, limit: int = 50
) -> Page[ScanNews]:
    """The newest scan of every source of the brandspace, latest first. Raises NotFoundError and BadInputError."""
    question = ("whats_new", brandspace)
    position = decode_cursor(cursor, question, parts=1 + len(_SOURCE))
    with database.reader(principal) as connection:
        newest = _newest_scans(brandspace_slugs(connection, principal, brandspace)).subquery("newest")
        order = [newest.c.scanned_on.desc(), *(newest.c[name] for name in _SOURCE)]
        statement = select(newest).order_by(*order).limit(checked_limit(limit) + 1)
        if position is not None:
            day = time_in(position[0]).date()
            here = tuple_(*(newest.c[name] for name in _SOURCE))
            after = and_(newest.c.scanned_on == day, here > tuple_(*(literal(part) for part in position[1:])))
            statement = statement.where(or_(newest.c.scanned_on < day, after))
        found = [_scan_news(row) for row in connection.execute(statement.prefix_with("/* whats_new */"))]
    return make_page(
        found, limit, question=question,
        key=lambda item: (item.scanned_on, item.brand, item.channel, item.account, item.scope),
    )  # fmt: skip


def _brands(
    connection: Connection, members: Sequence[str] | None, after: str, limit: int
) -> dict[str, tuple[str, dict[str, int]]]:
    """Slug → display name and figures of the next brands; members nobody has stored yet stand under their slug."""
    statement = (
        select(brand.c.slug, shown_name(brand.c.slug).label("name"))
        .add_columns(*(func.sum(brand.c[name]).label(name) for name in BRAND_FIGURES))
        .where(brand.c.slug > after)
        .group_by(brand.c.slug)
        .order_by(brand.c.slug)
        .limit(limit)
        .prefix_with("/* overview_brands */")
    )
    if members is not None:
        statement = statement.where(brand.c.slug.in_(members))
    none = dict.fromkeys(BRAND_FIGURES, 0)
    found = {
        row.slug: (row.name, {name: row._mapping[name] for name in BRAND_FIGURES})
        for row in connection.execute(statement)
    }
    wanted = sorted({*found, *(slug for slug in members or () if slug > after)})[:limit]
    return {slug: found.get(slug, (slug, none)) for slug in wanted}


def _newest_scans(slugs: Sequence[str] | None) -> AnySelect:
    """For each source its newest scan, and the day of the one before."""
    group = [scan.c[name] for name in _SOURCE]
    newest_first = (scan.c.scanned_on.desc(), scan.c.committed_at.desc())
    previous = func.lead(scan.c.scanned_on).over(partition_by=group, order_by=newest_first)
    columns = (*group, scan.c.scanned_on, scan.c.counts, previous.label("previous_scanned_on"))
    ranked = select(*columns).ext(distinct_on(*group)).order_by(*group, *newest_first)
    return ranked if slugs is None else ranked.where(scan.c.brand_slug.in_(slugs))


def _scan_news(row: AnyRow) -> ScanNews:
    counts = {name: int(row.counts.get(name, 0)) for name in ("new", "changed", "seen_again", "not_seen")}
    return ScanNews(
        row.brand_slug, row.scope, row.channel, row.account, row.scanned_on, row.previous_scanned_on, **counts
    )


def _overview(slug: str, name: str, figures: Mapping[str, int], news: Sequence[ScanNews]) -> BrandOverview:
    return BrandOverview(
        slug=slug,
        display_name=name,
        **figures,
        new=sum(item.new for item in news),
        changed=sum(item.changed for item in news),
        last_scan_on=max((item.scanned_on for item in news), default=None),
        news=tuple(news),
    )
