"""The name a brand is shown under: what the organisation calls it, its own data or the shared ones; else its slug."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select

from core.adapters.postgres.schema import brand, brand_overlay
from core.domain.principal import SHARED_SCOPE


def shown_name(slug: ColumnElement[str]) -> ColumnElement[str]:
    """For the rows of a page: it is looked up for each."""
    named, overlay = brand.alias("named"), brand_overlay
    own = select(overlay.c.display_name).where(overlay.c.slug == slug).scalar_subquery()
    stored = (
        select(named.c.display_name)
        .where(named.c.slug == slug)
        .order_by(named.c.scope == SHARED_SCOPE)
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(own, stored, slug)
