"""Stored labels beside a second reading of the same texts by the same method. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.stored_readings import StoredLabel, StoredReading, sampled_readings
from core.ai.labelling import LabelInput, TextLabeller
from core.ai.taxonomy import Taxonomy
from core.domain.label import UNKNOWN
from core.domain.principal import Permission, Principal
from core.domain.quality import Basis
from core.errors import NotFoundError
from core.insights.agreement import Values
from core.measuring.judging import Bench, Measured, keep, labels_of

LOCAL_METHODS = frozenset({"declared", "rules", "prototypes", "language-detector"})


class Reader(Protocol):
    """A method that can read texts again."""

    def why_not(self, labels: Sequence[StoredLabel]) -> str:
        """Why its answers can't be compared with labels of one dimension, which were made otherwise; "" if they can."""
        ...

    def read(self, readings: Sequence[StoredReading]) -> Iterable[Mapping[str, Values]]:
        """Dimension → values of each text."""
        ...


class LocalReader:
    """Local heuristics."""

    def __init__(self, labeller: TextLabeller) -> None:
        self._labeller = labeller

    def why_not(self, labels: Sequence[StoredLabel]) -> str:
        """Labels of a model, or of another taxonomy."""
        if any(each.method not in LOCAL_METHODS for each in labels):
            return "made by another method"
        if any(each.taxonomy_version != self._labeller.taxonomy.version for each in labels):
            return f"made with another taxonomy than {self._labeller.taxonomy.version}"
        return ""

    def read(self, readings: Sequence[StoredReading]) -> Iterable[Mapping[str, Values]]:
        """All dimensions of words."""
        for labels in self._labeller.label([LabelInput(each.text, each.cta) for each in readings]):
            said: dict[str, set[str]] = {}
            for label in labels:
                said.setdefault(label.dimension, set()).add(label.value)
            yield {dimension: frozenset(values) for dimension, values in said.items()}


def replay(
    database: Database, principal: Principal, taxonomy: Taxonomy, reader: Reader, scope: str, *, size: int, seed: int
) -> Measured:
    """Read a random sample of the scope's texts again and keep how far both readings agree.

    Raises NotFoundError where no stored label was made by this method.
    """
    require(principal, Permission.WRITE)
    with database.worker(scope) as connection:
        sample = sampled_readings(connection, scope, size=size, seed=seed)
    bench = Bench(Basis.REPLAY, f"random sample, seed {seed}", taxonomy)
    passed_over: Counter[str] = Counter()
    for reading, again in zip(sample, reader.read(sample), strict=True):
        for dimension, values in again.items():
            labels = labels_of(reading, dimension)
            if reason := reader.why_not(labels):
                passed_over[f"{dimension}: {reason}"] += 1
            else:
                bench.add(dimension, reading, values - {UNKNOWN})
    if not bench.rows:
        raise NotFoundError("; ".join(passed_over) or "nothing has been read yet, so there is nothing to replay")
    measures = bench.measures()
    keep(database, principal, scope, measures, texts=len(sample))
    return Measured(tuple(measures), len(sample), tuple(f"{n} labels of {why}" for why, n in passed_over.items()))
