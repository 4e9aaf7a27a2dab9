"""Links as sources give them: without tracking, and with the expiry that Meta signs into media links."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

_TRACKING = frozenset(
    {"fbclid", "gclid", "gclsrc", "gbraid", "wbraid", "dclid", "msclkid", "ttclid", "twclid", "yclid"}
    | {"igshid", "igsh", "mc_cid", "mc_eid", "_gl"}
)
_TRACKING_PREFIXES = ("utm_",)
_HEXADECIMAL = 16


def without_tracking(url: str) -> str | None:
    """The link without click and campaign parameters, everything else as it was; None unless it is http(s)."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    if parts.scheme.lower() not in {"http", "https"} or not parts.netloc:
        return None
    kept = "&".join(pair for pair in parts.query.split("&") if not _is_tracking(pair))
    return urlunsplit(parts._replace(query=kept))


def _is_tracking(pair: str) -> bool:
    name = unquote(pair.partition("=")[0]).lower()
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES)


def is_https(url: str) -> bool:
    """Whether the link may be fetched as a medium."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.netloc)


def signed_expiry(url: str) -> date | None:
    """The day (UTC) after which a signed Meta CDN link is dead: its ``oe`` parameter, hexadecimal epoch seconds."""
    values = parse_qs(urlsplit(url).query).get("oe", [])
    try:
        return datetime.fromtimestamp(int(values[0], _HEXADECIMAL), UTC).date() if values else None
    except (ValueError, OverflowError, OSError):
        return None
