"""The migrations make what the models describe, and a second time makes nothing."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import psycopg2
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, pool, text

from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.roles import Cluster, prepare_cluster
from core.adapters.postgres.schema import metadata
from core.migrations import alembic_config, migrate
from core.ports import SecretStore

NAME = "test_migrations"


@pytest.fixture
def empty(postgres_server: EmbeddedPostgres, database_secrets: SecretStore) -> Iterator[Cluster]:
    """A database nobody has migrated."""
    yield prepare_cluster(postgres_server.url, NAME, database_secrets)
    server = psycopg2.connect(host=str(postgres_server.socket_folder), user="postgres", dbname="postgres")
    server.autocommit = True
    server.cursor().execute(f"DROP DATABASE {NAME} WITH (FORCE)")
    server.close()


@pytest.fixture
def as_owner(empty: Cluster) -> Iterator[Connection]:
    engine = create_engine(empty.owner, poolclass=pool.NullPool)
    with engine.connect() as connection:
        yield connection


def fingerprint(connection: Connection) -> object:
    """Every relation, column, index, policy and grant with the identity PostgreSQL gave it."""
    relations = (
        "SELECT oid, relname, relacl::text, xmin::text FROM pg_class WHERE relkind IN ('r', 'i', 'S') ORDER BY oid"
    )
    policies = "SELECT oid, polname, xmin::text FROM pg_policy ORDER BY oid"
    found = [connection.execute(text(query)).all() for query in (relations, policies)]
    connection.rollback()
    return found


def test_an_empty_database_becomes_what_the_models_describe(empty: Cluster, as_owner: Connection) -> None:
    migrate(empty.owner)

    context = MigrationContext.configure(as_owner, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, metadata) == []


def test_a_difference_would_be_found(empty: Cluster, as_owner: Connection) -> None:
    """The comparison sees columns, types, defaults and indexes."""
    migrate(empty.owner)
    for change in (
        "ALTER TABLE notice ADD extra text",
        "ALTER TABLE run ALTER fence TYPE integer",
        "ALTER TABLE brand ALTER state SET DEFAULT 'else'",
        "DROP INDEX ix_ad_content",
        "ALTER TABLE event ALTER request_id DROP NOT NULL",
    ):
        as_owner.execute(text(change))

    context = MigrationContext.configure(as_owner, opts={"compare_type": True, "compare_server_default": True})
    assert len(compare_metadata(context, metadata)) == 5
    as_owner.rollback()


def test_unique_active_run_and_search_index_are_as_declared(empty: Cluster, as_owner: Connection) -> None:
    """Their conditions and methods, which the comparison doesn't see."""
    migrate(empty.owner)

    indexes = {
        row.indexname: row.indexdef
        for row in as_owner.execute(text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"))
    }
    assert indexes["uq_run_active"].startswith(
        "CREATE UNIQUE INDEX uq_run_active ON public.run USING btree (scope, brand_slug)"
    )
    assert all(state in indexes["uq_run_active"].partition("WHERE")[2] for state in ("'open'", "'committing'"))
    assert "USING gin (text gin_trgm_ops)" in indexes["ix_content_search"]


def test_migrating_again_changes_nothing(empty: Cluster, as_owner: Connection) -> None:
    migrate(empty.owner)
    before = fingerprint(as_owner)

    migrate(empty.owner)

    assert fingerprint(as_owner) == before


def test_preparing_again_keeps_roles_and_passwords(
    empty: Cluster, postgres_server: EmbeddedPostgres, database_secrets: SecretStore
) -> None:
    migrate(empty.owner)

    assert prepare_cluster(postgres_server.url, NAME, database_secrets) == empty


def test_two_who_migrate_at_once_wait_for_each_other(empty: Cluster, as_owner: Connection) -> None:
    processes = [multiprocessing.get_context("spawn").Process(target=migrate, args=(empty.owner,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert [process.exitcode for process in processes] == [0, 0]
    heads = ScriptDirectory.from_config(alembic_config(empty.owner)).get_heads()
    assert as_owner.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == heads
    assert len(heads) == 1
