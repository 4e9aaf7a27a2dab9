"""The commands ``ai methods`` and ``ai try``: what reads an ad, one at a time, with all that is sent and answered."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from core.ai.methods.catalogue import METHODS
from daemon.command_settings import command_settings

ai = typer.Typer(name="ai", help="The methods that read ads.", no_args_is_help=True)


class Provider(StrEnum):
    """Who may be asked."""

    LOCAL = "local"
    OPENAI = "openai"
    COMPATIBLE = "compatible"
    BEDROCK = "bedrock"


@ai.command()
def methods() -> None:
    """List the methods: what each reads and gives, and who carries it out."""
    console = Console(highlight=False)
    for name, entry in METHODS.items():
        console.print(f"[bold]{name:<15}[/]by {entry.by}: reads {entry.reads}; gives {entry.gives}", soft_wrap=True)


@ai.command(name="try")
def try_(
    method: Annotated[str, typer.Argument(help="`./adology ai methods` lists them.")],
    file: Annotated[
        Path | None, typer.Argument(help="A text, a picture, or a block as JSON (text, cta_declared, facts …).")
    ] = None,
    ad: Annotated[str | None, typer.Option(help="Instead of a file: the id of a stored ad.")] = None,
    provider: Annotated[
        Provider | None, typer.Option(help="Who is asked; default: the first of ADOLOGY_AI_PROVIDERS, else local.")
    ] = None,
    whole: Annotated[bool, typer.Option("--whole", help="Print pictures too, as they are sent.")] = False,
) -> None:
    """Run one method alone: print the exact request and answer, and what was made of it. A model's calls are paid."""
    from daemon.ai_trial import Trial, try_method

    name = provider.value if provider else None
    try_method(command_settings(), Console(), Trial(method, file, ad, name, whole))
