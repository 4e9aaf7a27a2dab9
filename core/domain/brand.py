"""Names of brands: when two spellings are the same name."""

from __future__ import annotations

import unicodedata


def alias_key(name: str) -> str:
    """The form under which spellings of one name meet: NFKC, case folded, only letters, marks and digits.

    A name made of nothing else (``"+++"``) keeps its symbols, so that it still has a key of its own.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    kept = "".join(character for character in folded if unicodedata.category(character)[0] in "LMN")
    return kept or "".join(folded.split())
