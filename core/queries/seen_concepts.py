"""The concept an organisation sees an ad in: its own split of the variant, else the machine's, then its own merge.

An ad that isn't grouped yet is a concept of its own, under its own id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, select, tuple_, union, union_all

from core.adapters.postgres.schema import ad, concept_merge, concept_split, variant
from core.queries.status import counted_ads

_OURS = func.current_scope()  # the organisation of the principal; row-level security says it once more

_kept: ColumnElement[str] = func.coalesce(concept_split.c.concept_id, variant.c.concept_id)
concept_of_variant: ColumnElement[str] = func.coalesce(concept_merge.c.into_concept_id, _kept)  # over seen_variants
seen_concept: ColumnElement[str] = func.coalesce(concept_of_variant, ad.c.ad_id)  # over grouped_ads
seen_variant: ColumnElement[str] = func.coalesce(ad.c.variant_id, ad.c.ad_id)


def _with_overlays(source: FromClause) -> FromClause:
    """Each variant of ``source`` with the split and the merge that the organisation made."""
    split = and_(
        concept_split.c.organisation_id == _OURS,
        concept_split.c.scope == variant.c.scope,
        concept_split.c.variant_id == variant.c.variant_id,
    )
    merge = and_(concept_merge.c.organisation_id == _OURS, concept_merge.c.concept_id == _kept)
    return source.outerjoin(concept_split, split).outerjoin(concept_merge, merge)


seen_variants = _with_overlays(variant)
grouped_ads = _with_overlays(
    counted_ads.outerjoin(variant, and_(variant.c.scope == ad.c.scope, variant.c.variant_id == ad.c.variant_id))
)


def in_concepts(concepts: Sequence[str]) -> ColumnElement[bool]:
    """Whether an ad is seen in one of them. Their variants are found by index, whatever else is stored."""
    other = ad.alias("other")
    carries = and_(other.c.scope == variant.c.scope, other.c.variant_id == variant.c.variant_id)
    source = seen_variants.join(other, carries)
    seen = select(other.c.ad_id).select_from(source).where(candidates(concepts), concept_of_variant.in_(concepts))
    ungrouped = select(other.c.ad_id).where(other.c.variant_id.is_(None), other.c.ad_id.in_(concepts))
    return ad.c.ad_id.in_(union_all(seen, ungrouped))


def candidates(concepts: Sequence[str]) -> ColumnElement[bool]:
    """Variants that may be seen in one of these: the machine says so, or the organisation put or merged them there.

    Four look-ups by index; in one condition with OR PostgreSQL would look at every variant.
    """
    merged_into = (concept_merge.c.organisation_id == _OURS, concept_merge.c.into_concept_id.in_(concepts))
    split = (concept_split.c.organisation_id == _OURS,)
    machines = select(variant.c.scope, variant.c.variant_id)
    ours = select(concept_split.c.scope, concept_split.c.variant_id).where(*split)
    merged_machines = machines.select_from(
        concept_merge.join(variant, variant.c.concept_id == concept_merge.c.concept_id)
    )
    merged_ours = ours.select_from(
        concept_merge.join(concept_split, concept_split.c.concept_id == concept_merge.c.concept_id)
    )
    found = union(
        machines.where(variant.c.concept_id.in_(concepts)),
        merged_machines.where(*merged_into),
        ours.where(concept_split.c.concept_id.in_(concepts)),
        merged_ours.where(*merged_into),
    )
    return tuple_(variant.c.scope, variant.c.variant_id).in_(found)


@dataclass(frozen=True, slots=True)
class SeenVariant:
    """A variant, and the concept that the organisation sees it in."""

    scope: str
    variant_id: str
    brand_slug: str
    concept_id: str


def read_concept(connection: Connection, concept_id: str) -> tuple[SeenVariant, ...]:
    """The variants that the organisation sees in a concept; none where there is no such concept."""
    statement = (
        select(variant.c.scope, variant.c.variant_id, variant.c.brand_slug, concept_of_variant.label("concept_id"))
        .select_from(seen_variants)
        .where(candidates([concept_id]), concept_of_variant == concept_id)
        .order_by(variant.c.created_at, variant.c.variant_id)
        .prefix_with("/* seen_concept */")
    )
    return tuple(SeenVariant(**row._mapping) for row in connection.execute(statement))


def read_merge(connection: Connection, concept_id: str) -> str | None:
    """Where the organisation has merged a concept into."""
    statement = select(concept_merge.c.into_concept_id).where(
        concept_merge.c.organisation_id == _OURS, concept_merge.c.concept_id == concept_id
    )
    into: str | None = connection.execute(statement.prefix_with("/* seen_merge */")).scalar_one_or_none()
    return into
