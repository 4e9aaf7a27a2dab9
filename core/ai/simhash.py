"""SimHash of a text: 64 bits that differ in few places where two texts share most of their character sequences.

M. S. Charikar, "Similarity estimation techniques from rounding algorithms", STOC 2002, over the distinct sequences of
four characters, as G. S. Manku, A. Jain and A. Das Sarma use it for near-duplicates (WWW 2007). Sequences of characters
need no word borders: Korean particles and Japanese sentences are no special case.
"""

from __future__ import annotations

import unicodedata

import numpy as np

SIMHASH_BITS = 64
_LENGTH = 4  # characters of one sequence
_ODD = np.uint64(0x9E3779B97F4A7C15)  # the mixing of splitmix64, by S. Vigna
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_PLACES = np.arange(1, _LENGTH + 1, dtype=np.uint64) * _ODD


def simhash(text: str) -> int | None:
    """A signed integer, as PostgreSQL has no other; None where no letter or digit is left to compare.

    Upper and lower case, compatible forms, punctuation, emoji and spaces make no difference.
    """
    kept = "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())
    if not kept:
        return None
    signs = np.frombuffer(kept.ljust(_LENGTH).encode("utf-32-le", "replace"), dtype="<u4").astype(np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(signs, _LENGTH)
    hashes = np.unique(_mixed(np.bitwise_xor.reduce(_mixed(windows + _PLACES), axis=1)))
    ones = np.unpackbits(hashes.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1).sum(axis=0, dtype=np.int64)
    bits = 2 * ones > len(hashes)
    return int.from_bytes(np.packbits(bits).tobytes(), "big", signed=True)


def _mixed(values: np.typing.NDArray[np.uint64]) -> np.typing.NDArray[np.uint64]:
    values = (values ^ (values >> np.uint64(30))) * _FIRST
    values = (values ^ (values >> np.uint64(27))) * _SECOND
    mixed: np.typing.NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return mixed
