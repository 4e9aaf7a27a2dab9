"""The themes of a brandspace, with what each brand says of them: a zero is a theme that a brand leaves to others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, and_, func, select, union
from sqlalchemy.dialects.postgresql import distinct_on

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, brand, brand_alias, content, embedding, label, theme, theme_member
from core.ai.themes import provisional_name
from core.domain.label import LANGUAGE
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.queries.brand_names import shown_name
from core.queries.brandspaces import find_brandspace
from core.queries.conditions import Condition, matching
from core.queries.filters import UNKNOWN_VALUE, AdFilters, Unit
from core.queries.pages import AnyRow
from core.queries.status import counted_ads
from core.queries.units import ads_by, unit_id

EXCERPT: Final = 160  # characters of an example


@dataclass(frozen=True, slots=True)
class ThemeExample:
    """An ad that says one of the texts nearest to the middle of a theme; ``text`` is its beginning."""

    ad_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ThemeView:
    """``count`` and ``by_brand`` (slug → count, every brand of the brandspace) are in the unit asked for.

    ``is_provisional``: named by its most telling words, not by a person. ``merged``: the names of what went into it.
    """

    theme_id: str
    name: str
    definition: str
    is_provisional: bool
    is_locked: bool
    words: tuple[str, ...]
    merged: tuple[str, ...]
    count: int
    by_brand: Mapping[str, int]
    examples: tuple[ThemeExample, ...]


@dataclass(frozen=True, slots=True)
class Themes:
    """Greatest first; a theme that nobody uses stands there with zeros.

    ``totals`` and ``without_theme`` by brand: of all that passes, and of what is in no theme (too far from every one,
    without text, or not looked at since it came). A concept whose ads say several things is in several themes.
    """

    brandspace: str
    unit: Unit
    discovered_at: datetime | None
    totals: Mapping[str, int]
    without_theme: Mapping[str, int]
    items: tuple[ThemeView, ...]


def get_themes(database: Database, principal: Principal, brandspace: str, filters: AdFilters) -> Themes:
    """All themes of a brandspace; ``all`` has none. Raises NotFoundError (brandspace)."""
    with database.snapshot(principal), database.reader(principal) as connection:
        space = find_brandspace(connection, principal, brandspace)
        rows = read_themes(connection, principal, brandspace)
        where = matching(connection, principal, brandspace, filters)
        counted = _counted(connection, principal, brandspace, filters.unit, where) if rows else {}
        totals = _totals(connection, filters.unit, where) if rows else {}
        said = _examples(connection, rows, where)
    slugs = tuple(slug for slug in space.brands if not filters.brands or slug in filters.brands)
    views = [_view(row, rows, dict(zip(slugs, _each(counted, row.theme_id, slugs), strict=True)), said) for row in rows]
    shown = [view for view, row in zip(views, rows, strict=True) if row.merged_into is None]
    return Themes(
        brandspace=brandspace,
        unit=filters.unit,
        discovered_at=max((row.created_at for row in rows), default=None),
        totals={slug: totals.get(slug, 0) for slug in slugs} if rows else {},
        without_theme=dict(zip(slugs, _each(counted, None, slugs), strict=True)) if rows else {},
        items=tuple(sorted(shown, key=lambda view: (-view.count, view.name))),
    )


def read_themes(connection: Connection, principal: Principal, brandspace: str) -> Sequence[AnyRow]:
    """The rows of a brandspace's themes, those that were merged, too."""
    mine = (theme.c.organisation_id == principal.organisation_id, theme.c.brandspace_id == brandspace)
    statement = select(theme).where(*mine).order_by(theme.c.created_at, theme.c.theme_id)
    return connection.execute(statement.prefix_with("/* themes */")).all()


def read_theme(connection: Connection, principal: Principal, theme_id: str) -> AnyRow:
    """One that can be changed. Raises NotFoundError saying where it went."""
    mine = (theme.c.organisation_id == principal.organisation_id, theme.c.theme_id == theme_id)
    row = connection.execute(select(theme).where(*mine).prefix_with("/* one_theme */")).one_or_none()
    if row is None:
        raise NotFoundError("there is no such theme; a discovery may have replaced it: list the themes again")
    if row.merged_into is not None:
        raise NotFoundError(f"this theme was merged into {row.merged_into}: change that one")
    return row


