"""Models on Amazon Bedrock through Converse: pictures as bytes, the schema as a string."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

from core.adapters.bedrock_runtime import BedrockRuntime, check_picture
from core.adapters.vendor_answers import as_documented, counts, vendor_id
from core.domain.label import Outcome
from core.errors import BadInputError, UnansweredError
from core.ports import ModelAnswer, ModelImage, ModelRequest, ModelUsage

MAX_IMAGES: Final = 20
MAX_IMAGE_BYTES: Final = 3_750_000
MAX_IMAGE_SIDE: Final = 8_000
_FORMATS: Final = {"image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp", "image/gif": "gif"}
# All else is ok here: a malformed_model_output or malformed_tool_use is text that won't be valid, and is found so.
_ENDINGS: Final = {
    "max_tokens": Outcome.TRUNCATED,
    "model_context_window_exceeded": Outcome.TRUNCATED,
    "content_filtered": Outcome.REFUSED,
    "guardrail_intervened": Outcome.REFUSED,
    "refusal": Outcome.REFUSED,  # Anthropic's models
}


class BedrockConverse:
    """The model or inference profile of ADOLOGY_BEDROCK_MODEL."""

    provider = "bedrock"

    def __init__(self, model: str, runtime: BedrockRuntime) -> None:
        """Connects to nothing yet."""
        self._model, self._runtime = model, runtime

    @property
    def model(self) -> str:
        """Its id or the profile's; Bedrock's answers name none."""
        return self._model

    def wire_request(self, request: ModelRequest) -> dict[str, Any]:
        """The body that is posted to /model/<model>/converse; in JSON, bytes are base64."""
        return self._body(request, lambda content: base64.b64encode(content).decode())

    async def answer(self, request: ModelRequest) -> ModelAnswer:
        """Ask once, in a thread. Raises as the port says; BadInputError, too, for pictures beyond Bedrock's limits."""
        _check(request.images)
        answer = await self._runtime.call_async("converse", modelId=self._model, **self._body(request, bytes))
        with as_documented(self.provider):
            return self._read(answer)

    def _read(self, answer: dict[str, Any]) -> ModelAnswer:
        meta = answer.pop("ResponseMetadata", {})
        if "stopReason" not in answer:  # the library takes half a body for one without members
            raise UnansweredError("bedrock's answer isn't whole: try again")
        return ModelAnswer(
            outcome=_ENDINGS.get(answer["stopReason"], Outcome.OK),
            text=_text(answer),
            model=self._model,
            usage=_usage(answer.get("usage")),
            vendor_request_id=vendor_id(meta.get("RequestId")),
            wire=_as_json(answer),
        )

    def _body(self, request: ModelRequest, written: Any) -> dict[str, Any]:
        pictures = [
            {"image": {"format": _FORMATS[image.content_type], "source": {"bytes": written(image.content)}}}
            for image in request.images
        ]
        schema = {"schema": json.dumps(request.schema), "name": request.schema_name}
        return {
            "system": [{"text": request.instructions}],
            "messages": [{"role": "user", "content": [{"text": request.text}, *pictures]}],
            "inferenceConfig": {"maxTokens": request.max_output_tokens},
            "outputConfig": {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}},
        }


def _check(images: tuple[ModelImage, ...]) -> None:
    if len(images) > MAX_IMAGES:
        raise BadInputError(f"{len(images)} pictures: bedrock takes {MAX_IMAGES} at once, leave some out")
    for image in images:
        if image.content_type not in _FORMATS:
            raise BadInputError(f"bedrock takes no {image.content_type}: give JPEG, PNG, WebP or GIF")
        check_picture(image, max_bytes=MAX_IMAGE_BYTES, max_side=MAX_IMAGE_SIDE)


def _text(answer: Mapping[str, Any]) -> str:
    content = ((answer.get("output") or {}).get("message") or {}).get("content") or []
    return "".join(str(block["text"]) for block in content if "text" in block)


def _usage(usage: object) -> ModelUsage:
    """Bedrock counts what is read from or written to the cache beside the input."""
    paths = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens")
    fresh, written, cached, to_cache = counts(usage, *paths)
    return ModelUsage(fresh + cached + to_cache, written, cached)


def _as_json(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Redacted reasoning comes as bytes."""
    plain: dict[str, Any] = json.loads(json.dumps(answer, default=lambda raw: base64.b64encode(raw).decode()))
    return plain
