"""The command line: ``./adology <command>``. Parses, delegates, tells errors in one line."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from core.errors import AdologyError
from daemon.ai_commands import ai
from daemon.command_settings import command_settings
from daemon.key_commands import keys
from daemon.label_commands import labels
from daemon.people_commands import add_people_commands
from daemon.taxonomy_commands import taxonomy

FAILED: Final = 1

app = typer.Typer(
    name="adology",
    help="Advertising intelligence: collects the ads brands run, keeps them, reads them, compares brands.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # they would show local variables
)
add_people_commands(app)
app.add_typer(keys)
app.add_typer(taxonomy)
app.add_typer(ai)
app.add_typer(labels)


@app.command()
def up() -> None:
    """Start everything on this machine; Ctrl-C stops it."""
    from daemon.first_run import first_run
    from daemon.up import up as run_system

    console = Console()
    run_system(command_settings(), console, lambda settings: first_run(settings, console))


@app.command(name="import")
def import_(
    path: Annotated[Path, typer.Argument(help="A file or folder of ads: JSON or CSV, .gz too; images beside it.")],
    brand: Annotated[str | None, typer.Option(help="The brand of every row, whatever the file says.")] = None,
    scope: Annotated[str | None, typer.Option(help="shared or private; default: as the kind of file says.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress and the ledger at the end.")] = False,
) -> None:
    """Import ads from a file or folder, through all three phases."""
    from daemon.data_commands import import_path

    _end(import_path(command_settings(), Console(), path, brand=brand, scope=scope, wait=wait))


@app.command()
def ingest(
    brand: Annotated[str, typer.Argument(help="The brand's slug: `./adology brands` lists them.")],
    source: Annotated[str | None, typer.Option(help="One source; default: every source that knows it.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Show progress and the ledger at the end.")] = False,
) -> None:
    """Ask the sources for a brand's ads."""
    from daemon.data_commands import ingest as ask

    _end(ask(command_settings(), Console(), brand, source=source, wait=wait))


@app.command()
def analyse(
    brand: Annotated[str, typer.Argument(help="The brand's slug or name: `./adology brands` lists them.")],
    wait: Annotated[bool, typer.Option("--wait", help="Show progress until every text is read.")] = False,
    quote: Annotated[bool, typer.Option("--quote", help="Only tell what models would cost.")] = False,
) -> None:
    """Have a brand read at once, ahead of the background; by models, too, where some are configured."""
    from daemon.data_commands import analyse as ask
    from daemon.spending import show_quote

    if quote:
        show_quote(command_settings(), Console(), brand)
        return
    _end(ask(command_settings(), Console(), brand, wait=wait))


@app.command(context_settings={"ignore_unknown_options": True})  # "-5" is an amount, if none that is accepted
def budget(
    usd: Annotated[float | None, typer.Argument(min=0, help="USD a day (UTC): 0 or more; left out: show it.")] = None,
) -> None:
    """What may be spent on models a day, what was spent, and on which brands."""
    from daemon.spending import budget as show_or_set

    show_or_set(command_settings(), Console(), usd)


@app.command()
def export(
    output: Annotated[Path, typer.Option(help="The file to write.")],
    brandspace: Annotated[str, typer.Option(help="The id of a brandspace, or all.")] = "all",
    format: Annotated[str, typer.Option(help="csv or ndjson.")] = "csv",  # noqa: A002  the option's name
    sort: Annotated[str, typer.Option(help="newest, oldest, last_seen or longest_seen.")] = "newest",
    filter: Annotated[list[str], typer.Option(help="name=value, as in the API; repeat it.")] = [],  # noqa: A002, B006
) -> None:
    """Write every ad that passes the filters to a file."""
    from daemon.export_command import export as write

    done = write(
        command_settings(), Console(), output, brandspace=brandspace, format_name=format, sort=sort, filters=filter
    )
    _end(done)


@app.command()
def brands() -> None:
    """Every brand and how many ads it has."""
    from daemon.data_commands import show_brands

    show_brands(command_settings(), Console())


@app.command()
def requests(
    request_id: Annotated[str | None, typer.Argument(help="One request; default: the newest.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Every row that was not stored, and why.")] = False,
) -> None:
    """What was asked for, how far it is, and what came of it."""
    from daemon.data_commands import show_requests

    show_requests(command_settings(), Console(), request_id, rejected=rejected)


@app.command()
def cancel(request_id: Annotated[str, typer.Argument(help="`./adology requests` lists them.")]) -> None:
    """Take a request back; what it brought stays, and what others wait for goes on."""
    from daemon.data_commands import cancel as take_back

    take_back(command_settings(), Console(), request_id)


@app.command()
def repair(
    batch_id: Annotated[str, typer.Argument(help="A run that is over: the Operations page lists them.")],
    wait: Annotated[bool, typer.Option("--wait", help="Show progress and the ledger at the end.")] = False,
) -> None:
    """Acquire again the media that a run could not have."""
    from daemon.data_commands import repair as ask

    _end(ask(command_settings(), Console(), batch_id, wait=wait))


@app.command(name="dead-letters")
def dead_letters(
    redrive: Annotated[int | None, typer.Option(help="Send this one again, once its cause is gone.")] = None,
) -> None:
    """Messages that no worker could handle, and why."""
    from daemon.data_commands import redrive_dead_letter, show_dead_letters

    if redrive is None:
        show_dead_letters(command_settings(), Console())
    else:
        redrive_dead_letter(command_settings(), Console(), redrive)


@app.command()
def migrate() -> None:
    """Create the database where missing and bring its schema up to date."""
    from daemon.up import available_database, prepare_database

    settings = command_settings()
    with available_database(settings):
        prepare_database(settings)
    typer.echo("The schema is up to date.")


@app.command()
def version() -> None:
    """Which version this is."""
    project = Path(__file__).parents[1]
    typer.echo(tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _end(is_done: bool) -> None:
    if not is_done:
        raise typer.Exit(FAILED)


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
