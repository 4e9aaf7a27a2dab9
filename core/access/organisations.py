"""Customers and operators. Operators only, and they stand at the command line: nothing here is reachable over HTTP."""

from __future__ import annotations

import re

from core.access.users import normalised_email
from core.adapters.postgres import access_store as store
from core.adapters.postgres.engine import Database
from core.domain.principal import SHARED_SCOPE
from core.errors import BadInputError, ConflictError

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


def add_organisation(database: Database, organisation_id: str, name: str) -> None:
    """A new customer. Raises BadInputError, and ConflictError for an id that is taken."""
    if not _ID.fullmatch(organisation_id) or organisation_id == SHARED_SCOPE:
        raise BadInputError("the id of an organisation: up to 40 of a-z, 0-9 and -, and not 'shared'")
    with database.operator(writes=True) as connection:
        if not store.add_organisation(connection, organisation_id=organisation_id, name=name):
            raise ConflictError(f"there is an organisation {organisation_id!r} already")


def name_operator(database: Database, email: str, *, is_operator: bool) -> None:
    """Whether the user of this address sees figures over all organisations."""
    with database.operator(writes=True) as connection:
        store.set_operator(connection, email=normalised_email(email), is_operator=is_operator)
