"""Stored labels beside simple rules."""

from __future__ import annotations

from collections import defaultdict

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.stored_readings import StoredLabel, StoredReading, every_reading
from core.ai.quality_measures import Occasion
from core.ai.quality_rules import CROSS_CHECKS, CheckedText, CheckResult, CheckTally
from core.domain.label import UNKNOWN, Outcome
from core.domain.principal import Permission, Principal
from core.domain.quality import Basis
from core.errors import NotFoundError
from core.measuring.judging import Maker, keep, labels_of, maker_of, named


def check_by_rules(database: Database, principal: Principal, scope: str) -> list[CheckResult]:
    """Ask the rules of every label of the scope. Raises NotFoundError where nothing has been read."""
    require(principal, Permission.WRITE)
    tallies = [CheckTally(check) for check in CROSS_CHECKS]
    makers: dict[str, set[Maker]] = defaultdict(set)
    with database.worker(scope) as connection:
        for reading in every_reading(connection, scope, sorted({check.dimension for check in CROSS_CHECKS})):
            for tally in tallies:
                if labels := labels_of(reading, tally.check.dimension):
                    makers[tally.check.dimension].update(map(maker_of, labels))
                    tally.add(_checked(reading, labels))
    if not makers:
        raise NotFoundError("nothing has been read yet, so there is nothing to check")
    results = [tally.result() for tally in tallies]
    measures = [
        result.measure(Occasion(Basis.RULES, result.check.name, *named(makers[result.check.dimension])))
        for result in results
        if result.n
    ]
    keep(database, principal, scope, measures)
    return results


def _checked(reading: StoredReading, labels: list[StoredLabel]) -> CheckedText:
    values = frozenset(each.value for each in labels if each.outcome == Outcome.OK) - {UNKNOWN}
    return CheckedText(reading.text, reading.cta, values, reading.content_id)
