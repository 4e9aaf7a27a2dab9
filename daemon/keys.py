"""API keys, as the command line shows and changes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.access import keys as access
from core.adapters.postgres.engine import Database
from core.domain.principal import Permission, Principal
from core.queries.account import KeyView, list_keys
from core.queries.pages import MAX_PAGE
from core.settings import Settings
from daemon.working_system import asking


def show_keys(settings: Settings, console: Console) -> None:
    """Every key of the organisation, never its text."""
    with asking(settings) as (services, principal):
        found = list(_all_keys(services.database, principal))
        now = services.clock.now()
    table = Table("key", "scopes", "last used (UTC)", "ends", "name", box=None, padding=(0, 1))
    for column in table.columns[:-1]:
        column.no_wrap = True  # an id cut short is no id
    for key in found:
        used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never"
        table.add_row(key.key_id, " ".join(key.scopes), used, _end(key, now), escape(key.name))
    console.print(table if found else "No keys yet: `./adology keys create NAME --scope read` makes one.")


def create_key(
    settings: Settings, console: Console, name: str, scopes: Sequence[Permission], expires_days: int | None
) -> None:
    """A new key, and how it is used."""
    with asking(settings) as (services, principal):
        now = services.clock.now()
        expires_at = None if expires_days is None else now + timedelta(days=expires_days)
        made = access.create_key(
            services.database, principal, name=name, permissions=scopes, now=now, expires_at=expires_at
        )
    _say(console, f"Key {made.key_id}. Keep its text now, it can't be shown again:")
    _say(console, f"  {made.key}")
    if Permission.READ in scopes:
        _say(console, f"  curl -H 'Authorization: Bearer {made.key}' {settings.api_url}/api/v1/account")


def revoke_key(settings: Settings, console: Console, key_id: str) -> None:
    """A key that opens nothing any more."""
    with asking(settings) as (services, principal):
        access.revoke_key(services.database, principal, key_id, now=services.clock.now())
    _say(console, f"Key {key_id} is revoked: whoever shows it is refused from now on.")


def _all_keys(database: Database, principal: Principal) -> Iterator[KeyView]:
    cursor = None
    while True:
        page = list_keys(database, principal, cursor=cursor, limit=MAX_PAGE)
        yield from page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def _end(key: KeyView, now: datetime) -> str:
    if key.revoked_at:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "never"
    return f"{'expired ' if key.expires_at <= now else ''}{key.expires_at:%Y-%m-%d}"


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
