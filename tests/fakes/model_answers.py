"""What the model server may be told to do: an answer, a state of one, or a misbehaviour. Values to be scripted with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request as it arrived. ``dialect``: responses, chat, converse, titan-text or titan-image."""

    dialect: str
    path: str
    headers: dict[str, str]
    body: Json
    model: str
    instructions: str = ""
    text: str = ""
    schema: Json | None = None
    schema_name: str = ""
    images: tuple[bytes, ...] = ()
    max_output_tokens: int | None = None


@dataclass(frozen=True)
class Said:
    """Text, and how it ended: ok, truncated, refused (in words), filtered (cut off by a filter) or malformed."""

    text: str = ""
    ending: str = "ok"
    input_tokens: int = 1_000
    output_tokens: int = 100
    cached_tokens: int = 200


@dataclass(frozen=True)
class HttpError:
    """An error in the dialect's own shape. ``kind`` is a row of ``model_dialects.ERRORS``."""

    kind: str
    message: str = "the fake was told to fail"
    param: str | None = None  # OpenAI's: which part of the request is at fault
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """A body that is no dialect's, with any status: a proxy's page, half a JSON, an odd object."""

    body: bytes | Json
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True)
class Slow:
    """Answer ``then`` after so many seconds, or when the server stops."""

    seconds: float
    then: Any = None


@dataclass(frozen=True)
class Drip:
    """Answer whole, a byte at a time, with so many seconds in between."""

    pause_seconds: float


@dataclass(frozen=True)
class Cut:
    """Send a head and half a body, then hang up; with ``head=False`` hang up at once."""

    head: bool = True


Answer = Said | HttpError | Raw | Slow | Drip | Cut | Mapping[str, Any] | str


def refused(words: str = "I can't help with that.") -> Said:
    """The model declines."""
    return Said(words, "refused", output_tokens=12)


def truncated(text: str = '{"hook": "disc') -> Said:
    """The limit of tokens ended the answer."""
    return Said(text, "truncated")


def filtered(text: str = "") -> Said:
    """A content filter or guardrail ended the answer."""
    return Said(text, "filtered")


def fenced(value: Mapping[str, Any]) -> str:
    """JSON as chatty models wrap it."""
    return f"Here is the answer:\n```json\n{json.dumps(value, indent=2)}\n```\n"


def huge(megabytes: float = 8.0) -> str:
    """A JSON object of that size."""
    return json.dumps({"text": "a" * int(megabytes * 1_000_000)})


def rate_limited(*, retry_after: str | None = "7", **headers: str) -> HttpError:
    """Too many calls; an underscore in a header's name is a hyphen."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpError("rate", headers=given if retry_after is None else {"retry-after": retry_after, **given})


def quota_spent() -> HttpError:
    """The account has no money left."""
    return HttpError("quota", "You exceeded your current quota, please check your plan and billing details.")


def outage(status: int = 503) -> HttpError:
    """500 or 503."""
    return HttpError("outage" if status == 503 else "internal")


def from_schema(asked: Asked) -> Json:
    """The least that the schema allows: first values, no items, and ``unknown`` where it may be said."""
    value = _least(asked.schema or {"type": "object"}, asked.schema or {})
    return value if isinstance(value, dict) else {"value": value}


def obeying(asked: Asked) -> Answer:
    """A model that does what an ad tells it: it repeats the last JSON object of the text, or what follows ``say:``."""
    if found := re.findall(r"\{[^{}]*\}", asked.text):
        return str(found[-1])
    said = asked.text.lower().rfind("say:")
    return asked.text[said + 4 :].strip() if said >= 0 else from_schema(asked)


def saying(tone: str) -> Callable[[Asked], Json]:
    """A model to whom every text has this tone and nothing else is known, and who describes each in two words."""

    def answer(asked: Asked) -> Json:
        if asked.schema_name == "description":
            return {"description": "An ad.", "attributes": []}
        said: Json = {}
        for name, schema in (asked.schema or {})["properties"].items():
            claim = {"value": tone if name == "tone" else "unknown", "quote": "Fresh", "confidence": "sure"}
            said[name] = [claim] if schema.get("type") == "array" else claim
        return said

    return answer


def _least(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Any:
    if "$ref" in schema:
        return _least(whole["$defs"][schema["$ref"].rpartition("/")[2]], whole)
    if "const" in schema:
        return schema["const"]
    if values := schema.get("enum"):
        return "unknown" if "unknown" in values else values[0]
    if choices := schema.get("anyOf"):
        return None if {"type": "null"} in choices else _least(choices[0], whole)
    return _least_of_type(schema, whole)


def _least_of_type(schema: Mapping[str, Any], whole: Mapping[str, Any]) -> Any:
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        return None if "null" in kind else _least({**schema, "type": kind[0]}, whole)
    if kind == "object":
        return {name: _least(inner, whole) for name, inner in schema.get("properties", {}).items()}
    return {"array": [], "string": "", "integer": 0, "number": 0.0, "boolean": False, "null": None}[kind]
