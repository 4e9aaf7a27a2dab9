"""Labels beside what people say, and people beside each other."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from core.access.rights import require
from core.adapters.postgres.engine import Connection, Database
from core.adapters.postgres.stored_readings import (
    StoredLabel,
    StoredReading,
    readings_by_id,
    said_by_ad,
    stratified,
)
from core.ai.labelling import LabelInput, TextLabeller
from core.ai.quality_measures import Occasion
from core.curation.labels import checked_values
from core.domain.identity import content_identity
from core.domain.label import is_visual
from core.domain.principal import SHARED_SCOPE, Permission, Principal
from core.domain.quality import Basis, Measure, Statistic
from core.errors import NotFoundError
from core.insights.agreement import Values, between_annotators
from core.measuring.judging import Bench, Measured, has_several, keep
from core.queries.brands import known_slug
from core.queries.brandspaces import ALL_BRANDS, brandspace_slugs
from core.sources.calls_to_action import normalise_cta
from core.sources.golden_sets import Judgement, blank_sheet, faulty, read_golden_set
from core.sources.records import text_hash

_NEW = ""  # the scope of a text that isn't stored: it is read now, by the methods of today


@dataclass(frozen=True, slots=True)
class _Subject:
    """What is judged: a stored content, or a text that isn't stored."""

    scope: str
    content_id: str
    text: str = ""
    cta: str = ""


_Votes = dict[str, dict[_Subject, dict[str, Values]]]  # dimension → subject → annotator → values


def measure_by_people(
    database: Database, principal: Principal, labeller: TextLabeller, path: Path, *, set_name: str | None = None
) -> Measured:
    """Measure the labels of today against a golden set: the stored ones, or those of texts read now.

    What more than half of the annotators answer, whole, counts as right. Raises BadInputError naming bad rows by line;
    then nothing is kept.
    """
    require(principal, Permission.WRITE)
    taxonomy = labeller.taxonomy
    found = read_golden_set(path, partial(checked_values, taxonomy))
    votes, readings = _read(database, principal, labeller, found.judgements, path.name)
    bench = Bench(Basis.PEOPLE, set_name or path.stem, taxonomy)
    passed_over: Counter[str] = Counter({"not judged yet": found.unjudged})
    for dimension, subjects in votes.items():
        for subject, said in subjects.items():
            answer = _majority(list(said.values()))
            reading = readings.get(subject)
            if answer is None:
                passed_over["people disagree"] += 1
            elif reading is None:
                passed_over["not read yet"] += 1
            else:
                bench.add(dimension, reading, answer)
    measures = [*bench.measures(), *_between(bench, votes)]
    keep(database, principal, principal.scope, measures, set=bench.set_name, file=path.name)
    remarks = tuple(f"{n} judgements left out: {why}" for why, n in passed_over.items() if n)
    return Measured(tuple(measures), len({subject for each in votes.values() for subject in each}), remarks)


def sheet_to_judge(
    database: Database,
    principal: Principal,
    dimensions: Sequence[str],
    *,
    size: int,
    seed: int,
    brandspace: str = ALL_BRANDS,
    brands: Sequence[str] = (),
) -> bytes:
    """A CSV of texts from every brand and language to fill in, without what the machine says of them.

    ``brands`` (in any spelling) leaves those alone of the brandspace. Raises NotFoundError, for having no text, too.
    """
    require(principal, Permission.READ)
    with database.reader(principal) as connection:
        members = _members(connection, principal, brandspace, brands)
        sample = stratified(connection, size=size, seed=seed, brands=members)
    if not sample:
        raise NotFoundError("no text of these brands is labelled yet: there is nothing to judge")
    return blank_sheet([(each.ad_id, each.text, each.cta, dimension) for each in sample for dimension in dimensions])


def _members(
    connection: Connection, principal: Principal, brandspace: str, brands: Sequence[str]
) -> Sequence[str] | None:
    """The slugs to sample from; None: every brand."""
    members = brandspace_slugs(connection, principal, brandspace)
    if not brands:
        return members
    named = [known_slug(connection, brand) for brand in brands]
    return [slug for slug in named if members is None or slug in members]


