"""The command ``keys``. Parses and delegates to ``daemon/keys.py``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from core.domain.principal import Permission
from daemon.command_settings import command_settings

keys = typer.Typer(name="keys", help="API keys of the organisation.", invoke_without_command=True)


@keys.callback()
def list_keys(context: typer.Context) -> None:
    """API keys of the organisation."""
    if context.invoked_subcommand is None:
        from daemon.keys import show_keys

        show_keys(command_settings(), Console())


@keys.command()
def create(
    name: Annotated[str, typer.Argument(help="What the key is for: it is shown in lists.")],
    scope: Annotated[list[Permission], typer.Option(help="What it may do; repeat it for several.")],
    expires_days: Annotated[
        int | None, typer.Option(min=1, max=3650, help="How long it works; default: until it is revoked.")
    ] = None,
) -> None:
    """Make a key and show it, this once."""
    from daemon.keys import create_key

    create_key(command_settings(), Console(), name, scope, expires_days)


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(help="`./adology keys` lists them.")]) -> None:
    """From now on the key opens nothing."""
    from daemon.keys import revoke_key

    revoke_key(command_settings(), Console(), key_id)
