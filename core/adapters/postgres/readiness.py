"""Whether the database can serve this version of the code."""

from __future__ import annotations

from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import URL, text
from sqlalchemy.exc import DBAPIError

from core.adapters.postgres.engine import Database
from core.errors import RetryableError
from core.migrations import alembic_config


def database_problem(database: Database) -> str | None:
    """What is missing, in words for an operator; None when all is well."""
    try:
        with database.machinery() as connection:
            applied = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    except RetryableError as error:
        return str(error)
    except DBAPIError:
        return "the database has no schema: run `./adology migrate`"
    if not _serves(applied):
        return f"the database is at migration {applied}, this code needs {_newest_revision()}: run `./adology migrate`"
    return None


def _serves(applied: str | None) -> bool:
    """At our newest migration, or at one we don't know: a newer version of the code has migrated, and each of its
    migrations serves the version before it, so that a deploy needs no stop."""
    return applied is not None and (applied == _newest_revision() or applied not in _revisions())


@cache
def _newest_revision() -> str | None:
    return _scripts().get_current_head()


@cache
def _revisions() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config(URL.create("postgresql")))
