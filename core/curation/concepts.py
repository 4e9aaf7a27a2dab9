"""Concepts corrected by people: an overlay of their organisation, which no later scan and no other machine changes.

A split puts variants into a concept of their own, or into another one; a merge makes two concepts one. Both are taken
back by themselves: variants go back to where the machine has them, concepts fall apart as they were put together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from core.access.rights import require
from core.adapters.postgres import concept_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Connection, Database
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, ConflictError, NotFoundError
from core.queries.seen_concepts import SeenVariant, read_concept, read_merge

MAX_VARIANTS = 500  # of one split


@dataclass(frozen=True, slots=True)
class Corrected:
    """The concept that holds what was moved, and all the variants the organisation sees in it now."""

    concept_id: str
    variant_ids: tuple[str, ...]


def split_concept(
    database: Database, principal: Principal, concept_id: str, *, variant_ids: Sequence[str], into: str | None = None
) -> Corrected:
    """Take variants out of a concept, into a new one or ``into`` another of the same brand.

    Raises NotFoundError (concept), BadInputError for variants that aren't in it and for all of them into a new one,
    ConflictError for a concept of another brand or scope.
    """
    require(principal, Permission.WRITE)
    wanted = _distinct(variant_ids)
    with database.writer(principal) as connection:
        store.hold_concepts(connection, principal)
        variants = _concept(connection, concept_id)
        if set(wanted) - {variant.variant_id for variant in variants}:
            raise BadInputError("variants: name only variants of this concept, as it lists them")
        if into is None and len(wanted) == len(variants):
            raise BadInputError("variants: these are all of the concept's, and that is a concept already")
        target = uuid4().hex if into is None else into
        if into is not None:
            _check_alike(variants[0], _concept(connection, into), concept_id, into)
        scope = variants[0].scope
        store.put_split(connection, principal, scope=scope, variant_ids=wanted, concept_id=target)
        record(connection, principal, "concept.split", concept_id, scope=scope, variants=wanted, into=target)
        return _corrected(connection, target)


def merge_concepts(database: Database, principal: Principal, concept_id: str, *, into: str) -> Corrected:
    """Make a concept part of another of the same brand. Raises NotFoundError, BadInputError and ConflictError."""
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        store.hold_concepts(connection, principal)
        variants = _concept(connection, concept_id)
        _check_alike(variants[0], _concept(connection, into), concept_id, into)
        store.put_merge(connection, principal, concept_id=concept_id, into=into)
        record(connection, principal, "concept.merge", concept_id, into=into)
        return _corrected(connection, into)


def take_split_back(
    database: Database, principal: Principal, concept_id: str, *, variant_ids: Sequence[str]
) -> Corrected:
    """See variants of a concept where the machine has them; those that nobody had put there stay.

    Returns the concept with those that were put back: twice is none. Raises NotFoundError (concept) and BadInputError.
    """
    require(principal, Permission.WRITE)
    wanted = _distinct(variant_ids)
    with database.writer(principal) as connection:
        store.hold_concepts(connection, principal)
        here = {variant.variant_id for variant in _concept(connection, concept_id)}
        put_back = store.delete_split(connection, principal, [each for each in wanted if each in here])
        if put_back:
            record(connection, principal, "concept.split_back", concept_id, variants=put_back)
    return Corrected(concept_id, tuple(put_back))


def take_merge_back(database: Database, principal: Principal, concept_id: str) -> Corrected:
    """See a concept apart again that was merged, with what had been merged into it before.

    Raises NotFoundError for one that the organisation hasn't merged.
    """
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        store.hold_concepts(connection, principal)
        into = store.delete_merge(connection, principal, concept_id)
        if into is None:
            raise NotFoundError("your organisation hasn't merged this concept into another")
        record(connection, principal, "concept.merge_back", concept_id, into_before=into)
        return _corrected(connection, concept_id)


def _concept(connection: Connection, concept_id: str) -> tuple[SeenVariant, ...]:
    """Its variants, at least one. Raises NotFoundError saying where it went."""
    variants = read_concept(connection, concept_id)
    if not variants:
        into = read_merge(connection, concept_id)
        gone = "it isn't grouped yet, or it isn't yours to see"
        raise NotFoundError(f"there is no such concept: {f'it was merged into {into}' if into else gone}")
    return variants


def _check_alike(one: SeenVariant, others: Sequence[SeenVariant], concept_id: str, into: str) -> None:
    if concept_id == into:
        raise BadInputError("into: name another concept")
    if (one.scope, one.brand_slug) != (others[0].scope, others[0].brand_slug):
        raise ConflictError(
            "concepts belong to one brand, and private ads to their organisation: these two can't be one"
        )


def _corrected(connection: Connection, concept_id: str) -> Corrected:
    return Corrected(concept_id, tuple(variant.variant_id for variant in read_concept(connection, concept_id)))


def _distinct(variant_ids: Sequence[str]) -> list[str]:
    wanted = sorted(set(variant_ids))
    if not 1 <= len(wanted) <= MAX_VARIANTS:
        raise BadInputError(f"variants: name 1 to {MAX_VARIANTS}")
    return wanted
