"""Queue names and message bodies. The specification's bodies are accepted as they stand; ours carry more."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.domain.principal import SHARED_SCOPE
from core.errors import BadInputError

GATHER_QUEUE = "brand-gather-queue"
URL_QUEUE = "url-process-queue"
AI_QUEUE = "brand-ai-phase-queue"
REQUEST_QUEUE = "request-queue"  # other long work
PICTURE_QUEUE = "creative-reading-queue"

BASE_QUEUES = (GATHER_QUEUE, URL_QUEUE, AI_QUEUE, REQUEST_QUEUE, PICTURE_QUEUE)
BACKGROUND_SUFFIX = "-background"
DEAD_LETTER_SUFFIX = "-dlq"
WORK_QUEUES = tuple(name + suffix for name in BASE_QUEUES for suffix in ("", BACKGROUND_SUFFIX))
QUEUES = WORK_QUEUES + tuple(name + DEAD_LETTER_SUFFIX for name in WORK_QUEUES)
MAX_URL_CHARACTERS = 8_000


class Message(BaseModel):
    """What every body has; unknown fields are kept and travel on."""

    model_config = ConfigDict(extra="allow", frozen=True)

    scope: str = Field(SHARED_SCOPE, min_length=1, max_length=64)
    batch_id: str | None = None
    request_id: str | None = None
    trace_id: str | None = None

    def to_body(self) -> str:
        """The JSON body in ASCII (queues refuse some characters); fields left at None are not sent."""
        return self.model_dump_json(exclude_none=True, ensure_ascii=True)


class BrandMessage(Message):
    """Work on one brand."""

    brand: str = Field(min_length=1, max_length=200)


class GatherMessage(BrandMessage):
    """``{"brand": "nike"}``: ask the sources for the brand's ads."""

    source: str | None = None  # one named source; None: every source that knows the brand
    bundle: str | None = None  # for source "import": the hash of the staged records
    repairs: str | None = None  # instead of asking a source: the batch whose failed media are acquired again


class UrlMessage(BrandMessage):
    """``{"brand", "url", "metadata"}``: acquire one item."""

    url: str = Field(min_length=1, max_length=MAX_URL_CHARACTERS)
    metadata: dict[str, Any] = Field(default_factory=dict)
    item_id: str | None = None


class AiPhaseMessage(BrandMessage):
    """``{"brand": "nike"}``: read the brand's new content."""

    on_demand: bool | None = None  # somebody asked: the request says who waits, the scope who he is


class PictureMessage(BrandMessage):
    """``{"brand": "nike"}``: read what stands on the brand's pictures that nobody has read."""


class RequestMessage(Message):
    """``{"request_id": "…"}``: do what the request asks for."""

    request_id: str = Field(min_length=1, max_length=64)


M = TypeVar("M", bound=Message)


def parse_message(kind: type[M], body: str) -> M:
    """Raises BadInputError naming the wrong fields (never their values)."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        fields = ", ".join(".".join(str(part) for part in item["loc"]) or "body" for item in error.errors())
        raise BadInputError(f"not a {kind.__name__}: check {fields}") from None
