"""The commands ``taxonomy check`` and ``taxonomy show``, for those who edit the taxonomy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from core.ai.taxonomy import TAXONOMY, Dimension, Taxonomy, load_taxonomy
from daemon.command_settings import command_settings

taxonomy = typer.Typer(name="taxonomy", help="What labels can say.", no_args_is_help=True)


@taxonomy.command()
def check(folder: Annotated[Path, typer.Argument(help="The folder that holds taxonomy.yaml.")] = TAXONOMY) -> None:
    """Say whether a taxonomy can be used: its version and size, or the file, line and value to correct."""
    found = load_taxonomy(folder)
    values = sum(len(each.answers) for each in found.dimensions.values())
    Console().print(f"{found.version}: {len(found.dimensions)} dimensions, {values} values", highlight=False)


@taxonomy.command()
def show(dimension: Annotated[str | None, typer.Argument(help="One of them; default: all, in short.")] = None) -> None:
    """Show the taxonomy in use: definitions, values, examples."""
    found = load_taxonomy(command_settings().taxonomy or TAXONOMY)
    console = Console(highlight=False)
    if dimension is None:
        _show_all(console, found)
    else:
        _show(console, dimension, found.dimension(dimension))


def _show_all(console: Console, found: Taxonomy) -> None:
    console.print(f"Taxonomy {found.version}")
    for name, each in found.dimensions.items():
        console.print(f"\n[bold]{name}[/] ({each.cardinality}, reads {each.reads}): {escape(each.definition)}")
        console.print(f"  {', '.join(each.answers)}")


def _show(console: Console, name: str, dimension: Dimension) -> None:
    console.print(f"[bold]{name}[/] ({dimension.cardinality}, reads {dimension.reads}): {escape(dimension.definition)}")
    for value in dimension.answers:
        said = dimension.values.get(value)
        console.print(f"\n[bold]{value}[/]: {escape(said.definition) if said else 'none of the others'}")
        if said:
            for example in said.shown_examples:
                console.print(f"  + {escape(example)}")
            for example in said.not_this:
                console.print(f"  – {escape(example)}")
            console.print(f"  {_how_it_is_told(dimension, value)}", style="dim")


def _how_it_is_told(dimension: Dimension, value: str) -> str:
    """What gives this value without a model."""
    said = dimension.values[value]
    if dimension.reads == "picture":
        return "measured in the pixels" if dimension.measured else "left to a model"
    languages = sorted({*said.rules, *said.prototypes})
    return f"local heuristics: {', '.join(languages)}" if languages else "left to a model"
