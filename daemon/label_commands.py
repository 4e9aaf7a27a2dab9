"""The commands about labels. Parses and delegates to ``daemon/labels.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from core.domain.label import Rerun
from daemon.command_settings import command_settings

labels = typer.Typer(name="labels", help="How good labels are.", no_args_is_help=True)

_PRIVATE: Final = "Of the organisation's own ads; else of the shared ones."
_SEED: Final = "Another seed, another sample."


@labels.command()
def golden(
    file: Annotated[
        Path, typer.Argument(help="CSV or JSONL of what people say is right; with --export, to be written.")
    ],
    *,
    set: Annotated[str | None, typer.Option(help="What to call it; default: the file's name.")] = None,  # noqa: A002
    export: Annotated[bool, typer.Option("--export", help="Write a file for people to fill in.")] = False,
    sample: Annotated[int, typer.Option(min=1, max=5_000, help="With --export: how many texts.")] = 50,
    dimension: Annotated[
        list[str], typer.Option(help="With --export: what to judge; repeat it. Default: all that is read in words.")
    ] = [],  # noqa: B006
    brand: Annotated[
        list[str], typer.Option(help="With --export: of this brand alone, by slug or name; repeat it.")
    ] = [],  # noqa: B006
    brandspace: Annotated[str, typer.Option(help="With --export: of its brands alone; its name or id.")] = "all",
    seed: Annotated[int, typer.Option(help=_SEED)] = 0,
) -> None:
    """Measure labels against what people say."""
    from daemon import labels as commands

    if export:
        wanted = commands.Sheet(sample, dimension, seed, brandspace, brand)
        commands.export_sheet(command_settings(), Console(), file, wanted)
    else:
        commands.golden(command_settings(), Console(), file, set_name=set)


@labels.command()
def measure() -> None:
    """Measure the labels of the sample market's ads against the truth planted in them (sample data)."""
    from daemon import labels as commands

    commands.measure(command_settings(), Console())


@labels.command()
def replay(
    sample: Annotated[int, typer.Option(min=1, max=10_000, help="How many texts or pictures, at random.")] = 100,
    *,
    seed: Annotated[int, typer.Option(help=_SEED)] = 0,
    method: Annotated[Rerun, typer.Option(help="Whose labels: local methods', or the model's.")] = Rerun.LOCAL,
    private: Annotated[bool, typer.Option("--private", help=_PRIVATE)] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before it starts, whatever it costs.")] = False,
) -> None:
    """Read texts again in the same way and tell what moved. Labels stay as they are."""
    from daemon import labels as commands

    commands.replay_sample(
        command_settings(), Console(), by=method, size=sample, seed=seed, is_private=private, yes=yes
    )


@labels.command()
def check(private: Annotated[bool, typer.Option("--private", help=_PRIVATE)] = False) -> None:
    """Compare labels with simple rules and show where the two disagree."""
    from daemon import labels as commands

    commands.check(command_settings(), Console(), is_private=private)


@labels.command()
def rerun(
    brand: Annotated[str, typer.Option(help="The brand's slug or name.")],
    dimension: Annotated[list[str], typer.Option(help="Repeat it; default: every one.")] = [],  # noqa: B006
    method: Annotated[Rerun, typer.Option(help="Who reads: local methods, or the configured model.")] = Rerun.LOCAL,
    reason: Annotated[str, typer.Option(help="Why: it is written in the audit trail.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before it starts, whatever it costs.")] = False,
) -> None:
    """Make a brand's labels again, on purpose: they are frozen otherwise. Corrections by people stay."""
    from daemon.spending import rerun as run_again

    done = run_again(command_settings(), Console(), brand, by=method, dimensions=dimension, reason=reason, yes=yes)
    if not done:
        raise typer.Exit(1)
