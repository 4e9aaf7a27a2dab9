"""Everything a database holds, as text."""

from __future__ import annotations

from sqlalchemy import create_engine, inspect, pool, text

from core.adapters.postgres.roles import Cluster


def whole_database(cluster: Cluster) -> str:
    """Each row of each table, read as the owner."""
    engine = create_engine(cluster.owner, poolclass=pool.NullPool)
    with engine.connect() as connection:
        tables = inspect(connection).get_table_names()
        rows = [connection.execute(text(f'SELECT t::text FROM "{name}" t')).scalars().all() for name in tables]
    return "\n".join(row for of_table in rows for row in of_table)
