"""How data from outside is put before a model: what a person would see of it, between marks that it can't contain."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from core.domain.label import Outcome
from core.ports import ModelAnswer

_LONGEST_REFUSAL = 200
_PROMPTS = Path(__file__).parents[1] / "prompts"
_INVISIBLE = {"Cc", "Cf", "Co", "Cs"}  # controls, zero widths, tags, changes of direction, private use, surrogates
# Without a form of their own, though letters or marks by name: fillers, an empty Braille cell, variants of letters.
_FORMLESS = {*"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0", *map(chr, range(0x180B, 0x1810))}
_VARIANTS = (range(0xFE00, 0xFE0F), range(0xE0100, 0xE01F0))
_JOINERS = {"\u200c", "\u200d"}  # Persian, Hindi and families of emoji are written with them
_BLANK_LINES = re.compile(r"\n[ \t\n]{2,}")


def visible(text: str) -> str:
    """The text without characters that no reader sees: they can only hide something."""
    kept = (letter for letter in text if letter in "\n\t" or not is_invisible(letter))
    return _BLANK_LINES.sub("\n\n", "".join(kept)).strip()


def plain(text: str, *, longest: int) -> str:
    """A model's words as one line that can be shown: no invisible characters, no line breaks."""
    return " ".join(visible(text).split())[:longest].strip()


def framed(parts: Mapping[str, str], key: str) -> str:
    """Each part that says something between its marks. ``key`` is a hash over all of them: none can contain it."""
    seen = {name: visible(text) for name, text in parts.items()}
    return "\n\n".join(f"<{name} {key}>\n{text}\n</{name} {key}>" for name, text in seen.items() if text)


@cache
def prompt(name: str) -> str:
    """A prompt of ``core/ai/prompts`` with the words on data from outside put in; ``{dimensions}`` is still open."""
    text = (_PROMPTS / f"{name}.md").read_text(encoding="utf-8")
    return text.replace("{data}", (_PROMPTS / "data.md").read_text(encoding="utf-8").strip()).strip()


def hash_of(instructions: str, schema: Mapping[str, Any]) -> str:
    """Of all that is ours in a request (64 bits, hex)."""
    return hashlib.sha256(f"{instructions}\n{json.dumps(schema)}".encode()).hexdigest()[:16]


def why_not(answer: ModelAnswer) -> str:
    """Of an answer that was refused or cut off."""
    if answer.outcome is Outcome.TRUNCATED:
        return "the answer was cut off by its limit of tokens"
    return f"the model refused: {plain(answer.text, longest=_LONGEST_REFUSAL) or 'without words'}"


def is_invisible(letter: str) -> bool:
    """Whether a reader sees nothing of it, not even a blank."""
    if letter.isascii() and letter.isprintable():
        return False
    is_variant = any(ord(letter) in variants for variants in _VARIANTS)
    return is_variant or letter in _FORMLESS or (unicodedata.category(letter) in _INVISIBLE and letter not in _JOINERS)
