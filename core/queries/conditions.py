"""Filters as SQL conditions on ``ad`` (from ``counted_ads``); each stands alone, so any subset can be dropped."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    BindParameter,
    ColumnElement,
    Connection,
    Exists,
    Text,
    and_,
    bindparam,
    case,
    cast,
    column,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from core.adapters.postgres.schema import ad, ad_version, content, label, label_overlay, theme_member
from core.domain.label import LANGUAGE, is_visual
from core.domain.principal import Principal
from core.queries.brandspaces import brandspace_slugs
from core.queries.carried_labels import in_concepts_that_carry
from core.queries.filters import CONCEPTS, KNOWN_VALUE, MAX_NUMBER, UNKNOWN_VALUE, AdFilters
from core.queries.seen_concepts import in_concepts
from core.queries.seen_labels import corrected_dimensions, is_known, overlay_values
from core.queries.status import counted_status

Condition = ColumnElement[bool]

# What a source may say of an ad or leave out; attributes are data, so nothing here can fail on their types.
run_dates = case((ad.c.run_start.isnot(None), KNOWN_VALUE), else_=UNKNOWN_VALUE)
spend_currency = func.coalesce(ad.c.attributes["spend"]["currency"].astext, UNKNOWN_VALUE)
_has_impressions = func.jsonb_typeof(ad.c.attributes["impressions"]["low"]) == "number"
impressions = case((_has_impressions, KNOWN_VALUE), else_=UNKNOWN_VALUE)
_run_end = func.coalesce(ad.c.run_end, func.greatest(ad.c.run_start, ad.c.last_seen))
_OVERLAPS = "(@.low <= $most && (@.high >= $least || @.high == null || !exists(@.high)))"  # without high: open above

_HANGUL = re.compile("[가-힣]")


def matching(connection: Connection, principal: Principal, brandspace: str, filters: AdFilters) -> list[Condition]:
    """The ads of a brandspace that pass the filters. Raises NotFoundError for a brandspace of nobody's or another's."""
    slugs = brandspace_slugs(connection, principal, brandspace)
    inside = [] if slugs is None else [ad.c.brand_slug.in_(slugs)]
    return [*inside, *passing(connection, filters, inside)]


def passing(connection: Connection, filters: AdFilters, inside: Sequence[Condition]) -> list[Condition]:
    """The filters alone. ``inside`` is what says of which brands only ads are asked about; nothing: of all.

    Where concepts are counted, labels are those that a concept carries, whichever of its ads does.
    """
    everywhere = not inside and not filters.brands
    labels = _by_dimension(filters)
    if filters.unit == CONCEPTS and labels:
        plain = _apply(replace(filters, labels=(), languages=()), frozenset(), everywhere=everywhere)
        carrying = (in_concepts_that_carry([*inside, *plain], name, values) for name, values in labels.items())
        return [*plain, *carrying]
    corrected = corrected_dimensions(connection) if labels else frozenset()
    return _apply(filters, corrected, everywhere=everywhere)


def _by_dimension(filters: AdFilters) -> dict[str, tuple[str, ...]]:
    """The values asked for; those of one dimension are alternatives."""
    wanted = [*filters.labels, *((LANGUAGE, value) for value in filters.languages)]
    return {name: tuple(value for other, value in wanted if other == name) for name, _ in wanted}


def _apply(filters: AdFilters, corrected: Collection[str], *, everywhere: bool) -> list[Condition]:
    """One condition for each filter that is set. ``corrected`` dimensions are looked up in the overlay, too."""
    return [
        *_columns(filters),
        *_dates(filters),
        *_runs(filters),
        *_amounts(filters),
        *_of_current_version(filters, everywhere=everywhere),
        *_labels(filters, corrected, everywhere=everywhere),
        *_words(filters.words, ad.c.content_id, everywhere=everywhere),
        *_on_screen_words(filters.on_screen_words, everywhere=everywhere),
    ]


def _columns(filters: AdFilters) -> Iterable[Condition]:
    plain = (
        (ad.c.brand_slug, filters.brands),
        (ad.c.channel, filters.channels),
        (ad.c.format, filters.formats),
        (ad.c.media_status, filters.media_statuses),
        (counted_status, filters.statuses),
        (run_dates, filters.run_dates),
        (spend_currency, filters.spend_currencies),
        (impressions, filters.impressions),
    )
    yield from (expression.in_(values) for expression, values in plain if values)
    if filters.concepts:
        yield in_concepts(filters.concepts)
    if filters.themes:
        yield _in_themes(filters.themes)
    if filters.countries:
        wanted = literal(list(filters.countries), ARRAY(Text))
        yield _or_unknown(
            filters.countries, ad.c.countries.bool_op("&&")(wanted), func.cardinality(ad.c.countries) == 0
        )


def _in_themes(themes: Sequence[str]) -> Condition:
    """The organisation found the ad's words to be of one of these."""
    mine = (theme_member.c.organisation_id == func.current_scope(), theme_member.c.theme_id.in_(themes))
    return tuple_(ad.c.scope, ad.c.content_id).in_(select(theme_member.c.scope, theme_member.c.content_id).where(*mine))


