"""Notices are rows, the newest thousand, and telling never fails."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from core.adapters.postgres.engine import Database
from core.adapters.postgres.pg_notifier import PostgresNotifier
from core.ports import Notice


def count(database: Database) -> int:
    with database.machinery() as connection:
        return int(connection.execute(text("SELECT count(*) FROM notice")).scalar_one())


def test_a_notice_becomes_a_row(database: Database) -> None:
    PostgresNotifier(database.worker_engine).notify(Notice("warning", "a\0 subject", "text", {"brand": "nike\ud800"}))
    with database.machinery() as connection:
        row = connection.execute(text("SELECT level, subject, text, context, read_at FROM notice")).one()
    assert tuple(row) == ("warning", "a subject", "text", {"brand": "nike?"}, None)


def test_only_the_newest_thousand_are_kept(database: Database) -> None:
    with database.machinery() as connection:
        connection.execute(
            text("INSERT INTO notice (level, subject, text) SELECT 'info', n, '' FROM generate_series(1, 1200) n")
        )
    PostgresNotifier(database.worker_engine).notify(Notice("info", "newest", ""))
    assert count(database) == 1_000
    with database.machinery() as connection:
        assert connection.execute(text("SELECT bool_or(subject = 'newest') FROM notice")).scalar()


def test_a_lost_database_is_logged_not_raised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    nowhere = create_engine(f"postgresql+psycopg2://nobody@/none?host={tmp_path}")
    PostgresNotifier(nowhere).notify(Notice("info", "disk full", "text"))
    assert "notice_not_stored" in caplog.text
