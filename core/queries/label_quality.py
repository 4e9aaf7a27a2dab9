"""How good labels are, as far as somebody measured it, and whether that is good enough to compare by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import distinct_on

from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import ad, label_quality
from core.ai.quality_bars import quality_bars
from core.ai.quality_verdicts import Standing, Verdicts, verdicts
from core.ai.taxonomy import Taxonomy
from core.domain.label import LANGUAGE
from core.domain.principal import SHARED_SCOPE, Principal
from core.domain.quality import Basis, Measure, Statistic


@dataclass(frozen=True, slots=True)
class StoredMeasure(Measure):
    """``is_own``: measured by and for the organisation; else it holds for everybody."""

    is_own: bool = False
    measured_at: datetime = datetime.min


@dataclass(frozen=True, slots=True)
class ValueVerdict:
    """A value that was measured by itself: ``standing`` is "meets", "unproven" or "below" its bar."""

    value: str
    standing: Standing
    reason: str


@dataclass(frozen=True, slots=True)
class DimensionReport:
    """One dimension: how it and its values stand to the bar (least kappa), and every figure that holds.

    Without a measure its standing is "not measured". ``measures``: the organisation's own first, then by time.
    """

    dimension: str
    bar: float
    standing: Standing
    reason: str
    values: tuple[ValueVerdict, ...]
    measures: tuple[StoredMeasure, ...]


@dataclass(frozen=True, slots=True)
class LabelQuality:
    """Every dimension asked for. ``taxonomy_version`` is the one in use; a measure names that of its labels."""

    taxonomy_version: str
    dimensions: tuple[DimensionReport, ...]


def label_quality_of(database: Database, principal: Principal, taxonomy: Taxonomy) -> LabelQuality:
    """How good the labels of every dimension are, measured or not."""
    by_dimension: dict[str, list[StoredMeasure]] = {}
    for measure in newest_measures(database, principal):
        by_dimension.setdefault(measure.dimension, []).append(measure)
    names = [*taxonomy.dimensions, LANGUAGE]
    return LabelQuality(taxonomy.version, tuple(_report(name, by_dimension.get(name, [])) for name in names))


def ads_that_say(database: Database, principal: Principal, content_ids: Sequence[str]) -> dict[str, str]:
    """Content id → an ad that says it, of those the principal sees."""
    statement = (
        select(ad.c.content_id, func.min(ad.c.ad_id))
        .where(ad.c.scope.in_([SHARED_SCOPE, principal.scope]), ad.c.content_id.in_(content_ids))
        .group_by(ad.c.content_id)
    )
    with database.reader(principal) as connection:
        return {row[0]: row[1] for row in connection.execute(statement.prefix_with("/* ads_that_say */"))}


def newest_measures(database: Database, principal: Principal, dimension: str | None = None) -> Sequence[StoredMeasure]:
    """Of every kind (dimension, value, basis, set, statistic) the newest; the organisation's own come first."""
    with database.reader(principal) as connection:
        return _newest(connection, dimension)


def label_verdicts(database: Database, principal: Principal, dimension: str) -> Verdicts:
    """Whether comparisons by this dimension, and by which of its values, must be greyed, with the reason of each."""
    return verdicts(dimension, newest_measures(database, principal, dimension), quality_bars())


def _report(dimension: str, measures: Sequence[StoredMeasure]) -> DimensionReport:
    found = verdicts(dimension, measures, quality_bars())
    values = tuple(ValueVerdict(value, each.standing, each.reason) for value, each in sorted(found.values.items()))
    bar = quality_bars().of(dimension).truth
    return DimensionReport(dimension, bar, found.dimension.standing, found.dimension.reason, values, tuple(measures))


def _newest(connection: Connection, dimension: str | None) -> list[StoredMeasure]:
    table = label_quality.c
    value = func.coalesce(table.value, "")
    kind = (table.scope, table.dimension, value, table.basis, table.set_name, table.statistic)
    newest = (
        select(label_quality)
        .ext(distinct_on(*kind))
        .order_by(*kind, table.measured_at.desc(), table.label_quality_id.desc())
    )
    if dimension is not None:
        newest = newest.where(table.dimension == dimension)
    found = newest.subquery()
    order = (found.c.dimension, found.c.value, found.c.scope == SHARED_SCOPE, found.c.measured_at.desc())
    rows = connection.execute(select(found).order_by(*order).prefix_with("/* label_quality */"))
    return [
        StoredMeasure(
            dimension=row.dimension,
            value=row.value,
            basis=Basis(row.basis),
            set_name=row.set_name,
            statistic=Statistic(row.statistic),
            n=row.n,
            estimate=row.estimate,
            low=row.low,
            high=row.high,
            taxonomy_version=row.taxonomy_version,
            method=row.method,
            details=row.details,
            is_own=row.scope != SHARED_SCOPE,
            measured_at=row.measured_at,
        )
        for row in rows
    ]
