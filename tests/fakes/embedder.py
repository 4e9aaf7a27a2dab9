"""A TextEmbedder without a model: texts of the same words lie near each other. Counts what it embeds."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from core.errors import BadInputError
from core.ports import Vector

_DIMENSION = 16
_MAX_CHARACTERS = 4_000


class FakeEmbedder:
    """The sum of a random, fixed vector per word. ``embedded`` counts the texts given, each time."""

    model = "fake-words/1"
    dimension = _DIMENSION

    def __init__(self) -> None:
        self.embedded: Counter[str] = Counter()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> Vector:
        clean = [_clean(text, position) for position, text in enumerate(texts)]
        with self._lock:
            self.embedded.update(texts)
        vectors = np.array([_sum_of_words(text) for text in clean], dtype=np.float32)
        return vectors.reshape(len(texts), _DIMENSION)


def _clean(text: str, position: int) -> str:
    clean = text[:_MAX_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode()
    if not clean.strip():
        raise BadInputError(f"text {position} is empty: leave it out, there is nothing to embed")
    return clean


def _sum_of_words(text: str) -> Vector:
    total = np.sum([_word(word) for word in text.casefold().split()], axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


@lru_cache(maxsize=10_000)
def _word(word: str) -> Vector:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).standard_normal(_DIMENSION).astype(np.float32)
