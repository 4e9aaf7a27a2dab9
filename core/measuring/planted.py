"""Stored labels of sample ads beside the truth that was planted in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.stored_readings import readings_by_text
from core.ai.taxonomy import Taxonomy
from core.domain.principal import SHARED_SCOPE, Permission, Principal
from core.domain.quality import Basis
from core.errors import NotFoundError
from core.measuring.judging import Bench, Measured, keep

SAMPLE_SET = "sample market (sample data)"


def measure_planted(
    database: Database, principal: Principal, taxonomy: Taxonomy, truth: Mapping[str, Mapping[str, Sequence[str]]]
) -> Measured:
    """``truth``: text hash → dimension → values. Raises NotFoundError where none of its texts is stored and read."""
    require(principal, Permission.WRITE)
    with database.worker(SHARED_SCOPE) as connection:
        readings = readings_by_text(connection, SHARED_SCOPE, list(truth))
    if not readings:
        raise NotFoundError("no sample ad has been read: `make up` brings the sample market, reading it takes minutes")
    bench = Bench(Basis.PLANTED, SAMPLE_SET, taxonomy)
    for reading in readings:
        for dimension, values in truth[reading.text_hash].items():
            bench.add(dimension, reading, values)
    measures = bench.measures()
    keep(database, principal, SHARED_SCOPE, measures, texts=len(readings))
    return Measured(tuple(measures), len(readings))
