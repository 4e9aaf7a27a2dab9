"""Finds what a model quotes in the text it was shown, though it may write blanks, quotation marks or case otherwise."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from core.ai.methods.framing import is_invisible
from core.domain.label import Evidence

_ELLIPSIS = re.compile(r"…|\.{3}|\[\.\.\.\]")
_SAME = str.maketrans(
    {letter: "'" for letter in "‘’‚‛`´"} | {letter: '"' for letter in "“”„‟«»"} | dict.fromkeys("‐‑‒–—−", "-")
)
_LEAST_LETTERS = 2


def find_quote(text: str, quote: str) -> Evidence | None:
    """Where the text first says so, in the text's own spelling; of a quote with omissions its longest piece."""
    piece = max(_ELLIPSIS.split(quote), key=len)
    needle = "".join(letter for letter, _ in _folded(piece)).strip()
    if len(needle) < _LEAST_LETTERS and not _is_symbol(needle):
        return None
    folded, places = _folding(text)
    start = folded.find(needle)
    if start < 0:
        return None
    first, end = places[start], places[start + len(needle) - 1] + 1
    return Evidence(text[first:end], first, end)


@lru_cache(maxsize=16)  # a text is searched for every quote of its answer
def _folding(text: str) -> tuple[str, tuple[int, ...]]:
    """The text to compare by, and where in the text each of its letters comes from."""
    letters = list(_folded(text))
    return "".join(letter for letter, _ in letters), tuple(place for _, place in letters)


def _folded(text: str) -> Iterator[tuple[str, int]]:
    was_blank = True
    for place, letter in enumerate(text):
        for folded in unicodedata.normalize("NFKD", letter).casefold().translate(_SAME):
            is_blank = folded.isspace()
            if not (is_blank and was_blank) and (is_blank or not is_invisible(folded)):
                yield (" " if is_blank else folded), place
                was_blank = is_blank


def _is_symbol(needle: str) -> bool:
    """A single emoji may be all the evidence there is."""
    return len(needle) == 1 and unicodedata.category(needle) == "So"
