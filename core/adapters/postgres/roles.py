"""Roles and databases of a cluster. Only migration commands, ``up`` and tests come here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import URL, make_url

from core.adapters.postgres.engine import DatabaseUrls
from core.errors import BadInputError
from core.ports import SecretStore

OWNER, APP, WORKER, OPERATOR = "adology_owner", "adology_app", "adology_worker", "adology_operator"
ROLES = (OWNER, APP, WORKER, OPERATOR)


@dataclass(frozen=True, slots=True)
class Cluster:
    """A PostgreSQL server with our roles: URLs for each of them in one database."""

    owner: URL
    urls: DatabaseUrls


def prepare_cluster(admin_url: str, database: str, secrets: SecretStore) -> Cluster:
    """Create the roles and the database where missing, as a role that may do both. Safe to repeat."""
    cluster = describe_cluster(admin_url, database, secrets)
    passwords = {role: secrets.get_or_create(_secret_name(role)) for role in ROLES}
    with _autocommit(make_url(admin_url)) as cursor:
        for role in ROLES:
            _create_role(cursor, role, passwords[role])
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
        if cursor.fetchone() is None:
            # A managed server's master is no superuser: it must be a member of the owner to give it a database.
            cursor.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER)))
            cursor.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*map(sql.Identifier, (database, OWNER))))
    return cluster


def describe_cluster(admin_url: str, database: str, secrets: SecretStore) -> Cluster:
    """The role URLs of a prepared cluster; connects to nothing."""
    admin = make_url(admin_url)

    def role_url(role: str) -> URL:
        return admin.set(username=role, password=secrets.get_or_create(_secret_name(role)), database=database)

    return Cluster(role_url(OWNER), DatabaseUrls(role_url(APP), role_url(WORKER), role_url(OPERATOR)))


def _secret_name(role: str) -> str:
    return f"database-password-{role.removeprefix('adology_')}"


def _create_role(cursor: psycopg2.extensions.cursor, role: str, password: str) -> None:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,))
    verb = "ALTER" if cursor.fetchone() else "CREATE"
    options = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE" if verb == "CREATE" else "LOGIN"
    statement = sql.SQL("{} ROLE {} {} PASSWORD {}")
    cursor.execute(statement.format(sql.SQL(verb), sql.Identifier(role), sql.SQL(options), sql.Literal(password)))


class _autocommit:  # noqa: N801 - reads as a statement
    """A psycopg2 cursor outside any transaction: CREATE DATABASE refuses to run inside one."""

    def __init__(self, url: URL) -> None:
        try:
            # Not as one URL: SQLAlchemy writes a space as "+", which libpq reads as a plus.
            arguments: dict[str, Any] = {**url.translate_connect_args(username="user", database="dbname"), **url.query}
            self._connection: psycopg2.extensions.connection = psycopg2.connect(**arguments)
        except psycopg2.OperationalError as error:
            reason = str(error).strip().splitlines()[0]
            raise BadInputError(f"PostgreSQL can't be reached with ADOLOGY_DATABASE_URL: {reason}") from None
        self._connection.autocommit = True

    def __enter__(self) -> psycopg2.extensions.cursor:
        return self._connection.cursor()

    def __exit__(self, *_: object) -> None:
        self._connection.close()
