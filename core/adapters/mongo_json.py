"""JSON as BSON and back, whatever is in it: BSON knows no names with NUL, no integers beyond 64 bits, no endless depth.

Names keep their signs escaped (``$`` and ``.`` mean something to MongoDB), and what BSON can't hold is kept as its
JSON text under the one name ``%json``, which no escaped name can be. Everything else can be asked for in MongoDB.
As in PostgreSQL, NUL is dropped and half a surrogate pair becomes a question mark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_AS_TEXT = "%json"
_MOST_LEVELS = 80  # MongoDB takes 100, and a document of ours stands a level or two below its own
_SMALLEST, _BEYOND = -(2**63), 2**63
_UNSAFE = re.compile("[\0\ud800-\udfff]")
_SIGNS = str.maketrans({"%": "%25", "$": "%24", ".": "%2E"})


def to_bson(value: Any, levels: int = _MOST_LEVELS) -> Any:
    """What MongoDB takes in place of a JSON value. Raises TypeError for what isn't JSON."""
    match value:
        case None | bool() | float():
            return value
        case str():
            return clean(value)
        case int():
            return value if _SMALLEST <= value < _BEYOND else _text_of(value)
        case Mapping() | list() | tuple() if not levels:
            return _text_of(value)
        case Mapping():
            return {clean(name).translate(_SIGNS): to_bson(held, levels - 1) for name, held in value.items()}
        case list() | tuple():
            return [to_bson(held, levels - 1) for held in value]
    raise TypeError(f"{type(value).__name__} isn't JSON")


def from_bson(value: Any) -> Any:
    """The JSON value again."""
    match value:
        case {"%json": text}:
            return json.loads(text)
        case Mapping():
            return {unquote(name): from_bson(held) for name, held in value.items()}
        case list():
            return [from_bson(held) for held in value]
        case int() if not isinstance(value, bool):
            return int(value)  # a long integer comes as a type of its own
    return value


def clean(text: str) -> str:
    """Text that both stores can hold."""
    if _UNSAFE.search(text) is None:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _text_of(value: Any) -> dict[str, str]:
    return {_AS_TEXT: json.dumps(value)}
