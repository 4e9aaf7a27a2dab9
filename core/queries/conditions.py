"""Filters as SQL conditions on ``ad`` (from ``counted_ads``); each stands alone, so any subset can be dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Exists,
    Text,
    and_,
    bindparam,
    column,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)

from core.adapters.postgres.schema import ad, ad_version, label, label_overlay
from core.domain.label import LANGUAGE
from core.queries.brandspaces import brandspace_slugs
from core.queries.filters import UNKNOWN_VALUE, AdFilters
from core.queries.seen_labels import corrected_dimensions, is_known, overlay_values
from core.queries.status import counted_status

Condition = ColumnElement[bool]


def matching(connection: Connection, brandspace: str, filters: AdFilters) -> list[Condition]:
    """The ads of a brandspace that pass the filters. Raises NotFoundError for a brandspace of nobody's or another's."""
    slugs = brandspace_slugs(connection, brandspace)
    inside = [] if slugs is None else [ad.c.brand_slug.in_(slugs)]
    asks_labels = filters.labels or filters.languages
    return [*inside, *_apply(filters, corrected_dimensions(connection) if asks_labels else frozenset())]


def _apply(filters: AdFilters, corrected: Collection[str]) -> list[Condition]:
    """One condition for each filter that is set. ``corrected`` dimensions are looked up in the overlay, too."""
    return [
        *_columns(filters),
        *_dates(filters),
        *_of_current_version(filters),
        *_labels(filters, corrected),
        *_words(filters),
    ]


def _columns(filters: AdFilters) -> Iterable[Condition]:
    plain = (
        (ad.c.brand_slug, filters.brands),
        (ad.c.channel, filters.channels),
        (ad.c.format, filters.formats),
        (ad.c.media_status, filters.media_statuses),
        (counted_status, filters.statuses),
    )
    yield from (expression.in_(values) for expression, values in plain if values)
    if filters.countries:
        wanted = literal(list(filters.countries), ARRAY(Text))
        yield _or_unknown(
            filters.countries, ad.c.countries.bool_op("&&")(wanted), func.cardinality(ad.c.countries) == 0
        )


def _dates(filters: AdFilters) -> Iterable[Condition]:
    if filters.first_seen_from:
        yield ad.c.first_seen >= filters.first_seen_from
    if filters.first_seen_to:
        yield ad.c.first_seen <= filters.first_seen_to
    if filters.last_seen_from:
        yield ad.c.last_seen >= filters.last_seen_from
    if filters.last_seen_to:
        yield ad.c.last_seen <= filters.last_seen_to


def _of_current_version(filters: AdFilters) -> Iterable[Condition]:
    if filters.ctas:
        cta = ad_version.c.cta
        yield _current_version(_or_unknown(filters.ctas, cta.in_(filters.ctas), cta == ""))
    if filters.landing_domain:
        domain, wanted = ad_version.c.landing_domain, (filters.landing_domain,)
        yield _current_version(_or_unknown(wanted, domain.in_(wanted), domain.is_(None)))


def _labels(filters: AdFilters, corrected: Collection[str]) -> Iterable[Condition]:
    """Most dimensions were never corrected; without the overlay PostgreSQL finds a better plan."""
    wanted = [*filters.labels, *((LANGUAGE, value) for value in filters.languages)]
    for dimension in dict.fromkeys(name for name, _ in wanted):
        values = tuple(value for name, value in wanted if name == dimension)
        known = _labelled(dimension, is_known(label), label.c.value.in_(values))
        machine = _or_unknown(values, known, not_(_labelled(dimension, is_known(label))))
        yield _seen(dimension, values, machine) if dimension in corrected else machine


def _seen(dimension: str, values: Sequence[str], machine: Condition) -> Condition:
    """What the organisation has corrected counts as it says, the rest as the machine does."""
    wanted = literal(list(values), ARRAY(Text))
    fits = _or_unknown(values, overlay_values.bool_op("&&")(wanted), func.cardinality(overlay_values) == 0)
    return or_(and_(machine, not_(_corrected(dimension))), _corrected(dimension, fits))


def _words(filters: AdFilters) -> Iterable[Condition]:
    if words := filters.words.split():
        patterns = bindparam(
            None, [f"%{escape_like(word)}%" for word in sorted(words, key=len, reverse=True)], type_=ARRAY(Text)
        )
        # Under row-level security ILIKE can't use the trigram index; this function filters the scope itself.
        found = func.content_containing(patterns).table_valued(column("scope", Text), column("content_id", Text))
        yield tuple_(ad.c.scope, ad.c.content_id).in_(select(found.c.scope, found.c.content_id))


def escape_like(word: str) -> str:
    """The word as itself inside a LIKE pattern."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _or_unknown(values: Sequence[str], known: Condition, unknown: Condition) -> Condition:
    return or_(known, unknown) if UNKNOWN_VALUE in values else known


def _current_version(condition: Condition) -> Exists:
    return exists().where(ad_version.c.version_id == ad.c.current_version_id, condition).correlate(ad)


def _labelled(dimension: str, *conditions: Condition) -> Exists:
    same = (label.c.scope == ad.c.scope, label.c.content_id == ad.c.content_id, label.c.dimension == dimension)
    return exists().where(*same, *conditions).correlate(ad)


def _corrected(dimension: str, *conditions: Condition) -> Condition:
    contents = select(label_overlay.c.scope, label_overlay.c.content_id)
    return tuple_(ad.c.scope, ad.c.content_id).in_(contents.where(label_overlay.c.dimension == dimension, *conditions))
