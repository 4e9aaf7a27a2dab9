"""Two connections that race, one step at a time."""

from __future__ import annotations

from threading import Event

from sqlalchemy import text

from core.adapters.postgres.engine import Database

LONGEST_SECONDS = 20.0
_HELD = text(
    "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
    " WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"
)


def until_held(database: Database, passed: Event) -> None:
    """Until somebody stands at an advisory lock, or has ``passed``, because there was none."""
    with database.machinery() as connection:
        while not passed.wait(0.01):
            if connection.execute(_HELD).scalar():
                return
