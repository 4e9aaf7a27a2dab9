"""The few pages in front of the workbench, as HTML. Pure. Without a script, and nobody else may frame or feed them."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

_ASSETS: Final = Path(__file__).resolve().parents[1] / "assets"
_STYLE: Final = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
_LOGO: Final = (_ASSETS / "logo.svg").read_text(encoding="utf-8")
_ICON: Final = base64.b64encode((_ASSETS / "icon.svg").read_bytes()).decode()
_STYLE_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address may hold a token
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Button:
    """Posts hidden ``fields`` to ``action``; or, with ``is_link``, goes there."""

    text: str
    action: str
    fields: tuple[tuple[str, str], ...] = ()
    is_link: bool = False
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """What to type in a terminal, under a sentence that says why."""

    why: str
    text: str


def show(
    title: str, text: str, *, buttons: tuple[Button, ...] = (), command: Command | None = None, is_bad: bool = False
) -> str:
    """A page. Every text is escaped."""
    typed = f"<p>{escape(command.why)}</p><code>{escape(command.text)}</code>" if command else ""
    pressed = "".join(map(_button, buttons))
    role = ' role="alert"' if is_bad else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark">'
        f"<title>{escape(title)} · Adology</title>"
        f'<link rel="icon" href="data:image/svg+xml;base64,{_ICON}"><style>{_STYLE}</style></head>'
        f"<body><main>{_LOGO}<h1>{escape(title)}</h1><p{role}>{escape(text)}</p>{pressed}{typed}</main></body></html>"
    )


def _button(button: Button) -> str:
    style = "quiet" if button.is_quiet else "main"
    text, action = escape(button.text), escape(button.action)
    if button.is_link:
        return f'<a class="{style}" href="{action}">{text}</a>'
    hidden = "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">' for name, value in button.fields
    )
    return f'<form method="post" action="{action}">{hidden}<button class="{style}">{text}</button></form>'
