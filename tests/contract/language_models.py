"""The three providers beside the fake vendor, each behind the one port."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from PIL import Image

from core.adapters.bedrock_converse import BedrockConverse
from core.adapters.bedrock_runtime import BedrockRuntime
from core.adapters.openai_chat import Form, OpenAiChat
from core.adapters.openai_responses import OpenAiResponses
from core.adapters.openai_server import OpenAiServer
from core.adapters.strictest_chat import StrictestChat
from core.observability.logs import configure_logging
from core.ports import LanguageModel, ModelAnswer, ModelImage, ModelRequest

KEY = "vendors-key-0123456789abcdefghij"  # of no shape that is known to be a secret's
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
AWS_ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": AWS_SECRET}
TIMEOUT_SECONDS = 20.0  # of calls that shall not time out, on a busy machine

SCHEMA = {
    "type": "object",
    "properties": {"hook": {"type": "string", "enum": ["question", "unknown"]}, "quote": {"type": "string"}},
    "required": ["hook", "quote"],
    "additionalProperties": False,
}


def picture(width: int = 4, height: int = 4, kind: str = "PNG") -> ModelImage:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(content, kind)
    return ModelImage(content.getvalue(), f"image/{kind.lower()}")


def request(text: str = "Why wait? ¡Ahora! 지금", *, images: tuple[ModelImage, ...] = ()) -> ModelRequest:
    return ModelRequest("Label the ad.", text, "labels", SCHEMA, images, max_output_tokens=700)


def ask(model: LanguageModel, what: ModelRequest | None = None) -> ModelAnswer:
    return asyncio.run(model.answer(what or request()))


def openai(server_url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> LanguageModel:
    return OpenAiResponses("gpt-test", api_key=KEY, base_url=f"{server_url}/v1", timeout_seconds=timeout_seconds)


def compatible(server_url: str, timeout_seconds: float = TIMEOUT_SECONDS, *, key: str = KEY) -> LanguageModel:
    server = OpenAiServer("compatible", base_url=f"{server_url}/v1", api_key=key, timeout_seconds=timeout_seconds)
    return StrictestChat([OpenAiChat("qwen-test", server, form) for form in Form])


def bedrock(server_url: str, timeout_seconds: float = TIMEOUT_SECONDS) -> LanguageModel:
    runtime = BedrockRuntime("eu-west-1", endpoint=server_url, timeout_seconds=timeout_seconds, connections=8)
    return BedrockConverse("eu.anthropic.test-v1:0", runtime)


PROVIDERS: dict[str, Callable[..., LanguageModel]] = {
    "openai": openai,
    "compatible": compatible,
    "bedrock": bedrock,
}


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """What the product would write at its most talkative, the vendors' libraries as well."""
    root, talkative = logging.getLogger(), ("openai", "httpx2", "botocore")
    before, written = (list(root.handlers), root.level), io.StringIO()
    configure_logging(level="DEBUG", json=True, stream=written)
    for name in talkative:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield written
    finally:
        for name in talkative:
            logging.getLogger(name).setLevel(logging.NOTSET)
        logging.captureWarnings(False)
        structlog.reset_defaults()
        root.handlers[:] = before[0]
        root.setLevel(before[1])
