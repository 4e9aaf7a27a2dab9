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
    table = Table("key", "name", "scopes", "made (UTC)", "last used (UTC)", "", box=None, padding=(0, 2))
    for key in found:
        times = (_minute(key.created_at), _minute(key.last_used_at) or "never")
        table.add_row(key.key_id, escape(key.name), ", ".join(key.scopes), *times, _state(key, now))
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


def _state(key: KeyView, now: datetime) -> str:
    if key.revoked_at:
        return f"revoked {_minute(key.revoked_at)}"
    if key.expires_at is None:
        return ""
    return f"{'expired' if key.expires_at <= now else 'works until'} {_minute(key.expires_at)}"


def _minute(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else ""


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
