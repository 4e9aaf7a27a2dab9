"""Secrets and endless values are taken out of everything that is logged or stored as an error text.

Three nets, because each has holes: names (``password``, ``api_key`` …), shapes (URLs with user information,
``Bearer …``, well-known key formats) and exact values given to ``register_secret``.
"""

from __future__ import annotations

import base64
import json
import math
import re
import threading
from collections.abc import Iterable, Mapping, MutableMapping
from itertools import islice
from typing import Any, Final
from urllib.parse import quote, quote_plus

REDACTED: Final = "[redacted]"
MAX_TEXT_CHARACTERS: Final = 2_000
MAX_TRACEBACK_CHARACTERS: Final = 8_000
MAX_EXAMINED_CHARACTERS: Final = 100_000
MAX_ENTRIES: Final = 50
MAX_DEPTH: Final = 8
MIN_REGISTERED_CHARACTERS: Final = 6
"""Shorter values are words of the language: removing them everywhere would ruin the logs."""

_NAME: Final = (
    "password|passwd|passphrase|pwd|secret|credentials?|private[_-]?key|api[_-]?key|access[_-]?key|app[_-]?key"
    "|signing[_-]?key|encryption[_-]?key|token|signature|sig|session[_-]?id"
)
_HEADER: Final = r"(?:proxy-)?authorization|(?:set-)?cookie"
_ASSIGN: Final = r"""\\{0,3}["']?\s{0,3}(?:=|:|%(?:25)?3D|(?<=["'])\s{0,3},)\s{0,3}b?"""
_QUOTED: Final = r"""(?P<quote>\\{0,3}["'])(?:(?!(?P=quote)).){0,20000}"""
_FLAGS: Final = re.IGNORECASE | re.DOTALL

_SECRET_KEY: Final = re.compile(rf"(?:{_NAME}|{_HEADER}|dsn)(?:[_-](?:hash|value|old|new|\d+))?$", re.IGNORECASE)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")

_SHAPES: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)", re.S),
        REDACTED,
    ),
    # user information of a URL; a password may hold "@" or "/", a port followed by a path is none
    (re.compile(r"""(://)[^\s/?#"'<>@:]*:(?!\d{1,5}[/?#])[^\s"'<>]{0,500}@""", re.I), rf"\1{REDACTED}@"),
    (re.compile(r"""(://)[^\s/?#"'<>]+@""", re.I), rf"\1{REDACTED}@"),
    (re.compile(rf"((?:{_HEADER}){_ASSIGN})(?:{_QUOTED}|[^\r\n]+)", _FLAGS), rf"\1{REDACTED}"),
    (re.compile(r"\b(bearer)\s+[\w.~+/=:-]{4,}", re.I), rf"\1 {REDACTED}"),
    (re.compile(rf"((?:{_NAME}){_ASSIGN})(?:{_QUOTED}|[^\s\"'&,;<>(){{}}\[\]\\]+)", _FLAGS), rf"\1{REDACTED}"),
    (
        re.compile(r"((?:[?&]|%3F|%26)(?:key|auth|code|x-amz-[a-z-]{1,40})(?:=|%3D))[^\s\"'&,;<>]+", re.I),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"(?<![A-Za-z0-9])(?:sk|rk|pk)[-_][A-Za-z0-9_-]{12,}"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9])whsec_[A-Za-z0-9+/=]{12,}"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9])(adk_[0-9a-f]{12}_)[A-Za-z0-9_-]{16,}"), rf"\1{REDACTED}"),  # which one may be told
    (re.compile(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9])(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|AIza)[A-Za-z0-9_-]{16,}"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9])EAA[A-Za-z0-9]{20,}"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9])eyJ[\w-]{8,4000}\.[\w-]{4,}(?:\.[\w-]*)?"), REDACTED),
    (re.compile(r"(hooks\.slack\.com/(?:services|workflows)/)[^\s\"'<>]+", re.I), rf"\1{REDACTED}"),
)
_CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127)}

_registered: set[str] = set()
_registered_lock = threading.Lock()
_registered_pattern: re.Pattern[str] | None = None


