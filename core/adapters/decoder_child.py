"""The program that decodes a worker's images: what it says of them, and how its worker checks that.

``core.adapters.decoder_pool`` starts it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, BinaryIO

import numpy as np

from core.adapters import limited_child
from core.adapters.image_decoder import CONTENT_TYPES, MediaFacts, probe_and_describe
from core.adapters.limited_child import problem_in
from core.adapters.picture_figures import HASH_BITS, MOST_COLOURS, Colour
from core.adapters.visual_embedder import VISUAL_DIMENSION
from core.ports import Vector

_VECTOR = "<f4"
_TOO_MANY = 1 << 31  # pixels a side, frames
_HASHES = range(-(1 << HASH_BITS - 1), 1 << HASH_BITS - 1)
_SAID = ("content_type", "width", "height", "frames", "perceptual_hash")


def serve(describe: Callable[..., MediaFacts]) -> None:
    """Answer for each file until the worker hangs up. ``describe`` takes a stream and ``max_pixels``."""
    limited_child.serve(partial(_answer, describe))


def unpack_answer(answer: bytes) -> MediaFacts:
    """The facts, or the child's MediaProblemError. Raises ValueError for what no sound child says."""
    head, _, vector = answer.partition(b"\n")
    try:
        said = json.loads(head)
        problem = problem_in(said)
        if problem is None:
            colours = tuple(Colour(**colour) for colour in said.pop("colours", ()))
            return _checked(MediaFacts(**said, colours=colours, visual=_vector(vector)))
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError("not an answer") from error
    raise problem


def _answer(describe: Callable[..., MediaFacts], file: BinaryIO, _: str, max_pixels: int) -> bytes:
    """One line of JSON, then the vector's bytes."""
    facts = describe(file, max_pixels=max_pixels)
    said: dict[str, Any] = {name: getattr(facts, name) for name in _SAID}
    said["colours"] = [asdict(colour) for colour in facts.colours]
    vector = b"" if facts.visual is None else facts.visual.astype(_VECTOR).tobytes()
    return json.dumps(said).encode() + b"\n" + vector


def _vector(content: bytes) -> Vector | None:
    return np.frombuffer(content, _VECTOR).astype(np.float32) if content else None


def _checked(facts: MediaFacts) -> MediaFacts:
    numbers = [number for number in (facts.width, facts.height, facts.frames) if number is not None]
    if facts.content_type not in CONTENT_TYPES or not all(type(n) is int and 0 < n < _TOO_MANY for n in numbers):
        raise ValueError("not the facts of a medium")
    phash = facts.perceptual_hash
    if (phash is not None and (type(phash) is not int or phash not in _HASHES)) or len(facts.colours) > MOST_COLOURS:
        raise ValueError("not the figures of a picture")
    if facts.visual is not None and (facts.visual.shape != (VISUAL_DIMENSION,) or not np.isfinite(facts.visual).all()):
        raise ValueError("not a visual descriptor")
    return facts


if __name__ == "__main__":
    serve(probe_and_describe)