def _dates(filters: AdFilters) -> Iterable[Condition]:
    if filters.first_seen_from:
        yield ad.c.first_seen >= filters.first_seen_from
    if filters.first_seen_to:
        yield ad.c.first_seen <= filters.first_seen_to
    if filters.last_seen_from:
        yield ad.c.last_seen >= filters.last_seen_from
    if filters.last_seen_to:
        yield ad.c.last_seen <= filters.last_seen_to


def _runs(filters: AdFilters) -> Iterable[Condition]:
    """An ad without a start of its run passes none of them but days seen."""
    if filters.run_from:
        yield and_(ad.c.run_start.isnot(None), _run_end >= filters.run_from)
    if filters.run_to:
        yield ad.c.run_start <= filters.run_to
    yield from _between(ad.c.last_seen - ad.c.first_seen + 1, filters.days_seen_min, filters.days_seen_max)
    days_shown = case((ad.c.run_start.isnot(None), _run_end - ad.c.run_start + 1))
    yield from _between(days_shown, filters.days_shown_min, filters.days_shown_max)


def _between(number: ColumnElement[Any], least: int | None, most: int | None) -> Iterable[Condition]:
    if least is not None:
        yield number >= least
    if most is not None:
        yield number <= most


def _amounts(filters: AdFilters) -> Iterable[Condition]:
    ranges = (
        ("spend", filters.spend_min, filters.spend_max),
        ("impressions", filters.impressions_min, filters.impressions_max),
    )
    for name, least, most in ranges:
        if least is not None or most is not None:
            asked = {"least": least or 0, "most": MAX_NUMBER if most is None else most}
            path = cast(f"$.{name} ? {_OVERLAPS}", JSONPATH)
            yield func.jsonb_path_exists(ad.c.attributes, path, cast(asked, JSONB))


def _of_current_version(filters: AdFilters, *, everywhere: bool) -> Iterable[Condition]:
    def _current_version(condition: Condition) -> Exists:
        return _exists(ad_version.c.version_id == ad.c.current_version_id, condition, everywhere=everywhere)

    if filters.ctas:
        cta = ad_version.c.cta
        yield _current_version(_or_unknown(filters.ctas, cta.in_(filters.ctas), cta == ""))
    if filters.platforms:
        wanted_platforms = literal(list(filters.platforms), ARRAY(Text))
        shares = ad_version.c.platforms.bool_op("&&")(wanted_platforms)
        yield _current_version(_or_unknown(filters.platforms, shares, func.cardinality(ad_version.c.platforms) == 0))
    if filters.landing_domain:
        domain, wanted = ad_version.c.landing_domain, (filters.landing_domain,)
        yield _current_version(_or_unknown(wanted, domain.in_(wanted), domain.is_(None)))