def register_secret(value: str) -> None:
    """Remove this exact value, and its usual spellings (URL, JSON, base64), from everything logged from now on.

    For the few secrets a process holds. Values shorter than 6 characters are left to the other nets.
    """
    global _registered_pattern  # noqa: PLW0603  one set per process, as the secrets are
    if len(value.strip()) < MIN_REGISTERED_CHARACTERS:
        return
    forms = {value, value.strip(), quote(value, safe=""), quote_plus(value), quote(value), json.dumps(value)[1:-1]}
    forms |= {repr(value)[1:-1], base64.b64encode(value.encode("utf-8", "surrogateescape")).decode()}
    forms |= {json.dumps(form)[1:-1] for form in tuple(forms)}
    with _registered_lock:
        if forms <= _registered:
            return
        _registered.update(forms)
        longest_first = sorted(_registered, key=len, reverse=True)
        _registered_pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)


def redact(text: str) -> str:
    """The text without secrets. Use it before an error text is stored in a row or shown to a person."""
    if _registered_pattern is not None:
        text = _registered_pattern.sub(REDACTED, text)
    for pattern, replacement in _SHAPES:
        text = pattern.sub(replacement, text)
    return text


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a secret: ``api_key`` does, ``secret_name`` and ``input_tokens`` don't."""
    return _SECRET_KEY.search(_CAMEL.sub("_", name)) is not None


def shorten(text: str, limit: int = MAX_TEXT_CHARACTERS) -> str:
    """At most about ``limit`` characters: the beginning and the end, where a message says what happened."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]} …[{len(text) - 2 * half} characters left out]… {text[-half:]}"


def clean(value: Any, *, limit: int = MAX_TEXT_CHARACTERS, depth: int = 0) -> Any:
    """The value as plain JSON types: redacted, control characters escaped, long and deep parts cut."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, str):
        return _clean_text(value, limit)
    if isinstance(value, Mapping | list | tuple | set | frozenset) and depth < MAX_DEPTH:
        return _clean_container(value, limit, depth + 1)
    return _clean_text(_text_of(value), limit)


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog processor: every value of the event, cleaned."""
    return {
        clean(key): _clean_entry(key, value, MAX_TRACEBACK_CHARACTERS if key == "exception" else MAX_TEXT_CHARACTERS, 1)
        for key, value in event.items()
    }


def _clean_container(value: Any, limit: int, depth: int) -> Any:
    left_out = len(value) - MAX_ENTRIES
    if isinstance(value, Mapping):
        entries = islice(value.items(), MAX_ENTRIES)
        cleaned = {_clean_text(str(key), limit): _clean_entry(str(key), item, limit, depth) for key, item in entries}
        return cleaned | ({"…": f"{left_out} entries left out"} if left_out > 0 else {})
    items: Iterable[Any] = islice(value, MAX_ENTRIES)
    cleaned_items = _clean_pair(value, limit) or [clean(item, limit=limit, depth=depth) for item in items]
    return cleaned_items + ([f"… {left_out} entries left out"] if left_out > 0 else [])


def _clean_pair(value: Any, limit: int) -> list[Any] | None:
    """A header as vendors' libraries keep it: ("Authorization", "…")."""
    if isinstance(value, tuple | list) and len(value) == 2 and isinstance(value[0], str) and is_secret_name(value[0]):  # noqa: PLR2004
        return [_clean_text(value[0], limit), REDACTED]
    return None


def _clean_entry(key: str, value: Any, limit: int, depth: int) -> Any:
    if is_secret_name(key) and value is not None and not isinstance(value, bool):
        return REDACTED
    return clean(value, limit=limit, depth=depth)


def _clean_text(text: str, limit: int) -> str:
    writable = redact(shorten(text, MAX_EXAMINED_CHARACTERS)).encode("utf-8", "backslashreplace").decode("utf-8")
    return shorten(writable, limit).translate(_CONTROL)


def _text_of(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    try:
        return repr(value) if isinstance(value, BaseException) else str(value)
    except Exception as error:  # a foreign object's __str__ must not cost us the record
        return f"<{type(value).__name__} without text: {type(error).__name__}>"
