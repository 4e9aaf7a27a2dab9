"""Frozen comparisons: an answer kept as the bytes it was, under an id made of the question, the data and the code.

The same question over the same data by the same code has the same id, whoever asks and whenever. Reopened, a frozen
comparison is read from where it is kept: new data, other labels or another taxonomy change nothing of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python
from sqlalchemy import func, select, tuple_

import core.ai
import core.insights
import core.queries
from core.adapters.postgres.engine import Database
from core.adapters.postgres.schema import brand, frozen_comparison
from core.ai.taxonomy import Taxonomy
from core.domain.principal import Principal
from core.errors import NotFoundError
from core.insights.launches import Period
from core.insights.voice import ShareOfVoice
from core.queries.brand_names import shown_name
from core.queries.comparison import Launches, launches
from core.queries.concepts import voices
from core.queries.coverage import Coverage, labelling_coverage
from core.queries.longevity import Survivals, survivals
from core.queries.pages import AnySelect, Page, checked_limit, decode_cursor, make_page, time_in
from core.queries.questions import BrandComparison, Question, compare_brands

_ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class FrozenView:
    """A frozen comparison without its answer. ``created_by`` as the audit trail names him."""

    frozen_id: str
    name: str
    brandspace_id: str | None
    question: Mapping[str, Any]
    data_version: str
    code_version: str
    created_by: str
    created_at: datetime
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be frozen: ``body`` is canonical JSON."""

    frozen_id: str
    question: Mapping[str, Any]
    data_version: str
    code_version: str
    body: bytes


@dataclass(frozen=True, slots=True)
class FrozenAnswer:
    """What a body holds, read again."""

    comparison: BrandComparison
    coverage: Coverage
    launches: Launches
    longevity: Survivals
    share_of_voice: ShareOfVoice
    brand_names: Mapping[str, str]


def answer(database: Database, principal: Principal, taxonomy: Taxonomy, question: Question) -> Answer:
    """Everything that the page shows for the question, as of one moment. Raises as ``compare_brands`` does."""
    asked = (database, principal, question.brandspace)
    with database.snapshot(principal):
        comparison = compare_brands(database, principal, taxonomy, question)
        told = {
            "coverage": labelling_coverage(*asked, question.filters, dimension=question.dimension),
            "launches": launches(*asked, Period.MONTH, question.filters),
            "longevity": survivals(*asked, question.filters, confidence=question.confidence),
            "share_of_voice": voices(*asked, question.filters),
            "brand_names": _names(database, principal, [item.brand for item in comparison.brands]),
        }
    asked_for = question.to_json()
    versions = {
        "data_version": _digest(canonical(_read(comparison, told))),
        "code_version": f"{code_version()}+{taxonomy.version}",
    }
    frozen_id = _digest(canonical([principal.organisation_id, asked_for, versions]))
    body = {"frozen_id": frozen_id, "question": asked_for, **versions, "comparison": comparison, **told}
    return Answer(frozen_id, asked_for, **versions, body=canonical(body))


def _read(comparison: BrandComparison, told: Mapping[str, Any]) -> dict[str, Any]:
    """What was read to answer, without what was computed from it."""
    cells = [
        [brand.brand, [[share.count, share.n] for share in brand.shares.values()], brand.pending, brand.without_text]
        for brand in comparison.brands
    ]
    curves = [
        [item.brand, item.scan_days, [[step.day, step.ended, step.still_seen] for step in item.survival.steps]]
        for item in told["longevity"].brands
    ]
    asked = [comparison.values, comparison.focal, comparison.below_bar, comparison.values_below_bar]
    return {**told, "longevity": curves, "cells": cells, "asked": asked}


def list_frozen(
    database: Database, principal: Principal, *, cursor: str | None = None, limit: int = 50
) -> Page[FrozenView]:
    """The organisation's, newest first. Raises BadInputError (cursor, limit)."""
    position = decode_cursor(cursor, "frozen", parts=2)
    table = frozen_comparison.c
    order = (table.created_at, table.frozen_id)
    statement = _views().where(table.organisation_id == principal.organisation_id)
    if position is not None:
        statement = statement.where(tuple_(*order) < (time_in(position[0]), position[1]))
    statement = statement.order_by(*(column.desc() for column in order)).limit(checked_limit(limit) + 1)
    with database.reader(principal) as connection:
        rows = connection.execute(statement.prefix_with("/* list_frozen */")).mappings()
        found = [FrozenView(**row) for row in rows]
    return make_page(found, limit, question="frozen", key=lambda item: (item.created_at.isoformat(), item.frozen_id))


def get_frozen(database: Database, principal: Principal, frozen_id: str) -> tuple[FrozenView, bytes]:
    """One, with the very bytes that were frozen. Raises NotFoundError."""
    table = frozen_comparison.c
    mine = (table.frozen_id == frozen_id, table.organisation_id == principal.organisation_id)
    statement = _views().add_columns(table.body).where(*mine).prefix_with("/* get_frozen */")
    with database.reader(principal) as connection:
        row = connection.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFoundError("there is no such frozen comparison, or it was deleted")
    values = dict(row)
    body = bytes(values.pop("body"))
    return FrozenView(**values), body


def read_body(body: bytes) -> FrozenAnswer | None:
    """None where another version of this program froze it in a form that this one doesn't know: the bytes stay."""
    try:
        return TypeAdapter(FrozenAnswer).validate_json(body)
    except ValidationError:
        return None


def canonical(value: Any) -> bytes:
    """JSON with one way to write everything: sorted names, no blanks, UTF-8."""
    plain = to_jsonable_python(value)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


@cache
def code_version() -> str:
    """A digest of what counts and computes: whoever changes a rule or a formula can't forget to say so."""
    digest = hashlib.sha256()
    for path in sources_of_answers():
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"statistics-{digest.hexdigest()[:8]}"


def sources_of_answers() -> Sequence[Path]:
    """The formulas, the rules of counting, and the bars of quality."""
    folders = (core.insights.__path__[0], core.queries.__path__[0])
    bars = Path(core.ai.__path__[0]).glob("quality*")
    return [*sorted(path for folder in folders for path in Path(folder).glob("*.py")), *sorted(bars)]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_ID_LENGTH]


def _names(database: Database, principal: Principal, slugs: Sequence[str]) -> dict[str, str]:
    """The names under which the organisation sees the brands now."""
    named = select(brand.c.slug, shown_name(brand.c.slug)).where(brand.c.slug.in_(slugs)).distinct()
    with database.reader(principal) as connection:
        rows = connection.execute(named.prefix_with("/* frozen_names */")).all()
    return {slug: slug for slug in slugs} | {slug: name for slug, name in rows}


def _views() -> AnySelect:
    table = frozen_comparison.c
    names = (
        "frozen_id",
        "name",
        "brandspace_id",
        "question",
        "data_version",
        "code_version",
        "created_by",
        "created_at",
    )
    return select(*(table[name] for name in names), func.length(table.body).label("size_bytes"))
