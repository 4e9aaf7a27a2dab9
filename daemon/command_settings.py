"""What every command starts with."""

from __future__ import annotations

from core.observability.logs import configure_logging
from core.settings import Settings, load_settings


def command_settings() -> Settings:
    """The settings; the log stays quiet unless its level was chosen: a command talks to a person."""
    settings = load_settings()
    is_chosen = "log_level" in settings.model_fields_set
    configure_logging(level=settings.log_level if is_chosen else "WARNING", json=settings.log_json)
    return settings
