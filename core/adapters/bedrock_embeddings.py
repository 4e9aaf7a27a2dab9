"""Vectors of texts and pictures from Amazon Titan. They are paid for: nothing asks for them unless told to.

Vectors of different models or sizes are never compared: ``model`` names both, and all come normalised by us.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from core.adapters.bedrock_runtime import BedrockRuntime, check_picture
from core.errors import BadInputError, TerminalError
from core.observability.redaction import shorten
from core.ports import ModelImage, Vector

MAX_TEXT_CHARACTERS: Final = 4_000  # as the local model; within Titan's 8,192 tokens in any script
MAX_WORDS_CHARACTERS: Final = 500  # within the picture model's 256 tokens of English
MAX_IMAGE_BYTES: Final = 18_700_000  # 25 MB of request, in base64
MAX_IMAGE_SIDE: Final = 2_048
TEXT_DIMENSIONS: Final = (256, 512, 1024)
IMAGE_DIMENSIONS: Final = (256, 384, 1024)


class BedrockTextEmbedder:
    """Texts to unit vectors; a ``TextEmbedder``."""

    normalised = True

    def __init__(self, model: str, runtime: BedrockRuntime, *, dimension: int = 1024) -> None:
        """``dimension``: 256, 512 or 1024. Connects to nothing yet."""
        if dimension not in TEXT_DIMENSIONS:
            raise BadInputError(f"{dimension} numbers a vector: {model} makes {TEXT_DIMENSIONS}")
        self._titan, self._runtime = _Titan(model, runtime, dimension), runtime
        self.model, self.dimension = f"{model}/{dimension}", dimension

    def embed(self, texts: Sequence[str]) -> Vector:
        """Shape (len(texts), dimension), float32, unit length; longer texts count by their first 4,000 characters.
        One paid call a text. Raises BadInputError for a text without a visible sign, before any call."""
        bodies = [
            {"inputText": _clean(text, position, MAX_TEXT_CHARACTERS), "dimensions": self.dimension, "normalize": True}
            for position, text in enumerate(texts)
        ]
        return self._titan.vectors(bodies)


class BedrockImageEmbedder:
    """Pictures, and English words to find them by, to unit vectors of one space."""

    normalised = True

    def __init__(self, model: str, runtime: BedrockRuntime, *, dimension: int = 1024) -> None:
        """``dimension``: 256, 384 or 1024. Connects to nothing yet."""
        if dimension not in IMAGE_DIMENSIONS:
            raise BadInputError(f"{dimension} numbers a vector: {model} makes {IMAGE_DIMENSIONS}")
        self._titan = _Titan(model, runtime, dimension)
        self.model, self.dimension = f"{model}/{dimension}", dimension

    def embed(self, pictures: Sequence[ModelImage]) -> Vector:
        """Shape (len(pictures), dimension), float32, unit length; one paid call a picture.
        Raises BadInputError for a picture beyond Titan's limits, before any call."""
        for picture in pictures:
            check_picture(picture, max_bytes=MAX_IMAGE_BYTES, max_side=MAX_IMAGE_SIDE)
        return self._titan.vectors(
            [self._body("inputImage", base64.b64encode(picture.content).decode()) for picture in pictures]
        )

    def embed_words(self, texts: Sequence[str]) -> Vector:
        """As ``embed``, of words; longer texts count by their first 500 characters."""
        return self._titan.vectors(
            [self._body("inputText", _clean(text, at, MAX_WORDS_CHARACTERS)) for at, text in enumerate(texts)]
        )

    def _body(self, name: str, value: str) -> dict[str, Any]:
        return {name: value, "embeddingConfig": {"outputEmbeddingLength": self.dimension}}


class _Titan:
    """One model, invoked; Titan takes one input a call."""

    def __init__(self, model: str, runtime: BedrockRuntime, dimension: int) -> None:
        self._model, self._runtime, self._dimension = model, runtime, dimension

    def vectors(self, bodies: list[dict[str, Any]]) -> Vector:
        """Shape (len(bodies), dimension), in their order, unit length."""
        rows = self._runtime.map(self._vector, bodies)
        return np.array(rows, dtype=np.float32).reshape(len(bodies), self._dimension)

    def _vector(self, body: Mapping[str, Any]) -> Vector:
        answer = self._runtime.call(
            "invoke_model",
            modelId=self._model,
            body=json.dumps(body).encode(),
            contentType="application/json",
            accept="application/json",
        )
        try:
            told = json.loads(answer["body"])
            message, vector = told.get("message"), np.array(told.get("embedding") or [], dtype=np.float32)
        except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise TerminalError(f"{self._model} answered no vector: {type(error).__name__}") from error
        if message:  # an error that comes with 200
            raise TerminalError(f"{self._model} made no vector: {shorten(str(message), 300)}")
        length = float(np.linalg.norm(vector))
        if vector.shape != (self._dimension,) or not np.isfinite(length) or length == 0:
            raise TerminalError(f"{self._model} answered no vector of {self._dimension} numbers")
        unit: Vector = vector / np.float32(length)
        return unit


def _clean(text: str, position: int, most_characters: int) -> str:
    """Lone surrogates can't be sent."""
    clean = text[:most_characters].replace("\0", " ").encode("utf-8", "replace").decode()
    if not clean.strip():
        raise BadInputError(f"text {position} is empty: leave it out, there is nothing to embed")
    return clean
