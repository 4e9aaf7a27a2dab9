"""Lists of ads: the cards of a gallery, a page at a time, and how many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Connection,
    Date,
    Integer,
    Text,
    and_,
    bindparam,
    column,
    func,
    literal,
    select,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, ad_version, content, creative
from core.domain.principal import Principal
from core.errors import BadInputError
from core.queries.brand_names import shown_name
from core.queries.brandspaces import brandspace_slugs
from core.queries.conditions import Condition, matching, passing
from core.queries.filters import UNKNOWN_VALUE, AdFilters
from core.queries.pages import AnyRow, AnySelect, Page, checked_limit, decode_cursor, make_page
from core.queries.seen_labels import is_known, same_content, seen_label
from core.queries.status import AdStatus, counted_ads, counted_status
from core.queries.units import count_units

COPY_CHARACTERS = 1_000  # of a card; the detail has all of it


@dataclass(frozen=True, slots=True)
class AdCard:
    """One ad, as its current version says it. ``copy`` is cut to 1,000 characters.

    ``labels`` maps each dimension that was read to its values, ``("unknown",)`` where none was found;
    a dimension that is missing hasn't been read yet, and never will be where the ad says nothing (``has_text``).
    ``days_seen`` counts both ends; seen is not shown.
    """

    ad_id: str
    brand: str
    brand_name: str
    scope: str
    channel: str
    page_name: str | None
    first_seen: date
    last_seen: date
    run_start: date | None
    run_end: date | None
    days_seen: int
    status: AdStatus
    format: str
    countries: tuple[str, ...]
    cta: str
    title: str
    copy: str
    landing_domain: str | None
    library_url: str | None
    cover_sha256: str | None
    media_status: str
    media_reason: str | None
    labels: Mapping[str, tuple[str, ...]]
    has_text: bool
    cover_type: str | None = None  # content type of the cover, where it is stored


_days_seen: ColumnElement[int] = type_coerce(ad.c.last_seen - ad.c.first_seen, Integer)

# Sort name → (key, its type, descending). Ties go by ad_id in the same direction.
_SORTS: dict[str, tuple[ColumnElement[Any], type[Date] | type[Integer], bool]] = {
    "newest": (ad.c.first_seen, Date, True),
    "oldest": (ad.c.first_seen, Date, False),
    "last_seen": (ad.c.last_seen, Date, True),
    "longest_seen": (_days_seen, Integer, True),
}
SORTS = tuple(_SORTS)


def list_ads(
    database: Database,
    principal: Principal,
    brandspace: str,
    filters: AdFilters,
    *,
    cursor: str | None = None,
    limit: int = 50,
    sort: str = "newest",
) -> Page[AdCard]:
    """A page of ads. Raises NotFoundError (brandspace) and BadInputError (sort, limit, cursor)."""
    if sort not in _SORTS:
        raise BadInputError(f"sort: use {', '.join(SORTS)}")
    question = (brandspace, filters, sort)
    position = decode_cursor(cursor, question, parts=2)
    with database.reader(principal) as connection:
        slugs = brandspace_slugs(connection, principal, brandspace)
        inside = [] if slugs is None else [ad.c.brand_slug.in_(slugs)]
        ads = _ads(passing(connection, filters, inside), sort, position)
        keys = connection.execute(_first(ads, slugs, sort, checked_limit(limit) + 1)).all()
        page = make_page(keys, limit, question=question, key=lambda row: (row.sort_key, row.ad_id))
        cards = cards_of(connection, [row.ad_id for row in page.items])
    return Page(tuple(cards[row.ad_id] for row in page.items), page.next_cursor)


def count_ads(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> int:
    """How many ads pass the filters, or how many concepts they are (``filters.unit``)."""
    with database.reader(principal) as connection:
        conditions = matching(connection, principal, brandspace, filters)
        statement = count_units(filters.unit, conditions)
        return int(connection.execute(statement.prefix_with("/* count_ads */")).scalar_one())


def cards_of(connection: Connection, ad_ids: Collection[str]) -> dict[str, AdCard]:
    """The cards of these ads by id, those the connection may see."""
    rows = connection.execute(_CARDS, {"ad_ids": list(ad_ids)})
    return {row.ad_id: _card(row) for row in rows}


def _ads(conditions: Sequence[Condition], sort: str, position: Sequence[str] | None) -> AnySelect:
    """The ids after the position: narrow rows, so that a sort without an index moves little."""
    key, kind, descending = _SORTS[sort]
    statement = select(ad.c.ad_id, key.label("sort_key")).select_from(counted_ads).where(*conditions)
    if position is not None:
        value = date.fromisoformat(position[0]) if kind is Date else int(position[0])
        here, there = tuple_(key, ad.c.ad_id), tuple_(literal(value, kind), literal(position[1]))
        statement = statement.where(here < there if descending else here > there)
    return statement


def _first(ads: AnySelect, slugs: Collection[str] | None, sort: str, limit: int) -> AnySelect:
    """The first of these ads; of a brandspace the first of each brand, in its order, and of these the first."""
    _, _, descending = _SORTS[sort]

    def first(found: AnySelect) -> AnySelect:
        key, ad_id = found.selected_columns["sort_key"], found.selected_columns["ad_id"]
        return found.order_by(*((key.desc(), ad_id.desc()) if descending else (key.asc(), ad_id.asc()))).limit(limit)

    if slugs is not None:
        members = func.unnest(literal(list(slugs), ARRAY(Text))).table_valued(column("slug", Text)).render_derived()
        of_brand = first(ads.where(ad.c.brand_slug == members.c.slug).correlate(members)).lateral("of_brand")
        ads = select(of_brand.c.ad_id, of_brand.c.sort_key).select_from(members.join(of_brand, true()))
    return first(ads).prefix_with("/* list_ads */")


def _cards() -> AnySelect:
    """One row for each ad of ``:ad_ids`` with what its current version says."""
    source = (
        counted_ads.join(ad_version, ad_version.c.version_id == ad.c.current_version_id)
        .outerjoin(content, same_content(content, ad))
        .outerjoin(creative, and_(creative.c.scope == ad.c.scope, creative.c.sha256 == ad.c.cover_sha256))
    )
    columns = (
        ad.c.ad_id, ad.c.scope, ad.c.channel, ad.c.page_name, ad.c.first_seen, ad.c.last_seen,
        ad.c.run_start, ad.c.run_end, ad.c.format, ad.c.countries, ad.c.library_url, ad.c.cover_sha256,
        ad.c.media_status, ad.c.media_reason, ad.c.brand_slug.label("brand"),
        shown_name(ad.c.brand_slug).label("brand_name"),
        ad_version.c.cta, ad_version.c.title, ad_version.c.landing_domain,
        func.left(ad_version.c.copy, COPY_CHARACTERS).label("copy"), counted_status.label("status"),
        content.c.content_id.isnot(None).label("has_text"), creative.c.content_type.label("cover_type"),
        _labels().label("labels"),
    )  # fmt: skip
    wanted = ad.c.ad_id == func.any(bindparam("ad_ids", type_=ARRAY(Text)))
    return select(*columns).select_from(source).where(wanted).prefix_with("/* cards */")


def _labels() -> ColumnElement[Any]:
    """[[dimension, value, known], …] of the ad's content, best first; None where nothing was read."""
    order = (seen_label.c.dimension, seen_label.c.confidence.desc(), seen_label.c.value)
    entry = func.json_build_array(seen_label.c.dimension, seen_label.c.value, is_known(seen_label))
    labels = select(func.json_agg(aggregate_order_by(entry, *order), type_=JSON)).select_from(seen_label)
    return labels.where(same_content(seen_label, ad)).correlate(ad).scalar_subquery()


_CARDS = _cards()  # made once: it is the same for every page


def _by_dimension(entries: Iterable[tuple[str, str, bool]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for dimension, value, known in entries:
        found.setdefault(dimension, []).extend([value] if known else [])
    return {dimension: tuple(values) or (UNKNOWN_VALUE,) for dimension, values in found.items()}


def _card(row: AnyRow) -> AdCard:
    values = dict(row._mapping)
    values["status"] = AdStatus(row.status)
    values["countries"] = tuple(row.countries)
    values["labels"] = _by_dimension(row.labels or ())
    return AdCard(**values, days_seen=(row.last_seen - row.first_seen).days + 1)
