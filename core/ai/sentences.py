"""Sentences of an ad with their offsets. The first is the hook."""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_CHARACTERS = 5_000  # no ad is longer; bounds the time hostile text can take
_SENTENCE_CHARACTERS = 300
_MOST_SENTENCES = 40
_LEAST_LETTERS = 4  # fewer say nothing

_VISIBLE = re.compile(r"\S")
_END = re.compile(r"""[.!?]["'”’»)\]]{0,2}(?=\s|$)|[。！？…।][」』”）]{0,2}|(?=\n)""")
_QUOTATION = re.compile(r"""\W{0,4}(?:"[^"]{1,250}"|[“„][^“”]{1,250}[“”]|«[^»]{1,250}»|「[^」]{1,250}」)""")


def opening(text: str) -> tuple[int, int]:
    """Start and end of the first sentence. A quotation it begins with belongs to it whole, with who said it."""
    return next(_spans(text), (0, 0))


def telling_sentences(text: str) -> list[tuple[int, int]]:
    """Start and end of the first 40 sentences that hold some letters."""
    spans = [span for span in _spans(text) if _says_something(text[slice(*span)])]
    return spans[:_MOST_SENTENCES]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    position, end = 0, min(len(text), MAX_CHARACTERS)
    while visible := _VISIBLE.search(text, position, end):
        start = visible.start()
        limit = min(end, start + _SENTENCE_CHARACTERS)
        quotation = _QUOTATION.match(text, start, limit)
        stop = _END.search(text, quotation.end() if quotation else start + 1, limit)
        position = stop.end() if stop else limit
        yield start, position


def _says_something(sentence: str) -> bool:
    return sum(map(str.isalpha, sentence)) >= _LEAST_LETTERS
