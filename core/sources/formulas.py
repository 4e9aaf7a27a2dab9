"""Text that a spreadsheet would run: written with an apostrophe before it, and read without."""

from __future__ import annotations

import string

# What a spreadsheet takes for the beginning of a formula, or skips to find one; the wide forms count as the narrow.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff"  # before a formula: as spaces, which some programs drop
_MARK = "'"


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs."""
    return f"{_MARK}{text}" if _is_formula(text) else text


def restored(cell: str) -> str:
    """What ``harmless`` was given."""
    text = cell.removeprefix(_MARK)
    return text if _is_formula(text) else cell


def _is_formula(text: str) -> bool:
    bare = text.lstrip(string.whitespace + "\u00a0\u3000" + _UNSEEN)
    return text.startswith(_FORMULA_STARTS) or bare.startswith(_FORMULA_STARTS)
