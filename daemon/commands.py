"""The command line: ``./adology <command>``. Parses, delegates, tells errors in one line."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Final

import typer
from rich.console import Console

from core.errors import AdologyError
from core.observability.logs import configure_logging
from core.settings import Settings, load_settings

FAILED: Final = 1

app = typer.Typer(
    name="adology",
    help="Advertising intelligence: collects the ads brands run, keeps them, reads them, compares brands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would show local variables
)


@app.command()
def up() -> None:
    """Start everything on this machine; Ctrl-C stops it."""
    from daemon.up import up as run_system

    run_system(_settings(), Console())


@app.command()
def migrate() -> None:
    """Create the database where missing and bring its schema up to date."""
    from daemon.up import available_database, prepare_database

    settings = _settings()
    with available_database(settings):
        prepare_database(settings)
    typer.echo("The schema is up to date.")


@app.command()
def version() -> None:
    """Which version this is."""
    project = Path(__file__).parents[1]
    typer.echo(tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _settings() -> Settings:
    settings = load_settings()
    is_chosen = "log_level" in settings.model_fields_set
    configure_logging(level=settings.log_level if is_chosen else "WARNING", json=settings.log_json)
    return settings


def main() -> int:
    """Run one command; returns the exit status."""
    try:
        app(standalone_mode=True)
    except AdologyError as error:
        typer.echo(f"adology: {error}", err=True)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
