"""Stored labels beside a second reading of the same texts in the same way. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from core.access.rights import require
from core.adapters.postgres.engine import Database
from core.adapters.postgres.stored_readings import StoredLabel, StoredReading, sampled_readings
from core.ai.labelling import LabelInput, TextLabeller
from core.ai.taxonomy import Taxonomy
from core.domain.label import Label, Outcome
from core.domain.principal import Permission, Principal
from core.domain.quality import Basis
from core.errors import NotFoundError
from core.measuring.judging import Bench, Measured, keep, labels_of

LOCAL_METHODS = frozenset({"declared", "rules", "prototypes", "language-detector"})


class Reader(Protocol):
    """Reads contents again, in one way."""

    @property
    def methods(self) -> frozenset[str]:
        """The methods in whose stead it reads."""
        ...

    def read(self, readings: Sequence[StoredReading]) -> Iterator[Sequence[Label]]:
        """The labels of each. Raises what keeps it from reading at all."""
        ...


class LocalReader:
    """Local heuristics."""

    methods = LOCAL_METHODS

    def __init__(self, labeller: TextLabeller) -> None:
        self._labeller = labeller

    def read(self, readings: Sequence[StoredReading]) -> Iterator[Sequence[Label]]:
        """All dimensions of words; nothing of pictures."""
        words = [each for each in readings if each.kind == "words"]
        read = self._labeller.label([LabelInput(each.text, each.cta) for each in words])
        found = dict(zip((each.content_id for each in words), read, strict=True))
        return (found.get(each.content_id, []) for each in readings)


def sample_of(
    database: Database, principal: Principal, reader: Reader, scope: str, *, size: int, seed: int
) -> list[StoredReading]:
    """What ``replay`` would read. Raises NotFoundError where nothing was read in this way."""
    require(principal, Permission.WRITE)
    with database.worker(scope) as connection:
        sample = sampled_readings(connection, scope, size=size, seed=seed, methods=sorted(reader.methods))
    if not sample:
        raise NotFoundError(f"no label was made by {', '.join(sorted(reader.methods))}: there is nothing to replay")
    return sample


def replay(
    database: Database, principal: Principal, taxonomy: Taxonomy, reader: Reader, scope: str, *, size: int, seed: int
) -> Measured:
    """Read a random sample of the scope's contents again and keep how far both readings agree.

    Labels made in another way (method, model, prompt, taxonomy) are passed over. Raises NotFoundError where none is
    left, and what the reader raises; then nothing is kept.
    """
    sample = sample_of(database, principal, reader, scope, size=size, seed=seed)
    bench = Bench(Basis.REPLAY, f"random sample, seed {seed}", taxonomy)
    passed_over: Counter[str] = Counter()
    for reading, again in zip(sample, reader.read(sample), strict=True):
        for dimension in sorted({label.dimension for label in again}):
            answers = [label for label in again if label.dimension == dimension]
            if why := _why_not(labels_of(reading, dimension), answers):
                passed_over[f"{dimension}: {why}"] += 1
            else:
                bench.add(dimension, reading, (label.value for label in answers if label.outcome is Outcome.OK))
    if not bench.rows:
        raise NotFoundError("; ".join(passed_over) or "no answer came")
    measures = bench.measures()
    keep(database, principal, scope, measures, texts=len(sample))
    return Measured(tuple(measures), len(sample), tuple(f"{n} labels of {why}" for why, n in passed_over.items()))


def _why_not(stored: Sequence[StoredLabel], again: Sequence[Label]) -> str:
    """Why two readings can't be compared; "" if they can."""
    other = again[0].provenance
    for one in stored:
        if _family(one.method) != _family(other.method):
            return f"read by {one.method}"
        if one.taxonomy_version != other.taxonomy_version:
            return f"read with taxonomy {one.taxonomy_version}"
        if one.method not in LOCAL_METHODS and one.model != other.model:
            return f"read by {one.model}, not by {other.model}"
        if one.prompt_hash != (other.prompt_hash or ""):
            return "read with another prompt"
    return ""


def _family(method: str) -> str:
    """Which local method decides a text is itself an outcome of reading it."""
    return "local" if method in LOCAL_METHODS else method
