"""Who may read and write which table, asked of PostgreSQL itself under each of its roles.

All tests look at the same rows: what one of them writes ends with its transaction.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import URL, Connection, Table, create_engine, insert, pool, text
from sqlalchemy.exc import DBAPIError

from core.adapters.postgres import schema
from core.adapters.postgres.embedded import EmbeddedPostgres
from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import APP, OPERATOR, OWNER, ROLES, WORKER, Cluster, describe_cluster
from core.adapters.postgres.schema import metadata
from core.domain.principal import Principal
from core.ports import SecretStore
from tests.builders import AnAd, store, store_brand, store_request, store_scan
from tests.reused_database import ReusedDatabase

READ, WRITE, NOTHING = {"SELECT"}, {"SELECT", "INSERT", "UPDATE", "DELETE"}, set[str]()

SCOPED = {"brand", "brand_alias", "scan", "ad", "ad_version", "observation", "creative", "ad_media", "content", "label",
          "embedding", "document", "label_past", "image_reading", "label_quality", "variant"}  # fmt: skip
OF_ORGANISATIONS = {"brandspace", "brandspace_brand", "request", "event", "rejected_row", "request_run",
                    "idempotency_key", "webhook", "webhook_delivery", "export_file", "api_usage", "session",
                    "sign_in_link", "theme", "theme_member", "ai_budget"}  # fmt: skip
OF_THE_APP = {
    "user_account",
    "user_identity",
    "api_key",
    "label_overlay",
    "brand_overlay",
    "concept_split",
    "concept_merge",
}  # fmt: skip - no worker looks there
SPENT = {"ai_call", "ai_spending", "ai_reservation"}  # written by workers alone
MACHINERY = {"run_record", "run_item", "queue_message", "dead_letter", "registry_epoch", "heartbeat", "notice"}

# table → (what the app may do, what a worker may do); the operator may do nothing with any table.
RIGHTS = {
    **dict.fromkeys(SCOPED, (READ, WRITE)),
    **dict.fromkeys(OF_ORGANISATIONS, (WRITE, WRITE)),
    **dict.fromkeys(OF_THE_APP, (WRITE, NOTHING)),
    "audit": (READ | {"INSERT"}, {"INSERT"}),  # what was done stays written
    "frozen_comparison": (READ | {"INSERT", "DELETE"}, NOTHING),  # never changed
    "ai_call": (READ, READ | {"INSERT"}),  # what was spent stays written
    **dict.fromkeys(SPENT - {"ai_call"}, (READ, WRITE)),
    "operator": (NOTHING, NOTHING),
    **dict.fromkeys(MACHINERY, (NOTHING, WRITE)),
    "run": (READ, WRITE),
    "outbox": ({"INSERT"}, WRITE),
    "organisation": (READ, READ),
    "provenance": (READ, {"SELECT", "INSERT"}),
    "alembic_version": (READ, READ),
}
OPERATOR_FUNCTIONS = ["operator_dead_letters(5)", "operator_heartbeats()", "operator_notices(5)",
                      "operator_queue_depths()", "operator_runs(5)", "operator_organisations()", "operator_operators()",
                      "operator_add_organisation('new', 'New')",
                      "operator_set_operator('a@b.example', true)"]  # fmt: skip
DOORS = ["session_bearer", "api_key_bearer", "redeem_sign_in_link", "identity_bearer"]
_INSUFFICIENT_PRIVILEGE = "42501"


@contextmanager
def session(url: URL, scope: str | None = None) -> Iterator[Connection]:
    """A transaction of a role, with its scope set or not."""
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        if scope is not None:
            connection.execute(text("SELECT set_config('app.scope', :scope, true)"), {"scope": scope})
        yield connection


@pytest.fixture(scope="module")
def cluster(
    postgres_server: EmbeddedPostgres, database_secrets: SecretStore, reused_database: ReusedDatabase
) -> Iterator[Cluster]:
    """As everywhere, but one for all tests of this file."""
    yield describe_cluster(postgres_server.url, reused_database.provide(), database_secrets)
    reused_database.restore()


@pytest.fixture(scope="module")
def tenants(cluster: Cluster) -> Iterator[Database]:
    """A row of each scope in every scoped table, and of each organisation in every table of organisations."""
    database = Database(cluster.urls)
    _store_tenants(database, cluster)
    before = _rows(cluster)
    yield database
    database.dispose()
    assert _rows(cluster) == before, "a test left something to the others"


def _rows(cluster: Cluster) -> dict[str, int]:
    """How many each table has."""
    with session(cluster.owner) as connection:
        return {
            name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in metadata.tables
        }


def _store_tenants(database: Database, cluster: Cluster) -> None:
    for scope in ("shared", "ours", "theirs"):
        item = AnAd("1", "acme", scope, account=scope, copy=f"{scope} words", labels={"hook": ("x",)}, sha256=scope * 8)
        store(database, item)
        store_scan(database, item.first_seen, scope=scope, account=scope, shows=[item])
        store_brand(database, "acme", scope=scope, aliases={scope: scope})
        vector = {"scope": scope, "subject": "s", "model": "m", "dimension": 1, "normalised": True, "vector": b"0000"}
        with database.worker(scope) as connection:
            connection.execute(insert(schema.embedding).values(vector))
            connection.execute(insert(schema.document).values(scope=scope, collection="c", document_id="d", body={}))
            connection.execute(insert(schema.run).values(_run(scope)))
            _store_readings(connection, scope)
    for organisation in ("ours", "theirs"):
        store_request(database, organisation, organisation_id=organisation, rejected=1)
        _store_rest_of(database, organisation)
        _store_customer(cluster, organisation)
    _store_correction(cluster, "theirs")


def _run(scope: str) -> dict[str, object]:
    return {
        "batch_id": scope,
        "scope": scope,
        "brand_slug": "acme",
        "state": "open",
        "expected_count": 0,
        "gather_key": scope,
    }


def _store_readings(connection: Connection, scope: str) -> None:
    provenance_id = connection.execute(text("SELECT provenance_id FROM provenance LIMIT 1")).scalar_one()
    past = {"content_id": "c", "dimension": "hook", "value": "x", "confidence": 1, "outcome": "ok", "modality": "text",
            "provenance_id": provenance_id, "created_at": datetime(2026, 1, 1, tzinfo=UTC)}  # fmt: skip
    measured = {"dimension": "hook", "basis": "rules", "set_name": "s", "statistic": "kappa", "n": 1,
                "taxonomy_version": "v", "method": "m"}  # fmt: skip
    rows: list[tuple[Table, dict[str, object]]] = [
        (schema.label_past, past),
        (schema.image_reading, {"sha256": "s"}),
        (schema.label_quality, measured),
        (schema.variant, {"variant_id": "v", "brand_slug": "acme", "concept_id": "v", "joined_by": "itself"}),
    ]
    for table, row in rows:
        connection.execute(insert(table).values(row | {"scope": scope}))


def _store_rest_of(database: Database, organisation: str) -> None:
    owner = {"organisation_id": organisation}
    with database.machinery() as connection:
        connection.execute(insert(schema.brandspace).values(owner | {"brandspace_id": organisation, "name": "n"}))
        member = {"brandspace_id": organisation, "slug": "acme", "role": "primary"}
        connection.execute(insert(schema.brandspace_brand).values(owner | member))
        connection.execute(
            insert(schema.request_run).values(owner | {"request_id": organisation, "batch_id": organisation})
        )


def _store_customer(cluster: Cluster, organisation: str) -> None:
    owner, user = {"organisation_id": organisation}, {"organisation_id": organisation, "user_id": organisation}
    until = {"expires_at": datetime(2030, 1, 1, tzinfo=UTC)}
    overlay = owner | {"corrected_by": "x"}
    rows: list[tuple[Table, dict[str, object]]] = [
        (schema.organisation, owner | {"name": organisation}),
        (schema.user_account, user | {"email": f"a@{organisation}.example", "role": "owner"}),
        (schema.user_identity, user | {"issuer": "i", "subject": organisation}),
        (schema.sign_in_link, user | until | {"token_hash": organisation}),
        (schema.session, user | until | {"session_id": organisation, "token_hash": organisation}
         | {"opened_by": "link", "user_agent": ""}),
        (schema.api_key, owner | {"key_id": organisation, "name": "k", "secret_hash": organisation, "created_by": "x"}),
        (schema.audit, owner | {"actor": "x", "action": "a", "subject": "s"}),
        (schema.label_overlay, overlay | {"scope": "shared", "content_id": "c", "dimension": "hook"}),
        (schema.brand_overlay, overlay | {"slug": "acme", "display_name": "A"}),
        (schema.idempotency_key, owner | {"actor": "x", "key": "k", "fingerprint": "f", "status": 1, "answer": b""}),
        (schema.webhook, owner | {"webhook_id": organisation, "url": "https://x.example", "created_by": "x"}),
        (schema.webhook_delivery, owner | {"webhook_id": organisation}),
        (schema.export_file, owner | until | {"request_id": organisation, "sha256": "s"}),
        (schema.concept_split, overlay | {"scope": "shared", "variant_id": "v", "concept_id": "c"}),
        (schema.concept_merge, overlay | {"concept_id": "c", "merged_into": "d", "into_concept_id": "d"}),
        (schema.theme, owner | {"theme_id": organisation, "brandspace_id": organisation, "name": "t", "model": "m",
                                "centre": b""}),
        (schema.theme_member, owner | {"brandspace_id": organisation, "scope": "shared", "content_id": "c",
                                       "theme_id": organisation, "cosine": 1}),
        (schema.frozen_comparison, owner | {"frozen_id": organisation, "name": "f", "data_version": "d",
                                            "code_version": "c", "body": b"", "created_by": "x"}),
        (schema.ai_call, owner | {"scope": "shared", "method": "m", "provider": "p", "model": "m", "outcome": "ok",
                                  "prices": "d", "seconds": 1}),
        (schema.ai_budget, owner | {"usd_per_day": 1, "set_by": "x"}),
        (schema.ai_spending, owner | {"day": date(2026, 1, 1)}),
        (schema.ai_reservation, owner | {"reservation_id": organisation, "day": date(2026, 1, 1), "most_usd": 1}),
        (schema.api_usage, owner | {"minute": datetime(2026, 1, 1, tzinfo=UTC), "requests": 1, "total_ms": 1.0}),
    ]  # fmt: skip
    with session(cluster.owner) as connection:
        for table, row in rows:
            connection.execute(insert(table).values(row))
        connection.commit()


def _store_correction(cluster: Cluster, organisation: str) -> None:
    """Of what everybody sees."""
    everybodys = AnAd("1", "acme", "shared", account="shared", copy="shared words")
    correction = {"organisation_id": organisation, "scope": "shared", "content_id": everybodys.content_id,
                  "dimension": "hook", "values": [f"{organisation} alone"], "corrected_by": "x"}  # fmt: skip
    with session(cluster.owner) as connection:
        connection.execute(insert(schema.label_overlay).values(correction))
        connection.commit()


def seen(url: URL, table: Table, column: str, scope: str | None) -> set[str]:
    with session(url, scope) as connection:
        return set(connection.execute(text(f'SELECT {column} FROM "{table.name}"')).scalars())


def refused(connection: Connection, statement: str) -> bool:
    """Whether PostgreSQL refuses it for want of rights (or by a policy)."""
    try:
        with connection.begin_nested():
            connection.execute(text(statement))
    except DBAPIError as error:
        if getattr(error.orig, "pgcode", None) != _INSUFFICIENT_PRIVILEGE:
            raise
        return True
    return False


# --- the catalog: nothing new can be forgotten --------------------------------------------------------


def test_every_table_has_its_rights_written_here(cluster: Cluster) -> None:
    with session(cluster.owner) as connection:
        tables = set(connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())

    assert tables == set(RIGHTS)
    assert tables == {*metadata.tables, "alembic_version"}


@pytest.mark.parametrize("table", sorted(RIGHTS))
def test_each_role_has_these_rights_and_no_other(cluster: Cluster, table: str) -> None:
    every = ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"]
    statement = text("SELECT privilege FROM unnest(CAST(:every AS text[])) privilege"
                     " WHERE has_table_privilege(:role, :table, privilege)")  # fmt: skip
    with session(cluster.owner) as connection:
        rights = {
            role: set(connection.execute(statement, {"every": every, "role": role, "table": table}).scalars())
            for role in (APP, WORKER, OPERATOR)
        }

    app, worker = RIGHTS[table]
    assert rights == {APP: app, WORKER: worker, OPERATOR: set()}


def test_every_table_of_tenants_that_the_app_reads_forces_row_security(cluster: Cluster) -> None:
    tenanted = text(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AS forced FROM pg_class c"
        " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace"
        " AND has_table_privilege(:app, c.oid, 'SELECT') AND EXISTS (SELECT 1 FROM pg_attribute a"
        " WHERE a.attrelid = c.oid AND a.attname IN ('scope', 'organisation_id') AND NOT a.attisdropped)"
    )
    with session(cluster.owner) as connection:
        forced = {row.relname: row.forced for row in connection.execute(tenanted, {"app": APP})}

    assert set(forced) == SCOPED | OF_ORGANISATIONS | OF_THE_APP | SPENT | {
        "audit", "frozen_comparison", "organisation", "run"}  # fmt: skip
    assert all(forced.values()), forced


def test_no_view_shows_what_its_owner_sees(cluster: Cluster) -> None:
    views = text(
        "SELECT relname, relkind, coalesce(reloptions::text, '') AS options FROM pg_class"
        " WHERE relkind IN ('v', 'm') AND relnamespace = 'public'::regnamespace ORDER BY relname"
    )
    with session(cluster.owner) as connection:
        found = connection.execute(views).all()

    assert [view.relname for view in found] == ["request_brandspace", "seen_label"]
    assert all(view.relkind == "v" and "security_invoker=true" in view.options for view in found)


def test_no_role_stands_above_the_rules(cluster: Cluster) -> None:
    statement = text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:roles) AND NOT"
                     " (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)")  # fmt: skip
    members = text(
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = ANY(:roles)"
    )
    with session(cluster.owner) as connection:
        assert set(connection.execute(statement, {"roles": list(ROLES)}).scalars()) == set(ROLES)
        assert connection.execute(members, {"roles": list(ROLES)}).scalar_one() == 0


def test_only_the_owner_owns(cluster: Cluster) -> None:
    with session(cluster.owner) as connection:
        owners = connection.execute(
            text("SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                 " AND relkind IN ('r', 'S', 'v', 'm')")
        ).scalars().all()  # fmt: skip

    assert owners == [OWNER]


def test_functions_that_run_as_their_owner_name_their_search_path(cluster: Cluster) -> None:
    """And nobody but the roles named may call them."""
    statement = text(
        "SELECT p.proname, p.proconfig::text AS config, has_function_privilege(:app, p.oid, 'EXECUTE') AS app,"
        " has_function_privilege(:worker, p.oid, 'EXECUTE') AS worker,"
        " has_function_privilege(:operator, p.oid, 'EXECUTE') AS operator"
        " FROM pg_proc p WHERE p.prosecdef AND p.pronamespace = 'public'::regnamespace"
    )
    with session(cluster.owner) as connection:
        found = connection.execute(statement, {"app": APP, "worker": WORKER, "operator": OPERATOR}).all()

    assert all("search_path=public, pg_temp" in row.config for row in found)
    callers = {row.proname: (row.app, row.worker, row.operator) for row in found}
    operators = {name.partition("(")[0]: (False, False, True) for name in OPERATOR_FUNCTIONS}
    doors = dict.fromkeys([*DOORS, "is_operators_account", "content_containing"], (True, False, False))
    workers = dict.fromkeys(["analysed_brands", "carry_splits"], (False, True, False))
    assert callers == operators | doors | workers | {"order_event": (False, False, False)}  # a trigger calls that


@pytest.mark.parametrize("role", ["app", "worker", "operator"])
def test_no_role_makes_tables(cluster: Cluster, role: str) -> None:
    with session(getattr(cluster.urls, role)) as connection:
        assert refused(connection, "CREATE TABLE loot (x int)")
        assert refused(connection, "ALTER TABLE ad DISABLE ROW LEVEL SECURITY")
        assert refused(connection, "SET ROLE adology_owner")


# --- rows: who sees what ------------------------------------------------------------------------------


@pytest.mark.parametrize("table", sorted(SCOPED | {"run"}))
def test_the_app_sees_what_is_shared_and_its_own(tenants: Database, cluster: Cluster, table: str) -> None:
    of = metadata.tables[table]

    assert seen(cluster.urls.app, of, "scope", "ours") == {"shared", "ours"}
    assert seen(cluster.urls.app, of, "scope", None) == set()
    assert seen(cluster.urls.app, of, "scope", "") == set()
    assert seen(cluster.urls.app, of, "scope", "strangers") == {"shared"}


@pytest.mark.parametrize(
    "table", sorted(OF_ORGANISATIONS | OF_THE_APP | SPENT | {"audit", "frozen_comparison", "organisation"})
)
def test_the_app_sees_its_own_organisations_rows_only(tenants: Database, cluster: Cluster, table: str) -> None:
    of = metadata.tables[table]

    assert seen(cluster.urls.app, of, "organisation_id", "ours") == {"ours"}
    assert seen(cluster.urls.app, of, "organisation_id", None) == set()
    assert seen(cluster.urls.app, of, "organisation_id", "shared") == set()


@pytest.mark.parametrize("table", sorted(OF_ORGANISATIONS | {"organisation"}))
def test_workers_serve_every_organisation(tenants: Database, cluster: Cluster, table: str) -> None:
    assert seen(cluster.urls.worker, metadata.tables[table], "organisation_id", None) >= {"ours", "theirs"}


@pytest.mark.parametrize("table", sorted(SCOPED))
def test_the_app_writes_no_ads(tenants: Database, cluster: Cluster, table: str) -> None:
    with session(cluster.urls.app, "ours") as connection:
        for statement in (
            f"DELETE FROM {table}",
            f"UPDATE {table} SET scope = 'ours'",
            f"INSERT INTO {table} DEFAULT VALUES",
        ):
            assert refused(connection, statement)


@pytest.mark.parametrize("table", sorted(OF_ORGANISATIONS | OF_THE_APP))
def test_the_app_writes_for_its_own_organisation_only(tenants: Database, cluster: Cluster, table: str) -> None:
    with session(cluster.urls.app, "ours") as connection:
        assert refused(connection, f"UPDATE {table} SET organisation_id = 'theirs'")
        connection.execute(text(f"UPDATE {table} SET organisation_id = organisation_id"))  # touches its own
        deleted = connection.execute(text(f"DELETE FROM {table} WHERE organisation_id = 'theirs'")).rowcount

    assert deleted == 0


def test_the_app_queues_work_and_reads_none(tenants: Database, cluster: Cluster) -> None:
    with session(cluster.urls.app, "ours") as connection:
        connection.execute(text("INSERT INTO outbox (queue, body) VALUES ('q', 'b')"))
        for statement in ("SELECT * FROM outbox", "DELETE FROM outbox", "SELECT * FROM queue_message"):
            assert refused(connection, statement)


@pytest.mark.parametrize("table", sorted(SCOPED))
def test_a_worker_reads_what_is_shared_and_writes_its_scope_only(
    tenants: Database, cluster: Cluster, table: str
) -> None:
    of = metadata.tables[table]
    assert seen(cluster.urls.worker, of, "scope", "ours") == {"shared", "ours"}
    assert seen(cluster.urls.worker, of, "scope", None) == set()

    with session(cluster.urls.worker, "ours") as connection:
        touched = connection.execute(text(f"UPDATE {table} SET scope = scope RETURNING scope")).scalars().all()
        assert set(touched) == {"ours"}
        assert refused(connection, f"UPDATE {table} SET scope = 'theirs'")
        assert connection.execute(text(f"DELETE FROM {table} WHERE scope <> 'ours'")).rowcount == 0


def test_splits_are_carried_for_every_organisation_within_the_workers_scope(
    tenants: Database, cluster: Cluster
) -> None:
    carried = {}
    for scope in ("shared", "ours", ""):  # both organisations have split v of what is shared
        with session(cluster.owner, scope) as connection:
            connection.execute(text("SELECT carry_splits(ARRAY['v', 'unknown'], ARRAY['w', 'x'])"))
            rows = connection.execute(text("SELECT * FROM concept_split WHERE variant_id <> 'v'"))
            carried[scope] = sorted((row.organisation_id, row.scope, row.variant_id, row.concept_id) for row in rows)

    assert carried == {"shared": [(each, "shared", "w", "c") for each in ("ours", "theirs")], "ours": [], "": []}


def test_a_worker_without_a_scope_writes_no_row(tenants: Database, cluster: Cluster) -> None:
    new = "INSERT INTO creative (scope, sha256, content_type, size_bytes) VALUES ('{}', 'new', 'image/png', 1)"

    with session(cluster.urls.worker) as connection:
        assert refused(connection, new.format("shared"))
        assert connection.execute(text("UPDATE creative SET size_bytes = 0")).rowcount == 0
    with session(cluster.urls.worker, "ours") as connection:
        assert refused(connection, new.format("shared"))
        assert not refused(connection, new.format("ours"))


@pytest.mark.parametrize("function", OPERATOR_FUNCTIONS)
def test_the_operator_calls_its_functions_and_nobody_else_does(cluster: Cluster, function: str) -> None:
    for url in (cluster.urls.app, cluster.urls.worker):
        with session(url, "ours") as connection:
            assert refused(connection, f"SELECT * FROM {function}")
    with session(cluster.urls.operator) as connection:
        assert not refused(connection, f"SELECT * FROM {function}")


def test_the_operator_sees_figures_of_all_tenants_and_no_content(tenants: Database, cluster: Cluster) -> None:
    with session(cluster.urls.operator) as connection:
        assert set(connection.execute(text("SELECT scope FROM operator_runs(9)")).scalars()) == {
            "shared",
            "ours",
            "theirs",
        }
        for table in RIGHTS:
            assert refused(connection, f'SELECT * FROM "{table}"')
        assert refused(connection, "SELECT * FROM content_containing(ARRAY['%words%'])")


def test_a_scope_ends_with_its_transaction(tenants: Database) -> None:
    """A pooled connection carries nothing over to the next who gets it."""
    with tenants.worker("theirs") as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

    with tenants.machinery() as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == backend
        assert connection.execute(text("SELECT count(*) FROM ad")).scalar_one() == 0


def test_a_reader_writes_nothing(tenants: Database) -> None:
    with pytest.raises(DBAPIError, match="read-only"), tenants.reader(Principal("ours")) as connection:
        connection.execute(text("DELETE FROM request"))


# --- with nothing forgotten: every table, every door, every connection --------------------------------


def test_without_a_scope_the_app_sees_no_row_of_any_table(tenants: Database, cluster: Cluster) -> None:
    """But for what says which version of the schema this is, and how labels were made."""
    readable = text(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm')"
        " AND relnamespace = 'public'::regnamespace AND has_table_privilege(oid, 'SELECT')"
    )
    for scope in (None, ""):
        with session(cluster.urls.app, scope) as connection:
            rows = {
                name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one()
                for name in connection.execute(readable).scalars().all()
            }
        assert {name for name, count in rows.items() if count} == {"alembic_version", "provenance"}, scope
        assert {"seen_label", "request_brandspace", "ad", "session"} <= set(rows)


def test_the_labels_that_are_seen_are_those_of_shared_and_own_contents(tenants: Database, cluster: Cluster) -> None:
    """An organisation's corrections show to it alone."""
    statement = text("SELECT DISTINCT scope, value FROM seen_label WHERE dimension = 'hook'")
    seen_by = {}
    for scope in ("ours", "theirs"):
        with session(cluster.urls.app, scope) as connection:
            seen_by[scope] = {(row.scope, row.value) for row in connection.execute(statement)}

    assert seen_by["ours"] >= {("shared", "x"), ("ours", "x")}
    assert ("theirs", "x") not in seen_by["ours"]
    assert ("shared", "theirs alone") in seen_by["theirs"] - seen_by["ours"]
    assert ("shared", "x") not in seen_by["theirs"]


