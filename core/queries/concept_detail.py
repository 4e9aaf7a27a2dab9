"""One concept with its variants: what each says and shows, and why it is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Connection, and_, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, concept_merge, concept_split, variant
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.queries.ads import AdCard, cards_of
from core.queries.pages import MAX_PAGE, AnyRow, AnySelect
from core.queries.seen_concepts import (
    candidates,
    concept_of_variant,
    grouped_ads,
    read_merge,
    seen_concept,
    seen_variants,
)
from core.queries.status import AdStatus, counted_ads
from core.queries.units import status_of_all


@dataclass(frozen=True, slots=True)
class Variant:
    """One set of words and cover. ``ads`` carry it now, ``example`` is the one last seen.

    ``joined_by`` says how the machine put it into ``machine_concept_id``: next to ``joined_to``, at these
    ``distances`` (bits of 64, cosines; of what both have). ``put_here_by`` names who of the organisation put it
    into this concept instead.
    """

    variant_id: str
    ads: int
    first_seen: date
    last_seen: date
    status: AdStatus
    machine_concept_id: str
    joined_by: str
    joined_to: str | None
    distances: Mapping[str, float]
    put_here_by: str | None
    example: AdCard


@dataclass(frozen=True, slots=True)
class MergedConcept:
    """A concept that the organisation made part of this one."""

    concept_id: str
    merged_by: str


@dataclass(frozen=True, slots=True)
class ConceptDetail:
    """A concept as the organisation sees it, over all its visible ads; the variants seen first come first."""

    concept_id: str
    brand: str
    scope: str
    ads: int
    first_seen: date
    last_seen: date
    variants: tuple[Variant, ...]
    variants_left_out: int  # beyond the first 200
    merged: tuple[MergedConcept, ...]
    variant_of_ad: str | None = None  # of the ad that was asked about


def get_concept(database: Database, principal: Principal, concept_id: str) -> ConceptDetail:
    """Raises NotFoundError, saying where a merged one went."""
    with database.snapshot(principal), database.reader(principal) as connection:
        found = _read(connection, concept_id)
        if found is None:
            into = read_merge(connection, concept_id)
            gone = "its ads are not grouped yet, or it isn't yours to see"
            raise NotFoundError(f"there is no such concept: {f'it was merged into {into}' if into else gone}")
        return found


def concept_of_ad(database: Database, principal: Principal, ad_id: str) -> ConceptDetail | None:
    """The concept an ad is in; None where it isn't grouped yet. Raises NotFoundError (ad)."""
    with database.snapshot(principal), database.reader(principal) as connection:
        columns = (ad.c.variant_id, seen_concept.label("concept_id"))
        statement = select(*columns).select_from(grouped_ads).where(ad.c.ad_id == ad_id)
        row = connection.execute(statement.prefix_with("/* concept_of_ad */")).one_or_none()
        if row is None:
            raise NotFoundError("there is no such ad, or it isn't yours to see")
        found = _read(connection, row.concept_id)
        return replace(found, variant_of_ad=row.variant_id) if found else None


def _read(connection: Connection, concept_id: str) -> ConceptDetail | None:
    rows = connection.execute(_variants(concept_id)).all()
    if not rows:
        return None
    shown = rows[:MAX_PAGE]
    newest = _newest_ads(connection, shown)
    cards = cards_of(connection, newest.values())
    variants = tuple(_variant(row, cards[newest[row.variant_id]]) for row in shown)
    return ConceptDetail(
        concept_id=concept_id,
        brand=rows[0].brand_slug,
        scope=rows[0].scope,
        ads=sum(row.ads for row in rows),
        first_seen=min(row.first_seen for row in rows),
        last_seen=max(row.last_seen for row in rows),
        variants=variants,
        variants_left_out=len(rows) - len(shown),
        merged=_merged(connection, concept_id),
    )


def _variants(concept_id: str) -> AnySelect:
    """A row per variant that an ad has now, the one seen first first."""
    mine = (
        select(
            variant.c.scope, variant.c.variant_id, variant.c.brand_slug, variant.c.joined_by, variant.c.joined_to,
            variant.c.distances, variant.c.concept_id.label("machine_concept_id"),
            concept_split.c.corrected_by.label("put_here_by"),
        )
        .select_from(seen_variants)
        .where(candidates([concept_id]), concept_of_variant == concept_id)
        .cte("mine")
    )  # fmt: skip
    carries = and_(ad.c.scope == mine.c.scope, ad.c.variant_id == mine.c.variant_id)
    figures = (
        func.count().label("ads"),
        func.min(ad.c.first_seen).label("first_seen"),
        func.max(ad.c.last_seen).label("last_seen"),
        status_of_all().label("status"),
    )
    statement = select(*mine.c, *figures).select_from(counted_ads.join(mine, carries)).group_by(*mine.c)
    return statement.order_by(func.min(ad.c.first_seen), mine.c.variant_id).prefix_with("/* variants_of_concept */")


def _newest_ads(connection: Connection, rows: Sequence[AnyRow]) -> dict[str, str]:
    """variant → the ad last seen."""
    statement = (
        select(ad.c.variant_id, ad.c.ad_id)
        .ext(distinct_on(ad.c.variant_id))
        .where(ad.c.scope == rows[0].scope, ad.c.variant_id.in_([row.variant_id for row in rows]))
        .order_by(ad.c.variant_id, ad.c.last_seen.desc(), ad.c.ad_id)
        .prefix_with("/* examples_of_variants */")
    )
    return {row.variant_id: row.ad_id for row in connection.execute(statement)}


def _merged(connection: Connection, concept_id: str) -> tuple[MergedConcept, ...]:
    statement = (
        select(concept_merge.c.concept_id, concept_merge.c.corrected_by)
        .where(concept_merge.c.organisation_id == func.current_scope(), concept_merge.c.into_concept_id == concept_id)
        .order_by(concept_merge.c.corrected_at, concept_merge.c.concept_id)
        .prefix_with("/* merged_concepts */")
    )
    return tuple(MergedConcept(*row) for row in connection.execute(statement))


def _variant(row: AnyRow, example: AdCard) -> Variant:
    return Variant(
        row.variant_id, row.ads, row.first_seen, row.last_seen, AdStatus(row.status), row.machine_concept_id,
        row.joined_by, row.joined_to, row.distances, row.put_here_by, example,
    )  # fmt: skip
