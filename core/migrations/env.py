"""How Alembic connects: as the owner, under an advisory lock, in one transaction."""

from __future__ import annotations

from alembic import context
from sqlalchemy import create_engine, pool, text

from core.adapters.postgres.schema import metadata

_LOCK = 7_202_611_210  # any number of our own: one migration at a time


def run() -> None:
    """Apply the migrations over one connection."""
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=metadata, compare_type=True)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            context.run_migrations()
    engine.dispose()


run()
