"""What was measured of labels: every measure is kept, the newest of each kind is what holds."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import insert

from core.adapters.postgres.engine import Connection
from core.adapters.postgres.schema import label_quality
from core.domain.quality import Measure


def store_measures(connection: Connection, scope: str, measures: Sequence[Measure]) -> None:
    """Add measures of the labels of one scope; ``connection`` is a worker's for that scope."""
    rows = [
        {
            "scope": scope,
            "dimension": measure.dimension,
            "value": measure.value,
            "basis": measure.basis.value,
            "set_name": measure.set_name,
            "statistic": measure.statistic.value,
            "n": measure.n,
            "estimate": measure.estimate,
            "low": measure.low,
            "high": measure.high,
            "taxonomy_version": measure.taxonomy_version,
            "method": measure.method,
            "details": dict(measure.details),
        }
        for measure in measures
    ]
    if rows:
        connection.execute(insert(label_quality), rows)