@pytest.mark.parametrize("scope", [None, "ours"])
def test_a_door_opens_to_the_right_hash_only(tenants: Database, cluster: Cluster, scope: str | None) -> None:
    """Neither to nothing, nor to a pattern, nor to a part of it; and whoever comes in gets no more than himself."""
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    knock = "SELECT organisation_id FROM {}(:hash, :moment)"
    with session(cluster.urls.app, scope) as connection:
        for door in ("session_bearer", "api_key_bearer", "redeem_sign_in_link"):
            for wrong in (None, "", "%", "their", "Theirs", "theirs "):
                found = connection.execute(text(knock.format(door)), {"hash": wrong, "moment": moment}).all()
                assert found == [], (door, wrong)
            right = connection.execute(text(knock.format(door)), {"hash": "theirs", "moment": moment}).scalars().all()
            assert right == ["theirs"], door
        who = text("SELECT organisation_id FROM identity_bearer(:issuer, :subject, :email, :moment)")
        for issuer, subject in (("i", "%"), ("", "theirs"), ("j", "theirs"), (None, None)):
            asked = {"issuer": issuer, "subject": subject, "email": "nobody@theirs.example", "moment": moment}
            assert connection.execute(who, asked).all() == []


@pytest.mark.parametrize("role", ["app", "worker", "operator"])
def test_no_table_of_ones_own_stands_before_ours(cluster: Cluster, role: str) -> None:
    """A temporary table hides ours from its maker, never from what runs as the owner: there it comes last."""
    with session(getattr(cluster.urls, role)) as connection:
        made = not refused(connection, "CREATE TEMP TABLE api_key (key_id text, organisation_id text)")
        assert refused(
            connection, "CREATE FUNCTION public.current_scope() RETURNS text LANGUAGE sql AS $$ SELECT 'x' $$"
        )
        if made and role == "app":
            given = {"moment": datetime(2026, 5, 1, tzinfo=UTC)}
            assert connection.execute(text("SELECT * FROM api_key_bearer('x', :moment)"), given).all() == []


