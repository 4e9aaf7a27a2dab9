"""A small taxonomy, an ad, and the models that tests have it read by, over HTTP on loopback."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from PIL import Image, ImageDraw, ImageFont

from core.adapters.log_notifier import LogNotifier
from core.ai.asking import Models
from core.ai.methods.base import Block, Exchange, Method, MethodResult
from core.ai.methods.running import run
from core.ai.prices import Prices, load_prices
from core.ai.taxonomy import Dimension, Taxonomy, Value
from core.bootstrap import SystemClock
from core.domain.label import Outcome, Provenance
from core.ports import LanguageModel, ModelAnswer, ModelImage, ModelRequest, ModelUsage
from tests.fakes.model_answers import Asked, Json, from_schema

T = TypeVar("T")


def _dimension(*values: str, **more: Any) -> Dimension:
    named = {value: Value(definition=f"It is {value}.", examples=(f"An example of {value}.",)) for value in values}
    return Dimension(**{"definition": "What it is.", "cardinality": "single", "values": named} | more)


READING = Taxonomy(
    "v9-test",
    {
        "hook": _dimension("urgency", "question", "bold_claim", reads="opening"),
        "offer": _dimension("percent_off", "free_shipping", cardinality="multi", otherwise="none"),
        "cta": _dimension("shop", "sign_up"),
        "visual_format": _dimension("product_shot", "talking_head", reads="picture"),
        "visual_elements": _dimension("person", "price_tag", reads="picture", cardinality="multi"),
        "visual_colours": _dimension("warm", "cool", reads="picture", measured=True),
    },
)
PROVENANCE = Provenance("labels", "1", "openai/gpt-test", "v9-test")
TEXT = "Hurry,  20 % off ends “tonight”!\nFree shipping on every pair 👟"


def picture(words: str = "", *, side: int = 256) -> ModelImage:
    """A JPEG with the words on it."""
    image = Image.new("RGB", (side, side), "white")
    ImageDraw.Draw(image).multiline_text((8, 8), words, "black", ImageFont.load_default(14))
    content = io.BytesIO()
    image.save(content, "JPEG")
    return ModelImage(content.getvalue(), "image/jpeg")


AD = Block(TEXT, "Shop now", "50% OFF", {"brand": "Kestrun", "channel": "sample"}, (picture(),))


def models(*inner: LanguageModel, prices: Prices | None = None) -> Models:
    """Who is asked, without pauses."""
    return Models(
        inner,
        concurrency=8,
        prices=prices or load_prices(),
        clock=SystemClock(),
        notifier=LogNotifier(),
        pause=_no_pause,
    )


def read_by(method: Method[T], block: Block, asker: Models) -> MethodResult[T]:
    """The method run to its end."""
    return asyncio.run(run(method, block, asker))


def said(answer: object, outcome: Outcome = Outcome.OK) -> ModelAnswer:
    """An answer as an adapter hands it over; anything but a text becomes JSON."""
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return ModelAnswer(outcome, text, "gpt-test", ModelUsage(1_000, 100, 200))


class Scripted:
    """An ``Asker`` without HTTP: gives the answers in turn and keeps the requests."""

    def __init__(self, *answers: ModelAnswer, cost_usd: float | None = 0.001) -> None:
        self._answers: Iterator[ModelAnswer] = iter(answers)
        self._cost_usd = cost_usd
        self.requests: list[ModelRequest] = []

    async def ask(self, request: ModelRequest) -> Exchange:
        self.requests.append(request)
        return Exchange("openai", "gpt-test", request, {}, next(self._answers), 0.1, self._cost_usd)


def claim(value: str, quote: str = "", confidence: str = "sure") -> Json:
    """One value as a model gives it for words."""
    return {"value": value, "quote": quote, "confidence": confidence}


def in_region(value: str, box: Sequence[Any], confidence: str = "sure") -> Json:
    """One value as a model gives it for a picture; ``box`` is left, top, right, bottom."""
    region = dict(zip(("left", "top", "right", "bottom"), box, strict=True))
    return {"value": value, "region": region, "confidence": confidence}


def good_answer(asked: Asked) -> Json:
    """What a sound model might say to any of the methods."""
    return {"labels": LABELS, "visual_labels": VISUAL, "description": DESCRIBED}.get(asked.schema_name) or from_schema(
        asked
    )


LABELS: Mapping[str, Any] = {
    "hook": claim("urgency", "hurry, 20 % off"),
    "offer": [claim("percent_off", "20 % off"), claim("free_shipping", "free shipping", "likely")],
    "cta": claim("shop", "Shop now"),
}
VISUAL: Mapping[str, Any] = {
    "visual_format": in_region("product_shot", (0, 0, 1, 1)),
    "visual_elements": [in_region("price_tag", (0.6, 0.1, 0.9, 0.3), "likely")],
}
DESCRIBED: Mapping[str, Any] = {
    "description": "A shoe on white. " * 20,
    "attributes": [{"name": f"detail_{number}", "value": f"value {number}", "read_in": "text"} for number in range(50)],
}


async def _no_pause(_: float) -> None:
    """Tests don't wait."""
