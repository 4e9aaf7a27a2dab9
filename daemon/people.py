"""Users, customers and operators, as the command line shows and changes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.access import organisations as customers
from core.access.first_user import first_owner
from core.access.sign_in import LINK_HOURS, make_link_token, sign_out_everywhere
from core.access.users import change_role, disable_user, enable_user, invite_user
from core.adapters.postgres.engine import Database
from core.domain.principal import Principal, Role
from core.queries.users import UserView, list_users, user_of_email
from core.settings import Settings
from daemon.up import running_workbench
from daemon.working_system import asking, stores


@dataclass(frozen=True, slots=True)
class _Asked:
    """What each command needs."""

    database: Database
    principal: Principal
    now: datetime

    def user(self, email: str) -> UserView:
        return user_of_email(self.database, self.principal, email)

    def link_token(self, user_id: str) -> str:
        return make_link_token(self.database, self.principal, user_id, now=self.now)


@contextmanager
def _asked(settings: Settings) -> Iterator[_Asked]:
    with asking(settings) as (services, principal):
        yield _Asked(services.database, principal, services.clock.now())


def login(settings: Settings, console: Console, email: str | None) -> None:
    """Print a link for this user, or for the first owner."""
    with _asked(settings) as asked:
        user = first_owner(asked.database, asked.principal) if email is None else asked.user(email)
        _show_link(settings, console, user.email, asked.link_token(user.user_id))


def show_users(settings: Settings, console: Console) -> None:
    """Every user of the organisation."""
    with _asked(settings) as asked:
        users = list_users(asked.database, asked.principal)
    table = Table("e-mail", "role", "last sign-in (UTC)", "", box=None, padding=(0, 2))
    for user in users:
        last = f"{user.last_sign_in_at:%Y-%m-%d %H:%M}" if user.last_sign_in_at else "never"
        table.add_row(escape(user.email), user.role.value, last, "disabled" if user.disabled_at else "")
    console.print(table if users else "No users yet: `./adology users invite EMAIL --role owner` lets somebody in.")


def invite(settings: Settings, console: Console, email: str, role: Role) -> None:
    """A new user, and the first link."""
    with _asked(settings) as asked:
        user_id = invite_user(asked.database, asked.principal, email=email, role=role, now=asked.now)
        _show_link(settings, console, email, asked.link_token(user_id))


def give_role(settings: Settings, console: Console, email: str, role: Role) -> None:
    """Another role."""
    with _asked(settings) as asked:
        change_role(asked.database, asked.principal, asked.user(email).user_id, role)
    _say(console, f"{email} is {role.value} now.")


def disable(settings: Settings, console: Console, email: str) -> None:
    """Nobody comes in by this address."""
    with _asked(settings) as asked:
        disable_user(asked.database, asked.principal, asked.user(email).user_id, now=asked.now)
    _say(console, f"{email} is signed out and can't sign in any more; `./adology users enable` takes that back.")


def enable(settings: Settings, console: Console, email: str) -> None:
    """They may come in again."""
    with _asked(settings) as asked:
        enable_user(asked.database, asked.principal, asked.user(email).user_id)
    _say(console, f"{email} may sign in again: `./adology login {email}` prints a link.")


def sign_out(settings: Settings, console: Console, email: str) -> None:
    """End every session."""
    with _asked(settings) as asked:
        ended = sign_out_everywhere(asked.database, asked.principal, asked.user(email).user_id, now=asked.now)
    _say(console, f"{email} is signed out everywhere: sessions ended {ended}.")


def show_organisations(settings: Settings, console: Console) -> None:
    """Every customer; how many users and brandspaces, nothing of them."""
    with stores(settings) as services:
        rows = customers.list_organisations(services.database)
    table = Table("organisation", "name", "users", "brandspaces", "since", box=None, padding=(0, 2))
    for row in rows:
        figures = (str(row.users), str(row.brandspaces), f"{row.created_at:%Y-%m-%d}")
        table.add_row(escape(row.organisation_id), escape(row.name), *figures)
    console.print(table)


def add_organisation(settings: Settings, console: Console, organisation_id: str, name: str) -> None:
    """A new customer."""
    with stores(settings) as services:
        customers.add_organisation(services.database, organisation_id, name)
    command = f"ADOLOGY_ORGANISATION={organisation_id} ./adology users invite EMAIL --role owner"
    _say(console, f"The organisation {organisation_id!r} is there. Its first user:\n  {command}")


def show_operators(settings: Settings, console: Console) -> None:
    """Every operator."""
    with stores(settings) as services:
        rows = customers.list_operators(services.database)
    table = Table("e-mail", "since", box=None, padding=(0, 2))
    for row in rows:
        table.add_row(escape(row.email), f"{row.added_at:%Y-%m-%d}")
    console.print(table if rows else "No operators: `./adology operators add EMAIL` names one.")


def name_operator(settings: Settings, console: Console, email: str, *, is_operator: bool) -> None:
    """Add or remove one."""
    with stores(settings) as services:
        customers.name_operator(services.database, email, is_operator=is_operator)
    _say(console, f"{email} {'is an operator now' if is_operator else 'is no operator any more'}.")


def _show_link(settings: Settings, console: Console, email: str, token: str) -> None:
    address = running_workbench(settings)
    _say(console, f"Signs in {email}, once, within {LINK_HOURS} hours:")
    _say(console, f"  {sign_in_address(address or settings.workbench_address, token)}")
    if address is None:
        _say(console, "The workbench doesn't run here: start it with `make up`.")


def sign_in_address(workbench: str, token: str) -> str:
    """Where a one-time link leads."""
    return f"{workbench}/sign-in?token={token}"


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
