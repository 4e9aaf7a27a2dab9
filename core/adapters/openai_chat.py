"""Servers that speak OpenAI's chat completions as language models: Gemini, Ollama, vLLM and others, by base URL.

Asked in one form; ``strictest_chat`` finds out which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, Final

from core.adapters.openai_errors import of_code
from core.adapters.openai_responses import data_url, refusal
from core.adapters.openai_server import OpenAiServer, Wire
from core.adapters.vendor_answers import as_documented, counts, vendor_id
from core.domain.label import Outcome
from core.errors import UnansweredError
from core.ports import ModelAnswer, ModelRequest, ModelUsage

_FILTERS: Final = ("content_filter", "safety", "recitation", "prohibited_content", "blocklist", "spii")  # Gemini's, too


class Form(Enum):
    """How a server is asked for JSON, the strictest first."""

    SCHEMA = "json_schema"  # it keeps to the schema by itself
    OBJECT = "json_object"  # it answers some JSON; the schema is told in words
    WORDS = "text"  # all is told in words


class OpenAiChat:
    """The model of ADOLOGY_COMPATIBLE_MODEL behind ADOLOGY_COMPATIBLE_BASE_URL, asked in one form."""

    provider = "compatible"

    def __init__(self, model: str, server: OpenAiServer, form: Form) -> None:
        self._model, self._server, self._form = model, server, form

    @property
    def model(self) -> str:
        """As it is configured; an answer may name it otherwise."""
        return self._model

    def wire_request(self, request: ModelRequest) -> dict[str, Any]:
        """The body that is posted to /chat/completions."""
        asked = request if self._form is Form.SCHEMA else _with_schema_in_words(request)
        pictures = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in request.images]
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [
                {"role": "system", "content": asked.instructions},
                # plain text where there is no picture: some servers know nothing else
                {
                    "role": "user",
                    "content": [{"type": "text", "text": asked.text}, *pictures] if pictures else asked.text,
                },
            ],
            "max_tokens": request.max_output_tokens,  # not max_completion_tokens: Ollama passes over it
            "temperature": 0,
        }
        if self._form is Form.SCHEMA:
            schema = {"name": request.schema_name, "schema": dict(request.schema), "strict": True}
            body["response_format"] = {"type": self._form.value, "json_schema": schema}
        elif self._form is Form.OBJECT:
            body["response_format"] = {"type": self._form.value}
        return body

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Ask once. Raises as the port says."""
        wire = await self._server.ask("chat_completions", self.wire_request(request))
        with as_documented(self.provider):
            return self._read(wire)

    def _read(self, wire: Wire) -> ModelAnswer:
        body = wire.body
        if wire.flagged:
            return refusal(wire, self._model)
        if failure := body.get("error"):  # with 200: routers do that
            told = failure if isinstance(failure, Mapping) else {"message": failure}
            raise of_code(str(told.get("code")), str(told.get("message")), self.provider)
        if "choices" not in body:
            raise UnansweredError(
                "compatible didn't answer with a chat completion: try again; if it stays so, correct"
                " ADOLOGY_COMPATIBLE_BASE_URL"
            )
        outcome, text = _said(body["choices"] or [])
        return ModelAnswer(
            outcome=outcome,
            text=text,
            model=str(body.get("model") or self._model),
            usage=_usage(body.get("usage")),
            vendor_request_id=wire.request_id or vendor_id(body.get("id")),
            wire=body,
        )


def _with_schema_in_words(request: ModelRequest) -> ModelRequest:
    told = "Answer with one JSON object that follows this JSON Schema, and with nothing else:"
    return replace(request, instructions=f"{request.instructions}\n\n{told}\n{json.dumps(request.schema)}")


def _said(choices: list[dict[str, Any]]) -> tuple[Outcome, str]:
    if not choices:  # how Gemini answers to what it blocks
        return Outcome.REFUSED, ""
    message = choices[0].get("message") or {}
    if refusal := message.get("refusal"):
        return Outcome.REFUSED, str(refusal)
    text, ending = _text(message.get("content")), str(choices[0].get("finish_reason")).lower()
    if ending.startswith(_FILTERS):
        return Outcome.REFUSED, text
    return (Outcome.TRUNCATED if ending == "length" else Outcome.OK), text


def _text(content: Any) -> str:
    """A text, or a list of parts of it."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return str(content or "")


def _usage(usage: object) -> ModelUsage:
    paths = ("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details.cached_tokens")
    read, written, total, cached = counts(usage, *paths)
    return ModelUsage(read, max(written, total - read), cached)  # Gemini counts its thinking in the total alone
