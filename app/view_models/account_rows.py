"""The people, keys, sessions and changes of an organisation, as rows for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from app.formatting import ago, words
from core.queries.account import KeyView, SessionView
from core.queries.audit import AuditView
from core.queries.users import UserView

_MOST_DETAIL = 120  # characters


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One line of the audit trail. Everything is data."""

    when: str
    who: str
    what: str
    subject: str
    details: str


def change_rows(changes: Sequence[AuditView], users: Sequence[UserView], now: datetime) -> tuple[ChangeRow, ...]:
    """With e-mail addresses where the trail has ids."""
    emails = {f"user:{user.user_id}": user.email for user in users} | {user.user_id: user.email for user in users}
    return tuple(
        ChangeRow(
            ago(change.created_at, now),
            emails.get(change.actor, _actor(change.actor)),
            _action(change.action),
            emails.get(change.subject, change.subject),
            _details(change.details),
        )
        for change in changes
    )


def key_state(key: KeyView, now: datetime) -> str:
    """Whether a key opens anything."""
    if key.revoked_at is not None:
        return f"Revoked {ago(key.revoked_at, now)}"
    if key.expires_at is not None and key.expires_at <= now:
        return f"Out of date since {key.expires_at:%Y-%m-%d}"
    return f"Until {key.expires_at:%Y-%m-%d}" if key.expires_at else "Valid"


def session_line(session: SessionView, now: datetime) -> str:
    """Where a session is used, in the words of its browser, and when it was seen."""
    return (
        f"{_browser(session.user_agent)} · opened {ago(session.created_at, now)}, seen {ago(session.last_seen_at, now)}"
    )


def _browser(user_agent: str) -> str:
    names = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    browser = next((name for mark, name in names if mark in user_agent), "A browser")
    systems = (("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("Mac OS", "macOS"))
    system = next((name for mark, name in (*systems, ("Linux", "Linux")) if mark in user_agent), "")
    return f"{browser} on {system}" if system else browser


def _actor(actor: str) -> str:
    kind, _, name = actor.partition(":")
    return {"key": f"API key {name}", "command-line": "Command line", "operator": "An operator"}.get(kind, actor)


def _action(action: str) -> str:
    """ "user.sign_out_everywhere" → "User: sign out everywhere"."""
    thing, _, deed = action.partition(".")
    return f"{words(thing)}: {words(deed).lower()}" if deed else words(thing)


def _details(details: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in details.items() if value)
    return text if len(text) <= _MOST_DETAIL else text[: _MOST_DETAIL - 1] + "…"


def _value(value: Any) -> str:
    match value:
        case list():
            return " ".join(map(str, value))
        case dict():
            return " ".join(f"{name}={item}" for name, item in value.items())
        case _:
            return str(value)
