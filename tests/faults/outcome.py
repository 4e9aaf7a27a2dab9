"""What an import leaves in the database: the record, and what is told about it, in a form that two runs share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import create_engine, text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.roles import Cluster
from core.messages import DEAD_LETTER_SUFFIX
from tests.running_system import MACHINERY

DEADLY = "deadly.png"

_BURY_IT = f"""
    CREATE FUNCTION bury_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.receive_count := 1;
        NEW.source_queue := regexp_replace(NEW.queue, '{DEAD_LETTER_SUFFIX}$', '');  -- a parked dead letter stays one
        NEW.queue := NEW.source_queue || '{DEAD_LETTER_SUFFIX}';
        RETURN NEW;
    END $$;
    CREATE TRIGGER bury_it BEFORE INSERT ON queue_message FOR EACH ROW
        WHEN (NEW.body LIKE '%{DEADLY}%') EXECUTE FUNCTION bury_it();
"""

_KEPT = frozenset({"alembic_version", "organisation", "registry_epoch", "heartbeat"})  # of the processes that go on

Rows = dict[str, list[str]]


@dataclass(frozen=True)
class Outcome:
    """What an import left: the record, and what is told about it. Times and names drawn by lot apart."""

    record: Rows
    account: Rows

    def differs_from(self, other: Outcome) -> list[str]:
        """Every row that only one of them has; nothing where they are the same."""
        mine, others = Counter(self._lines()), Counter(other._lines())
        return [f"+ {line}" for line in (mine - others)] + [f"- {line}" for line in (others - mine)]

    def _lines(self) -> list[str]:
        return [f"{table}: {row}" for rows in (self.record, self.account) for table in rows for row in rows[table]]


class Storage:
    """The database behind the processes, read as a worker of the shared scope sees it."""

    def __init__(self, cluster: Cluster, database: Database) -> None:
        self._database = database
        self._owner = create_engine(cluster.owner)

    def close(self) -> None:
        self._owner.dispose()

    def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """What a statement gives."""
        with self._database.worker("shared") as connection:
            return [dict(row._mapping) for row in connection.execute(text(statement), values)]

    def bury_what_is_deadly(self) -> None:
        """From now on a message of a file named DEADLY is as if five workers had died of it, and one it had alone."""
        with self._owner.begin() as connection:
            connection.execute(text(_BURY_IT))

    @cached_property
    def _tables(self) -> dict[str, list[str]]:
        """table → the columns that are neither times nor names drawn by lot."""
        columns = self.rows(
            """SELECT table_name, array_agg(column_name::text) AS names FROM information_schema.columns
               WHERE table_schema = 'public' AND data_type <> 'timestamp with time zone' AND column_name <> 'batch_id'
               AND has_table_privilege(format('%I.%I', table_schema, table_name), 'SELECT')
               GROUP BY table_name"""
        )
        return {row["table_name"]: row["names"] for row in columns if row["table_name"] not in MACHINERY}

    def outcome(self) -> Outcome:
        """Of everything that was asked since the tables were emptied."""
        return Outcome(self.record(), self._account())

    def record(self) -> Rows:
        """Every row of the record."""
        return self._texts(
            {
                table: f"SELECT to_jsonb(t)::text FROM (SELECT {', '.join(names)} FROM {table}) t"
                for table, names in self._tables.items()
            }
        )

    def _account(self) -> Rows:
        """Requests with their ledgers, runs, the results of their items, dead letters (a message may be sent twice)."""
        return self._texts(
            {
                "request": "SELECT jsonb_build_array(status, result, error)::text FROM request",
                "run": "SELECT jsonb_build_array(brand_slug, state, partial, ai_state, ledger, error)::text FROM run",
                "run_item": "SELECT jsonb_build_array(url, state, status, reason, result)::text FROM run_item",
                "dead_letter": "SELECT DISTINCT jsonb_build_array(queue, item_id)::text FROM dead_letter",
            }
        )

    def _texts(self, statements: dict[str, str]) -> Rows:
        with self._database.worker("shared") as connection:
            return {name: sorted(connection.execute(text(each)).scalars()) for name, each in statements.items()}

    def empty(self) -> None:
        """Forget every row but those of the processes that go on; nothing may be on its way."""
        with self._owner.begin() as connection:
            names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
            tables = ", ".join(f'"{name}"' for name in names if name not in _KEPT)
            connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))
