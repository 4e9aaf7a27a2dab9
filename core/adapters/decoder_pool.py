"""Decodes images, in processes that may die of them (``core.adapters.child_pool``)."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import BinaryIO, Final

from core.adapters.child_pool import ChildPool, Work
from core.adapters.decoder_child import unpack_answer
from core.adapters.image_decoder import MediaFacts
from core.adapters.limited_child import Limits

COMMAND: Final = (sys.executable, "-m", "core.adapters.decoder_child")

_SECONDS = 30.0  # 40 million pixels take 3
_OWN_BYTES = 256 << 20  # Python, numpy, Pillow: 60 MB; a video's head, an animation's canvas
_BYTES_PER_PIXEL = 32  # a transparent WebP, turned upright and laid on white: the most of all kinds, by measuring
_LONGEST_ANSWER_BYTES = 64 * 1024
_FILES_PER_CHILD = 1_000


class DecoderPool:
    """Up to ``children`` decoders, started when needed and kept. Safe for any number of threads."""

    def __init__(
        self,
        *,
        max_pixels: int,
        seconds: float = _SECONDS,
        memory_bytes: int | None = None,
        children: int = 2,
        files_per_child: int = _FILES_PER_CHILD,
        command: Sequence[str] = COMMAND,
    ) -> None:
        """``seconds`` a file may take, of the clock and of one core; ``memory_bytes`` a child may allocate."""
        memory = decoding_bytes(max_pixels) if memory_bytes is None else memory_bytes
        work = Work(unpack_answer, "decoder", "decoding", "decoded", _LONGEST_ANSWER_BYTES, files_per_child)
        self._pool = ChildPool(work, Limits(max_pixels, seconds, memory), command, children=children)

    def describe(self, stream: BinaryIO) -> MediaFacts:
        """Read a seekable stream from its start, in a child.

        Raises MediaProblemError for what is the file's fault and UnavailableError where no child can be had.
        """
        return self._pool.ask(stream)

    def close(self) -> None:
        """End the children; one at work ends with its file. Afterwards nothing is decoded."""
        self._pool.close()


def decoding_bytes(max_pixels: int) -> int:
    """The memory that decoding the largest image allowed takes at most."""
    return _OWN_BYTES + _BYTES_PER_PIXEL * max_pixels
