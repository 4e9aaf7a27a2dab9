"""From stored labels and what they should say to measures that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.adapters.postgres.label_quality_store import store_measures
from core.adapters.postgres.stored_readings import StoredLabel, StoredReading
from core.ai.quality_measures import Judged, Occasion, measures_of
from core.ai.taxonomy import Taxonomy
from core.domain.label import UNKNOWN, Outcome
from core.domain.principal import Principal
from core.domain.quality import Basis, Measure
from core.insights.agreement import Values

EXCERPT_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured and kept, of ``texts`` texts; ``remarks`` say what was left out and why."""

    measures: tuple[Measure, ...]
    texts: int
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """A text's stored labels beside what is said of one dimension elsewhere."""

    reading: StoredReading
    true: Values

    def judged(self, dimension: str) -> Judged:
        """As agreement is counted: a reading that failed says nothing."""
        labels = [each for each in labels_of(self.reading, dimension) if each.outcome == Outcome.OK]
        excerpt = " ".join(self.reading.text[: 2 * EXCERPT_CHARACTERS].split())[:EXCERPT_CHARACTERS]
        return Judged(
            frozenset(each.value for each in labels) - {UNKNOWN},
            self.true,
            {each.value: each.confidence for each in labels},
            self.reading.content_id,
            excerpt,
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """Labels of many texts, by dimension, beside what they are measured against."""

    basis: Basis
    set_name: str
    taxonomy: Taxonomy
    rows: dict[str, list[Beside]] = field(default_factory=dict)

    def add(self, dimension: str, reading: StoredReading, true: Iterable[str]) -> None:
        """One text in one dimension; passed over where nobody has read it in this dimension."""
        if labels_of(reading, dimension):
            self.rows.setdefault(dimension, []).append(Beside(reading, frozenset(true)))

    def measures(self) -> list[Measure]:
        """Of every dimension, in the order of the taxonomy."""
        found = []
        for dimension in sorted(self.rows):
            labels = [each for row in self.rows[dimension] for each in labels_of(row.reading, dimension)]
            occasion = Occasion(self.basis, self.set_name, *named(map(maker_of, labels)))
            judged = [row.judged(dimension) for row in self.rows[dimension]]
            found += measures_of(occasion, dimension, judged, several=has_several(self.taxonomy, dimension))
        return found


def labels_of(reading: StoredReading, dimension: str) -> list[StoredLabel]:
    """Those of one dimension."""
    return [each for each in reading.labels if each.dimension == dimension]


Maker = tuple[str, str]  # (taxonomy version, method)


def maker_of(label: StoredLabel) -> Maker:
    """How a label was made."""
    return label.taxonomy_version, f"{label.method} ({label.model})"


def named(makers: Iterable[Maker]) -> Maker:
    """Of labels that are measured together: several are all named."""
    versions, methods = zip(*makers, strict=True)
    return ", ".join(sorted(set(versions) - {""})), ", ".join(sorted(set(methods)))


def has_several(taxonomy: Taxonomy, dimension: str) -> bool:
    """Whether a text may have more than one value of it; language has one."""
    asked = taxonomy.dimensions.get(dimension)
    return asked is not None and asked.cardinality == "multi"


def keep(database: Database, principal: Principal, scope: str, measures: Sequence[Measure], **details: object) -> None:
    """Store what was measured, all or nothing, with who had it measured."""
    with database.worker(scope) as connection:
        store_measures(connection, scope, measures)
        bases: Mapping[str, None] = dict.fromkeys(measure.basis.value for measure in measures)
        record(connection, principal, "labels.measure", scope, bases=list(bases), measures=len(measures), **details)
