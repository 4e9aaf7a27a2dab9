"""How a brand's ads stand, kept beside the brand: lists of brands count nothing.

A figure is never added to. Whatever changes ads or scans of a brand counts the brand anew in the same transaction, so a
figure can't drift: it is what counting says.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, update

from core.adapters.postgres.schema import BRAND_FIGURES, ad, brand
from core.queries.status import AdStatus, counted_ads, counted_status


def recount(connection: Connection, scope: str, slug: str, ad_ids: Sequence[str]) -> None:
    """Count the brand whose scan was written, and every brand that one of the ads belongs to.

    An ad stays with the brand that showed it first, so another brand's scan may change how it stands. The brands are
    locked in order before they are counted: of two who write at once, the second sees what the first wrote.
    """
    touched = select(ad.c.brand_slug).where(ad.c.ad_id.in_(ad_ids)).distinct()
    slugs = sorted({slug, *connection.scalars(touched)})
    of_scope = (brand.c.scope == scope, brand.c.slug.in_(slugs))
    connection.execute(select(brand.c.slug).where(*of_scope).order_by(brand.c.slug).with_for_update(key_share=True))
    for counted in slugs:
        _count(connection, scope, counted)


def _count(connection: Connection, scope: str, slug: str) -> None:
    states = {state.value: func.count().filter(counted_status == state.value).label(state.value) for state in AdStatus}
    figures = (
        select(ad.c.scope, ad.c.brand_slug, func.count().label("ads"), *states.values())
        .select_from(counted_ads)
        .where(ad.c.scope == scope, ad.c.brand_slug == slug)
        .group_by(ad.c.scope, ad.c.brand_slug)
        .subquery()
    )
    values = {name: figures.c[name] for name in BRAND_FIGURES}
    here = (brand.c.scope == figures.c.scope, brand.c.slug == figures.c.brand_slug)
    connection.execute(update(brand).where(*here).values(values))