def _read(
    database: Database, principal: Principal, labeller: TextLabeller, judgements: Sequence[Judgement], file: str
) -> tuple[_Votes, dict[_Subject, StoredReading]]:
    """Who said what of which text, and what the machine says of it. Raises BadInputError."""
    votes: _Votes = defaultdict(lambda: defaultdict(dict))
    faults: list[tuple[int, str]] = []
    with database.reader(principal) as connection:
        for judgement in judgements:
            subject = _subject_of(connection, principal, judgement)
            if isinstance(subject, str):
                faults.append((judgement.line, subject))
            elif judgement.annotator in votes[judgement.dimension][subject]:
                faults.append((judgement.line, f"{judgement.annotator} has judged this text already, in another form"))
            else:
                votes[judgement.dimension][subject][judgement.annotator] = judgement.values
        if faults:
            raise faulty(file, faults)
        subjects = {subject for each in votes.values() for subject in each}
        readings = _stored(connection, subjects)
    new = [subject for subject in subjects if subject.scope == _NEW]
    return votes, readings | _read_now(labeller, new)


def _subject_of(connection: Connection, principal: Principal, judgement: Judgement) -> _Subject | str:
    """What was judged, or why that can't be told."""
    if judgement.ad_id:
        return _of_ad(connection, judgement)
    if is_visual(judgement.dimension):
        return "what a picture shows belongs to an ad: give its ad_id"
    cta = normalise_cta(judgement.cta)
    digest = text_hash(judgement.text)
    content_id = content_identity(digest, cta)
    for scope in (principal.scope, SHARED_SCOPE):
        if readings_by_id(connection, scope, [content_id]):
            return _Subject(scope, content_id)
    return _Subject(_NEW, content_id, judgement.text, cta)


def _of_ad(connection: Connection, judgement: Judgement) -> _Subject | str:
    said = said_by_ad(connection, judgement.ad_id)
    if not said:
        return f"there is no ad {judgement.ad_id[:40]!r}, or it isn't yours to see"
    if is_visual(judgement.dimension):
        cover = said[0].cover_sha256
        return _Subject(said[0].scope, cover) if cover else "this ad has no picture"
    digest = text_hash(judgement.text)
    chosen = next((each for each in said if digest in ("", each.text_hash)), None)
    if chosen is None:
        return "the ad doesn't say this text: leave one of the two out"
    return _Subject(chosen.scope, chosen.content_id) if chosen.content_id else "this ad has no text"


def _stored(connection: Connection, subjects: set[_Subject]) -> dict[_Subject, StoredReading]:
    """Only what is labelled: a text that waits has no answer yet."""
    by_scope: dict[str, list[str]] = defaultdict(list)
    for subject in subjects:
        by_scope[subject.scope].append(subject.content_id)
    found = [
        each for scope, ids in by_scope.items() if scope != _NEW for each in readings_by_id(connection, scope, ids)
    ]
    return {_Subject(each.scope, each.content_id): each for each in found if each.labels}


def _read_now(labeller: TextLabeller, subjects: Sequence[_Subject]) -> dict[_Subject, StoredReading]:
    """The labels that the local methods of today give to texts that aren't stored."""
    read = labeller.label([LabelInput(each.text, each.cta) for each in subjects])
    return {
        subject: StoredReading(
            _NEW, subject.content_id, "words", text_hash(subject.text), subject.text, subject.cta,
            tuple(
                StoredLabel(
                    each.dimension, each.value, each.confidence, each.outcome, each.provenance.method,
                    each.provenance.model, each.provenance.taxonomy_version,
                )
                for each in labels
            ),
        )
        for subject, labels in zip(subjects, read, strict=True)
    }  # fmt: skip


def _majority(answers: Sequence[Values]) -> Values | None:
    """What more than half of the annotators answer, whole; None where they disagree."""
    answer, times = Counter(answers).most_common(1)[0]
    return answer if 2 * times > len(answers) else None


def _between(bench: Bench, votes: _Votes) -> list[Measure]:
    """How far people agree: no machine can be expected to agree more with them."""
    found = []
    for dimension, subjects in votes.items():
        annotators = sorted({name for said in subjects.values() for name in said})
        if len(annotators) > 1:
            readings = [[said.get(name) for said in subjects.values()] for name in annotators]
            estimate = between_annotators(readings, several=has_several(bench.taxonomy, dimension))
            occasion = Occasion(Basis.PEOPLE, bench.set_name, bench.taxonomy.version, "people")
            details = {"annotators": len(annotators)}
            found.append(occasion.measure(dimension, None, Statistic.BETWEEN_PEOPLE, estimate, **details))
    return found
