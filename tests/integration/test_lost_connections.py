"""A pooled connection that died: asked for after a rest it is replaced, in use it ends as an error to try again."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from core.adapters.postgres import engine as engines
from core.adapters.postgres.engine import Database
from core.domain.principal import Principal
from core.errors import RetryableError

US = Principal("ours")


def ask(database: Database) -> int:
    with database.reader(US) as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def kill(database: Database, pid: int) -> None:
    with database.writer(US) as connection:
        connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})


def test_a_connection_that_died_at_rest_is_replaced(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_FRESH_SECONDS", 0.0)
    first = ask(database)
    kill(database, first)

    assert ask(database) != first


def test_a_connection_that_died_just_now_costs_one_call_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_FRESH_SECONDS", 3600.0)
    first = ask(database)
    kill(database, first)

    with pytest.raises(RetryableError):
        ask(database)
    assert ask(database) != first