def read_texts(connection: Connection, principal: Principal, brandspace: str, *, model: str) -> Sequence[AnyRow]:
    """What its ads say, always in one order: (scope, content_id, text_hash, text, language, vector or None)."""
    conditions = matching(connection, principal, brandspace, AdFilters())
    said = select(ad.c.scope, ad.c.content_id).select_from(counted_ads).where(*conditions).distinct().cte("said")
    same = and_(content.c.scope == said.c.scope, content.c.content_id == said.c.content_id)
    spoken = and_(label.c.scope == said.c.scope, label.c.content_id == said.c.content_id, label.c.dimension == LANGUAGE)
    language = func.coalesce(select(func.min(label.c.value)).where(spoken).scalar_subquery(), UNKNOWN_VALUE)
    has_vector = and_(
        embedding.c.scope == content.c.scope, embedding.c.subject == content.c.text_hash, embedding.c.model == model
    )
    statement = (
        select(content.c.scope, content.c.content_id, content.c.text_hash, content.c.text, language.label("language"))
        .add_columns(embedding.c.vector)
        .select_from(said.join(content, same).outerjoin(embedding, has_vector))
        .where(content.c.text_hash.isnot(None), content.c.text != "")
        .order_by(content.c.text_hash, content.c.scope, content.c.content_id)
    )
    return connection.execute(statement.prefix_with("/* texts_of_themes */")).all()


def read_brand_names(connection: Connection, slugs: Sequence[str]) -> set[str]:
    """Slugs, the names that the organisation sees, and aliases."""
    shown = select(shown_name(brand.c.slug)).where(brand.c.slug.in_(slugs))
    aliases = select(brand_alias.c.written).where(brand_alias.c.slug.in_(slugs))
    statement = select(union(shown, aliases).subquery("names")).prefix_with("/* names_in_themes */")
    return {*slugs, *connection.execute(statement).scalars()}


def _counted(
    connection: Connection, principal: Principal, brandspace: str, unit: Unit, conditions: Sequence[Condition]
) -> dict[tuple[str | None, str], int]:
    """(theme or None, brand) → how many."""
    member = and_(
        theme_member.c.organisation_id == principal.organisation_id,
        theme_member.c.brandspace_id == brandspace,
        theme_member.c.scope == ad.c.scope,
        theme_member.c.content_id == ad.c.content_id,
    )
    statement = (
        select(theme_member.c.theme_id, ad.c.brand_slug, func.count(unit_id(unit).distinct()))
        .select_from(ads_by(unit).outerjoin(theme_member, member))
        .where(*conditions)
        .group_by(theme_member.c.theme_id, ad.c.brand_slug)
        .prefix_with("/* counted_themes */")
    )
    return {(theme_id, slug): count for theme_id, slug, count in connection.execute(statement)}


def _totals(connection: Connection, unit: Unit, conditions: Sequence[Condition]) -> dict[str, int]:
    counted = select(ad.c.brand_slug, func.count(unit_id(unit).distinct())).select_from(ads_by(unit))
    statement = counted.where(*conditions).group_by(ad.c.brand_slug).prefix_with("/* totals_of_themes */")
    return {slug: count for slug, count in connection.execute(statement)}


def _examples(
    connection: Connection, rows: Sequence[AnyRow], conditions: Sequence[Condition]
) -> dict[str, ThemeExample]:
    """Content id → the ad last seen of those that pass and say it."""
    wanted = {content_id for row in rows for content_id in row.examples}
    if not wanted:
        return {}
    same = and_(content.c.scope == ad.c.scope, content.c.content_id == ad.c.content_id)
    statement = (
        select(ad.c.content_id, ad.c.ad_id, func.left(content.c.text, EXCERPT))
        .ext(distinct_on(ad.c.content_id))
        .select_from(counted_ads.join(content, same))
        .where(*conditions, ad.c.content_id.in_(wanted))
        .order_by(ad.c.content_id, ad.c.last_seen.desc(), ad.c.ad_id)
        .prefix_with("/* examples_of_themes */")
    )
    return {content_id: ThemeExample(ad_id, text) for content_id, ad_id, text in connection.execute(statement)}


def _each(counted: Mapping[tuple[str | None, str], int], theme_id: str | None, slugs: Sequence[str]) -> list[int]:
    return [counted.get((theme_id, slug), 0) for slug in slugs]


def _view(
    row: AnyRow, rows: Sequence[AnyRow], by_brand: Mapping[str, int], said: Mapping[str, ThemeExample]
) -> ThemeView:
    return ThemeView(
        theme_id=row.theme_id,
        name=row.name,
        definition=row.definition,
        is_provisional=row.name == provisional_name(row.words),
        is_locked=row.is_locked,
        words=tuple(row.words),
        merged=tuple(other.name for other in rows if other.merged_into == row.theme_id),
        count=sum(by_brand.values()),
        by_brand=by_brand,
        examples=tuple(said[content_id] for content_id in row.examples if content_id in said),
    )
