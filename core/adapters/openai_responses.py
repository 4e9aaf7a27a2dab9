"""OpenAI's Responses API as a language model: strict JSON schema, pictures as data URLs, nothing kept by the vendor."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from core.adapters.openai_errors import of_code
from core.adapters.openai_server import OpenAiServer, Wire
from core.adapters.vendor_answers import as_documented, counts, vendor_id
from core.domain.label import Outcome
from core.errors import UnansweredError
from core.ports import ModelAnswer, ModelImage, ModelRequest, ModelUsage

_ENDINGS = {"max_output_tokens": Outcome.TRUNCATED, "content_filter": Outcome.REFUSED}


class OpenAiResponses:
    """The model of ADOLOGY_OPENAI_MODEL."""

    provider = "openai"

    def __init__(self, model: str, *, api_key: str, base_url: str, timeout_seconds: float) -> None:
        """``base_url`` empty: OpenAI's own. Connects to nothing yet."""
        self._model = model
        self._server = OpenAiServer(
            self.provider, base_url=base_url or None, api_key=api_key, timeout_seconds=timeout_seconds
        )

    @property
    def model(self) -> str:
        """As it is configured; an answer names the dated one."""
        return self._model

    def wire_request(self, request: ModelRequest) -> dict[str, Any]:
        """The body that is posted to /responses."""
        form = {"type": "json_schema", "name": request.schema_name, "schema": dict(request.schema), "strict": True}
        pictures = [{"type": "input_image", "image_url": data_url(image), "detail": "auto"} for image in request.images]
        return {
            "model": self._model,
            "instructions": request.instructions,
            "input": [{"role": "user", "content": [{"type": "input_text", "text": request.text}, *pictures]}],
            "text": {"format": form},
            "max_output_tokens": request.max_output_tokens,
            "store": False,
        }

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Ask once. Raises as the port says."""
        wire = await self._server.ask("responses", self.wire_request(request))
        with as_documented(self.provider):
            return self._read(wire)

    def _read(self, wire: Wire) -> ModelAnswer:
        body = wire.body
        if wire.flagged:
            return refusal(wire, self._model)
        status, failure = body.get("status"), body.get("error") or {}
        if status == "failed" or failure:
            raise of_code(str(failure.get("code")), str(failure.get("message")), self.provider)
        if status not in {"completed", "incomplete"}:
            raise UnansweredError(f"openai answered no finished response (status {status!r}): try again")
        outcome, text = _said(body)
        return ModelAnswer(
            outcome=outcome,
            text=text,
            model=str(body.get("model") or self._model),
            usage=_usage(body.get("usage")),
            vendor_request_id=wire.request_id or vendor_id(body.get("id")),
            wire=body,
        )


def refusal(wire: Wire, model: str) -> ModelAnswer:
    """Of a filter before the model, which bills nothing."""
    return ModelAnswer(Outcome.REFUSED, wire.flagged, model, ModelUsage(), wire.request_id, wire.body)


def data_url(image: ModelImage) -> str:
    """The picture in the request itself."""
    return f"data:{image.content_type};base64,{base64.b64encode(image.content).decode()}"


def _said(body: Mapping[str, Any]) -> tuple[Outcome, str]:
    parts = list(_parts(body))
    if refusals := [str(part.get("refusal")) for part in parts if part.get("type") == "refusal"]:
        return Outcome.REFUSED, "\n".join(refusals)
    text = "".join(str(part.get("text", "")) for part in parts if part.get("type") == "output_text")
    if body.get("status") == "completed":
        return Outcome.OK, text
    reason = (body.get("incomplete_details") or {}).get("reason")
    return _ENDINGS.get(str(reason), Outcome.TRUNCATED), text


def _parts(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for item in body.get("output") or []:
        if item.get("type") == "message":
            yield from item.get("content") or []


def _usage(usage: object) -> ModelUsage:
    return ModelUsage(*counts(usage, "input_tokens", "output_tokens", "input_tokens_details.cached_tokens"))
