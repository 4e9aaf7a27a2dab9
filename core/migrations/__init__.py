"""Schema changes. A migration that landed is never edited; each says whether it runs before or after a deploy."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL


def migrate(owner_url: URL, revision: str = "head") -> None:
    """Bring the database to ``revision`` as its owner. Two at once: the second waits (advisory lock)."""
    command.upgrade(alembic_config(owner_url), revision)


def alembic_config(owner_url: URL) -> Config:
    """Alembic without an ini file: the URL never touches disk."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["url"] = owner_url
    return config