def _labels(filters: AdFilters, corrected: Collection[str], *, everywhere: bool) -> Iterable[Condition]:
    """Most dimensions were never corrected; without the overlay PostgreSQL finds a better plan."""

    def _labelled(dimension: str, *conditions: Condition) -> Exists:
        same = and_(label.c.scope == ad.c.scope, label.c.content_id == _content_of(dimension))
        return _exists(same, label.c.dimension == dimension, is_known(label), *conditions, everywhere=everywhere)

    for dimension, values in _by_dimension(filters).items():
        known = _labelled(dimension, label.c.value.in_(values))
        machine = _or_unknown(values, known, not_(_labelled(dimension)))
        yield _seen(dimension, values, machine) if dimension in corrected else machine


def _content_of(dimension: str) -> ColumnElement[Any]:
    """What labels of the dimension hang on: the ad's cover, or its words."""
    return ad.c.cover_sha256 if is_visual(dimension) else ad.c.content_id


def _seen(dimension: str, values: Sequence[str], machine: Condition) -> Condition:
    """What the organisation has corrected counts as it says, the rest as the machine does."""
    wanted = literal(list(values), ARRAY(Text))
    fits = _or_unknown(values, overlay_values.bool_op("&&")(wanted), func.cardinality(overlay_values) == 0)
    return or_(and_(machine, not_(_corrected(dimension))), _corrected(dimension, fits))


def _words(asked: str, content_id: ColumnElement[Any], *, everywhere: bool) -> Iterable[Condition]:
    """All in the text of that content; in a brandspace one by one, everywhere by the trigram index."""
    words = asked.split()
    if words and everywhere:
        # Under row-level security ILIKE can't use the trigram index; this function filters the scope itself.
        found = func.content_containing(_patterns(words)).table_valued(
            column("scope", Text), column("content_id", Text)
        )
        yield tuple_(ad.c.scope, content_id).in_(select(found.c.scope, found.c.content_id))
    elif words:
        same = and_(content.c.scope == ad.c.scope, content.c.content_id == content_id)
        yield _exists(same, content.c.text.ilike(func.all(_patterns(words))), everywhere=everywhere)


def _on_screen_words(asked: str, *, everywhere: bool) -> Iterable[Condition]:
    """All on the cover. Readers put blanks into Korean where none are, so its words are looked for without any."""
    korean = [word for word in asked.split() if _HANGUL.search(word)]
    others = " ".join(word for word in asked.split() if not _HANGUL.search(word))
    yield from _words(others, ad.c.cover_sha256, everywhere=everywhere)
    if korean:
        same = and_(content.c.scope == ad.c.scope, content.c.content_id == ad.c.cover_sha256)
        closed = func.replace(content.c.text, " ", "")
        yield _exists(same, closed.ilike(func.all(_patterns(korean))), everywhere=everywhere)


def _patterns(words: Iterable[str]) -> BindParameter[Any]:
    """Longest first: the index goes by the first."""
    longest_first = sorted(words, key=len, reverse=True)
    return bindparam(None, [f"%{escape_like(word)}%" for word in longest_first], type_=ARRAY(Text))


def escape_like(word: str) -> str:
    """The word as itself inside a LIKE pattern."""
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _or_unknown(values: Sequence[str], known: Condition, unknown: Condition) -> Condition:
    return or_(known, unknown) if UNKNOWN_VALUE in values else known


def _exists(*conditions: Condition, everywhere: bool) -> Exists:
    """Everywhere PostgreSQL chooses how to join. The ads of a brandspace are looked at one by one, OFFSET 0 sees to it:
    else it may begin with all that fits in the whole market."""
    found = select(literal(1)).where(*conditions).correlate(ad)
    return (found if everywhere else found.offset(0)).exists()


def _corrected(dimension: str, *conditions: Condition) -> Condition:
    contents = select(label_overlay.c.scope, label_overlay.c.content_id)
    corrected = contents.where(label_overlay.c.dimension == dimension, *conditions)
    found = tuple_(ad.c.scope, _content_of(dimension)).in_(corrected)
    return func.coalesce(found, false()) if is_visual(dimension) else found  # of an ad without a cover: no