def test_connections_that_read_are_read_only_and_carry_no_scope_on(tenants: Database, cluster: Cluster) -> None:
    """Two hundred calls of two organisations, of which some fail, over the three connections of a small pool."""
    few = Database(cluster.urls, pool_size=3)
    backends = set()

    def call(number: int) -> tuple[str, set[str]]:
        mine = ("ours", "theirs", "nobody")[number % 3]
        if mine == "nobody":
            with few.reading_engine.begin() as connection:  # as it comes from the pool
                assert connection.execute(text("SHOW transaction_read_only")).scalar_one() == "on"
                return mine, set(connection.execute(text("SELECT scope FROM ad")).scalars())
        with suppress(ZeroDivisionError), few.reader(Principal(mine)) as connection:
            backends.add(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
            if number % 7 == 0:
                raise ZeroDivisionError
            scopes = set(connection.execute(text("SELECT scope FROM ad")).scalars())
            scopes |= set(connection.execute(text("SELECT organisation_id FROM request")).scalars())
            return mine, scopes
        return mine, set()

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(call, range(200)))
    few.dispose()

    assert {mine: set().union(*(seen for who, seen in answers if who == mine)) for mine, _ in answers} == {
        "ours": {"shared", "ours"},
        "theirs": {"shared", "theirs"},
        "nobody": set(),
    }
    assert 1 <= len(backends) <= 6


@pytest.mark.parametrize("way", ["reader", "snapshot"])
def test_what_reads_can_not_be_talked_into_writing(tenants: Database, way: str) -> None:
    ours = Principal("ours")
    with ExitStack() as stack:
        if way == "snapshot":
            stack.enter_context(tenants.snapshot(ours))
        connection = stack.enter_context(tenants.reader(ours))
        for statement in ("SET TRANSACTION READ WRITE", "DELETE FROM request"):
            with pytest.raises(DBAPIError, match=r"read-only|read-write"), connection.begin_nested():
                connection.execute(text(statement))
