"""The commands about people: login, users, organisations, operators. Parses and delegates to ``daemon/people.py``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from core.domain.principal import Role
from daemon.command_settings import command_settings

Email = Annotated[str, typer.Argument(help="The user's e-mail address.")]

users = typer.Typer(name="users", help="Who may sign in to the organisation.", invoke_without_command=True)
organisations = typer.Typer(name="organisations", help="The customers of this system.", invoke_without_command=True)
operators = typer.Typer(name="operators", help="Staff who see the Operations page.", invoke_without_command=True)


def add_people_commands(app: typer.Typer) -> None:
    """Hang them into the command line."""
    app.command()(login)
    for group in (users, organisations, operators):
        app.add_typer(group)


def login(
    email: Annotated[str | None, typer.Argument(help="Whom to sign in; default: the first owner.")] = None,
) -> None:
    """Print a one-time link that signs in to the workbench."""
    from daemon import people

    people.login(command_settings(), Console(), email)


@users.callback()
def list_users(context: typer.Context) -> None:
    """Who may sign in to the organisation."""
    if context.invoked_subcommand is None:
        from daemon import people

        people.show_users(command_settings(), Console())


@users.command()
def invite(email: Email, role: Annotated[Role, typer.Option(help="What the user may do.")] = Role.ANALYST) -> None:
    """Let somebody in: prints the first one-time link for them."""
    from daemon import people

    people.invite(command_settings(), Console(), email, role)


@users.command()
def role(email: Email, role: Annotated[Role, typer.Argument(help="What the user may do from now on.")]) -> None:
    """Give a user another role."""
    from daemon import people

    people.give_role(command_settings(), Console(), email, role)


@users.command()
def disable(email: Email) -> None:
    """End a user's sessions and let nobody in by that address; what they made stays."""
    from daemon import people

    people.disable(command_settings(), Console(), email)


@users.command()
def enable(email: Email) -> None:
    """Let a disabled user in again."""
    from daemon import people

    people.enable(command_settings(), Console(), email)


@users.command(name="sign-out")
def sign_out(email: Email) -> None:
    """End every session of a user, and their unused links."""
    from daemon import people

    people.sign_out(command_settings(), Console(), email)


@organisations.callback()
def list_organisations(context: typer.Context) -> None:
    """The customers of this system."""
    if context.invoked_subcommand is None:
        from daemon import people

        people.show_organisations(command_settings(), Console())


@organisations.command(name="add")
def add_organisation(
    organisation_id: Annotated[str, typer.Argument(help="Up to 40 of a-z, 0-9 and -; it never changes.")],
    name: Annotated[str | None, typer.Option(help="What people call it; default: its id.")] = None,
) -> None:
    """A new customer."""
    from daemon import people

    people.add_organisation(command_settings(), Console(), organisation_id, name or organisation_id)


@operators.callback()
def list_operators(context: typer.Context) -> None:
    """Staff who see the Operations page."""
    if context.invoked_subcommand is None:
        from daemon import people

        people.show_operators(command_settings(), Console())


@operators.command(name="add")
def add_operator(email: Email) -> None:
    """Let a user see figures over all organisations, never their content."""
    from daemon import people

    people.name_operator(command_settings(), Console(), email, is_operator=True)


@operators.command(name="remove")
def remove_operator(email: Email) -> None:
    """Take that back."""
    from daemon import people

    people.name_operator(command_settings(), Console(), email, is_operator=False)
