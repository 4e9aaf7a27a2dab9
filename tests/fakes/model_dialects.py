"""How four endpoints of vendors speak: a request taken apart, an answer put together. contracts.md c and d."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.fakes.model_answers import Asked, HttpError, Json, Said

ENDPOINTS = (
    (re.compile(r".*/responses"), "responses"),
    (re.compile(r".*/chat/completions"), "chat"),
    (re.compile(r"/model/(?P<model>[^/]+)/converse"), "converse"),
    (re.compile(r"/model/(?P<model>[^/]*titan-embed-text[^/]*)/invoke"), "titan-text"),
    (re.compile(r"/model/(?P<model>[^/]*titan-embed-image[^/]*)/invoke"), "titan-image"),
)

# kind → (status, OpenAI's type and code) and (status, Bedrock's exception)
ERRORS: dict[str, tuple[tuple[int, str, str | None], tuple[int, str]]] = {
    "rate": ((429, "requests", "rate_limit_exceeded"), (429, "ThrottlingException")),
    "quota": ((429, "insufficient_quota", "insufficient_quota"), (400, "ServiceQuotaExceededException")),
    "not_ready": ((503, "server_error", None), (429, "ModelNotReadyException")),
    "credentials": ((401, "invalid_request_error", "invalid_api_key"), (403, "UnrecognizedClientException")),
    "forbidden": ((403, "invalid_request_error", None), (403, "AccessDeniedException")),
    "model_missing": ((404, "invalid_request_error", "model_not_found"), (404, "ResourceNotFoundException")),
    "bad_input": ((400, "invalid_request_error", None), (400, "ValidationException")),
    "flagged": ((400, "invalid_request_error", "content_filter"), (400, "ValidationException")),
    "unprocessable": ((422, "invalid_request_error", None), (400, "ValidationException")),
    "model_timeout": ((408, "timeout", None), (408, "ModelTimeoutException")),
    "model_error": ((500, "server_error", None), (424, "ModelErrorException")),
    "internal": ((500, "server_error", None), (500, "InternalServerException")),
    "outage": ((503, "server_error", None), (503, "ServiceUnavailableException")),
}


def take_apart(path: str, headers: dict[str, str], body: Json) -> Asked | None:
    """None for a path that no endpoint has."""
    plain = path.partition("?")[0]
    for pattern, dialect in ENDPOINTS:
        if found := pattern.fullmatch(plain):
            model = unquote(found.groupdict().get("model") or body.get("model", ""))
            parts = _PARTS[dialect](body)
            return Asked(dialect, path, headers, body, model, **parts)
    return None


def put_together(asked: Asked, said: Said, number: int) -> Json:
    """The body of a 200. ``number`` makes its id."""
    return _BODIES[asked.dialect](asked, said, number)


def error(asked: Asked, given: HttpError) -> tuple[int, dict[str, str], Json]:
    """Status, headers and body."""
    (status, kind, code), (aws_status, exception) = ERRORS[given.kind]
    if asked.dialect in {"responses", "chat"}:
        return status, {}, {"error": {"message": given.message, "type": kind, "param": given.param, "code": code}}
    return aws_status, {"x-amzn-ErrorType": exception}, {"message": given.message}


def request_id_header(asked: Asked, number: int) -> tuple[str, str]:
    """As each vendor names the id of a call."""
    name = "x-request-id" if asked.dialect in {"responses", "chat"} else "x-amzn-RequestId"
    return name, f"req-{number}"


# --- requests


def _of_responses(body: Json) -> Json:
    form, parts = body.get("text", {}).get("format", {}), body["input"][0]["content"]
    return {
        "instructions": body.get("instructions", ""),
        "text": "".join(part["text"] for part in parts if part["type"] == "input_text"),
        "images": tuple(_of_data_url(part["image_url"]) for part in parts if part["type"] == "input_image"),
        "schema": form.get("schema"),
        "schema_name": form.get("name", ""),
        "max_output_tokens": body.get("max_output_tokens"),
    }


def _of_chat(body: Json) -> Json:
    form = body.get("response_format", {}).get("json_schema", {})
    system = [message["content"] for message in body["messages"] if message["role"] != "user"]
    [user] = [message["content"] for message in body["messages"] if message["role"] == "user"]
    parts = [{"type": "text", "text": user}] if isinstance(user, str) else user
    return {
        "instructions": "\n".join(system),
        "text": "".join(part["text"] for part in parts if part["type"] == "text"),
        "images": tuple(_of_data_url(part["image_url"]["url"]) for part in parts if part["type"] == "image_url"),
        "schema": form.get("schema") or _schema_in("\n".join(system)),
        "schema_name": form.get("name", ""),
        "max_output_tokens": body.get("max_tokens") or body.get("max_completion_tokens"),
    }


def _of_converse(body: Json) -> Json:
    form = body.get("outputConfig", {}).get("textFormat", {}).get("structure", {}).get("jsonSchema", {})
    parts = body["messages"][0]["content"]
    return {
        "instructions": "".join(part["text"] for part in body.get("system", [])),
        "text": "".join(part["text"] for part in parts if "text" in part),
        "images": tuple(base64.b64decode(part["image"]["source"]["bytes"]) for part in parts if "image" in part),
        "schema": json.loads(form["schema"]) if form else None,
        "schema_name": form.get("name", ""),
        "max_output_tokens": body.get("inferenceConfig", {}).get("maxTokens"),
    }


def _of_titan(body: Json) -> Json:
    image = body.get("inputImage")
    return {"text": body.get("inputText", ""), "images": (base64.b64decode(image),) if image else ()}


def _of_data_url(url: str) -> bytes:
    head, _, encoded = url.partition(",")
    assert re.fullmatch(r"data:image/(jpeg|png|webp|gif);base64", head), head
    return base64.b64decode(encoded, validate=True)


def _schema_in(instructions: str) -> Json | None:
    """Of a client that can only ask for it in words: the last line that is a JSON object."""
    for line in reversed(instructions.splitlines()):
        if line.startswith("{"):
            schema: Json = json.loads(line)
            return schema
    return None


_PARTS: dict[str, Callable[[Json], Json]] = {
    "responses": _of_responses,
    "chat": _of_chat,
    "converse": _of_converse,
    "titan-text": _of_titan,
    "titan-image": _of_titan,
}

# --- answers


def _as_response(asked: Asked, said: Said, number: int) -> Json:
    incomplete = {"truncated": "max_output_tokens", "filtered": "content_filter"}.get(said.ending)
    kind = {"type": "refusal", "refusal": said.text} if said.ending == "refused" else None
    part = kind or {"type": "output_text", "text": said.text, "annotations": []}
    return {
        "id": f"resp_{number}",
        "object": "response",
        "status": "incomplete" if incomplete else "completed",
        "incomplete_details": {"reason": incomplete} if incomplete else None,
        "error": None,
        "model": f"{asked.model}-2026-10-01",
        "output": [
            {"type": "reasoning", "id": f"rs_{number}", "summary": []},
            {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed", "content": [part]},
        ],
        "usage": {
            "input_tokens": said.input_tokens,
            "input_tokens_details": {"cached_tokens": said.cached_tokens},
            "output_tokens": said.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": said.input_tokens + said.output_tokens,
        },
    }


def _as_completion(asked: Asked, said: Said, number: int) -> Json:
    finish = {"truncated": "length", "filtered": "content_filter"}.get(said.ending, "stop")
    is_refused = said.ending == "refused"
    message = {
        "role": "assistant",
        "content": None if is_refused else said.text,
        "refusal": said.text if is_refused else None,
    }
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "model": f"{asked.model}-2026-10-01",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": said.input_tokens,
            "completion_tokens": said.output_tokens,
            "total_tokens": said.input_tokens + said.output_tokens,
            "prompt_tokens_details": {"cached_tokens": said.cached_tokens},
        },
    }


def _as_converse(_asked: Asked, said: Said, _number: int) -> Json:
    reasons = {
        "truncated": "max_tokens",
        "filtered": "guardrail_intervened",
        "refused": "content_filtered",
        "malformed": "malformed_model_output",
    }
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": said.text}]}},
        "stopReason": reasons.get(said.ending, "end_turn"),
        "usage": {  # Converse counts what was cached beside the input, not in it
            "inputTokens": said.input_tokens - said.cached_tokens,
            "outputTokens": said.output_tokens,
            "totalTokens": said.input_tokens + said.output_tokens,
            "cacheReadInputTokens": said.cached_tokens,
        },
        "metrics": {"latencyMs": 12},
    }


def _as_vector(asked: Asked, said: Said, _number: int) -> Json:
    """A direction by the content; text comes normalised, pictures don't. The text of a Said is Titan's ``message``."""
    options = asked.body.get("embeddingConfig", {})
    dimension = asked.body.get("dimensions") or options.get("outputEmbeddingLength") or 1024
    seed = hashlib.sha256(asked.text.encode() + b"".join(asked.images)).digest()
    vector = [math.sin(1 + n * 0.37 + seed[n % 32]) for n in range(dimension)]
    length = math.hypot(*vector) if asked.body.get("normalize") else 1.0
    message: Any = said.text or None
    return {"embedding": [x / length for x in vector], "inputTextTokenCount": 3, "message": message}


_BODIES: dict[str, Callable[[Asked, Said, int], Json]] = {
    "responses": _as_response,
    "chat": _as_completion,
    "converse": _as_converse,
    "titan-text": _as_vector,
    "titan-image": _as_vector,
}
