"""Customers and operators, for operators at the command line: only ``organisation_name`` is of use to anybody else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from core.access.users import normalised_email
from core.adapters.postgres import access_store as store
from core.adapters.postgres.engine import Database
from core.domain.principal import SHARED_SCOPE, Principal
from core.errors import BadInputError, ConflictError, NotFoundError

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def add_organisation(database: Database, organisation_id: str, name: str) -> None:
    """A new customer. Raises BadInputError, and ConflictError for an id that is taken."""
    if not _ID.fullmatch(organisation_id) or organisation_id == SHARED_SCOPE:
        raise BadInputError("the id of an organisation: up to 40 of a-z, 0-9 and -, and not 'shared'")
    with database.operator(writes=True) as connection:
        if not store.add_organisation(connection, organisation_id=organisation_id, name=name):
            raise ConflictError(f"there is an organisation {organisation_id!r} already")


def name_operator(database: Database, email: str, *, is_operator: bool) -> None:
    """Whether the user of this address sees figures over all organisations. Raises NotFoundError without a user."""
    address = normalised_email(email)
    with database.operator(writes=True) as connection:
        if not store.set_operator(connection, email=address, is_operator=is_operator):
            raise NotFoundError(f"no user has the address {address}: `./adology users invite {address}` first")


def list_organisations(database: Database) -> Sequence[store.AnyRow]:
    """Rows with organisation_id, name, users and brandspaces (how many), created_at."""
    with database.operator() as connection:
        return store.organisations(connection)


def list_operators(database: Database) -> Sequence[store.AnyRow]:
    """Rows with email, added_at."""
    with database.operator() as connection:
        return store.operators(connection)


def organisation_name(database: Database, principal: Principal) -> str:
    """What the principal's organisation is called. Raises NotFoundError."""
    with database.reader(principal) as connection:
        name = store.organisation_name(connection, principal)
    if name is None:
        made_by = f"`./adology organisations add {principal.organisation_id}`"
        raise NotFoundError(f"there is no organisation {principal.organisation_id!r}: {made_by} makes it")
    return name


def command_line_principal(database: Database, organisation_id: str) -> Principal:
    """For whom the command line works. Raises BadInputError, and NotFoundError without such an organisation."""
    if not _ID.fullmatch(organisation_id) or organisation_id == SHARED_SCOPE:
        raise BadInputError(f"ADOLOGY_ORGANISATION={organisation_id}: that can't be the id of an organisation")
    principal = Principal(organisation_id)
    organisation_name(database, principal)
    return principal
