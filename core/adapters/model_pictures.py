"""Pictures as models are shown them: decoded and made small in processes that may die of them, never here."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import BinaryIO, Final

from core.adapters.child_pool import ChildPool, Work
from core.adapters.decoder_pool import decoding_bytes
from core.adapters.image_decoder import sniff
from core.adapters.limited_child import Limits, problem_in
from core.ports import ModelImage

COMMAND: Final = (sys.executable, "-m", "core.adapters.model_picture_child")
CONTENT_TYPE: Final = "image/jpeg"

_SECONDS = 30.0
_MOST_BYTES = 3_500_000  # of a picture: the least that a provider takes is 3.75 MB; noise of 1,024² pixels has 1 MB
_FILES_PER_CHILD = 1_000


class ModelPictures:
    """Up to ``children`` processes, started when needed. Safe for any number of threads."""

    def __init__(self, *, max_pixels: int, children: int = 1, command: Sequence[str] = COMMAND) -> None:
        work = Work(unpack_answer, "decoder", "decoding", "decoded", _MOST_BYTES, _FILES_PER_CHILD)
        limits = Limits(max_pixels, _SECONDS, decoding_bytes(max_pixels))
        self._pool = ChildPool(work, limits, command, children=children)

    def prepared(self, stream: BinaryIO) -> ModelImage:
        """A JPEG of at most 1,024 pixels a side. Reads a seekable stream from its start.

        Raises MediaProblemError for what is the file's fault and UnavailableError where no child can be had.
        """
        return ModelImage(self._pool.ask(stream), CONTENT_TYPE)

    def close(self) -> None:
        """End the children; afterwards nothing is prepared."""
        self._pool.close()


def unpack_answer(answer: bytes) -> bytes:
    """The JPEG, or the child's MediaProblemError. Raises ValueError for what no sound child says."""
    if sniff(answer[:16]) == CONTENT_TYPE:
        return answer
    try:
        problem = problem_in(json.loads(answer))
    except (ValueError, RecursionError) as error:
        raise ValueError("not an answer") from error
    if problem is None:
        raise ValueError("not an answer")
    raise problem
