"""Freezing a comparison, and deleting a frozen one."""

from __future__ import annotations

import hashlib

from core.access.rights import require
from core.adapters.postgres import frozen_store as store
from core.adapters.postgres.audit_store import record
from core.adapters.postgres.engine import Database
from core.ai.taxonomy import Taxonomy
from core.domain.principal import Permission, Principal
from core.errors import BadInputError, NotFoundError
from core.queries.frozen import FrozenView, answer, get_frozen
from core.queries.questions import Question

MAX_NAME = 100


def freeze(
    database: Database, principal: Principal, taxonomy: Taxonomy, question: Question, *, name: str = ""
) -> FrozenView:
    """Keep the answer as it is now. The same answer frozen twice is one, under its first name.

    Raises NotFoundError (brandspace), BadInputError (dimension, name) and NotAllowedError.
    """
    require(principal, Permission.WRITE)
    title = " ".join(name.split()) or f"{question.dimension} of {question.brandspace}"
    if len(title) > MAX_NAME:
        raise BadInputError(f"name: at most {MAX_NAME} characters")
    found = answer(database, principal, taxonomy, question)
    with database.writer(principal) as connection:
        is_new = store.insert_frozen(
            connection,
            principal,
            frozen_id=found.frozen_id,
            brandspace_id=question.brandspace,
            name=title,
            question=found.question,
            data_version=found.data_version,
            code_version=found.code_version,
            body=found.body,
        )
        if is_new:
            sha256 = hashlib.sha256(found.body).hexdigest()  # in a trail that nobody can rewrite
            record(connection, principal, "comparison.freeze", found.frozen_id, name=title, sha256=sha256)
    return get_frozen(database, principal, found.frozen_id)[0]


def delete_frozen(database: Database, principal: Principal, frozen_id: str) -> None:
    """Its address leads nowhere from now on. Raises NotFoundError and NotAllowedError."""
    require(principal, Permission.WRITE)
    with database.writer(principal) as connection:
        if not store.delete_frozen(connection, principal, frozen_id):
            raise NotFoundError("there is no such frozen comparison, or it was deleted")
        record(connection, principal, "comparison.delete", frozen_id)
