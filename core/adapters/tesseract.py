"""Tesseract, where a machine has it: which languages it reads, how it is asked, what it answers.

Nothing needs it: a machine without reads no further languages. Its answer is TSV, as documented in
https://github.com/tesseract-ocr/tessdoc/blob/main/Command-Line-Usage.md.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

# What Tesseract calls the languages whose scripts RapidOCR's model doesn't know.
PACKS = {
    "ko": "kor", "ru": "rus", "uk": "ukr", "bg": "bul", "sr": "srp", "el": "ell", "ar": "ara", "fa": "fas",
    "ur": "urd", "he": "heb", "hi": "hin", "mr": "mar", "bn": "ben", "pa": "pan", "gu": "guj", "ta": "tam",
    "te": "tel", "kn": "kan", "ml": "mal", "th": "tha",
}  # fmt: skip
READER = "tesseract"
_LISTED = re.compile(r"^[A-Za-z_]+$", re.MULTILINE)
_SPARSE_TEXT = "11"  # page segmentation: words wherever they stand, as on an ad
_WORD_LEVEL, _COLUMNS = "5", 12
_ASKING_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Tesseract:
    """The program of this machine, its version and the languages (ISO 639-1) it has packs for."""

    program: str
    version: str
    languages: frozenset[str]

    def packs_for(self, languages: Collection[str]) -> str:
        """As it is asked ("kor+eng"); empty where it reads none of them."""
        packs = sorted(PACKS[language] for language in languages if language in self.languages)
        return "+".join([*packs, "eng"]) if packs else ""


def installed_tesseract() -> Tesseract | None:
    """What PATH finds and answers; None where it isn't, or doesn't work."""
    program = shutil.which("tesseract")
    if program is None:
        return None
    try:
        version, listed = (_answer_of(program, option) for option in ("--version", "--list-langs"))
    except (OSError, subprocess.SubprocessError):
        return None
    packs = set(_LISTED.findall(listed))
    if "eng" not in packs:  # it is always asked for Latin letters, too
        return None
    return Tesseract(program, version.split("\n")[0], frozenset(code for code, pack in PACKS.items() if pack in packs))


def command_for(program: str, packs: str) -> list[str]:
    """Reads a picture from its standard input."""
    return [program, "stdin", "stdout", "-l", packs, "--psm", _SPARSE_TEXT, "tsv"]


def lines_of(tsv: str, width: int, height: int) -> list[dict[str, Any]]:
    """Its answer as lines: text, confidence in [0, 1] (mean over characters), box in [0, 1], reader."""
    return [_line(list(words), width, height) for _, words in groupby(_words(tsv), key=lambda row: row[1:5])]


def _answer_of(program: str, option: str) -> str:
    done = subprocess.run(  # noqa: S603 - what PATH finds
        [program, option], capture_output=True, text=True, timeout=_ASKING_SECONDS, check=True
    )
    return done.stdout


def _words(tsv: str) -> Iterator[list[str]]:
    """Rows: level, page, block, paragraph, line, word, left, top, width, height, confidence (to 100), text."""
    for line in tsv.split("\n"):
        row = line.split("\t")
        if len(row) == _COLUMNS and row[0] == _WORD_LEVEL and row[-1].strip():
            yield row


def _line(words: list[list[str]], width: int, height: int) -> dict[str, Any]:
    boxes = [[int(number) for number in row[6:10]] for row in words]
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    letters = sum(len(row[-1]) for row in words)
    confidence = sum(float(row[10]) * len(row[-1]) for row in words) / letters / 100
    return {
        "text": " ".join(row[-1] for row in words),
        "confidence": min(max(confidence, 0.0), 1.0),
        "box": (left / width, top / height, right / width, bottom / height),
        "reader": READER,
    }
