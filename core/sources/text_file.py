"""Bytes of a file to text: gzip or not, UTF-8, UTF-16 or cp1252, found from the content."""

from __future__ import annotations

import gzip
import stat
import zlib
from pathlib import Path

from core.errors import BadInputError

MAX_TEXT_BYTES = 64 * 1024 * 1024  # decompressed; a file is held in memory while it is read
SNIFF_BYTES = 64 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


def read_text(path: Path) -> str:
    """The whole text. Undecodable bytes of damaged UTF-8 become lone surrogates, so that only their rows are lost.

    Raises BadInputError for a file that is damaged, too large, not regular or not text.
    """
    data = _read_bytes(path, MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise BadInputError(f"{path.name} holds more than {MAX_TEXT_BYTES >> 20} MB of text; split it")
    try:
        return _decode(data)
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path.name} is neither UTF-8, UTF-16 nor cp1252; save it as UTF-8") from error


def sniff_text(path: Path) -> str:
    """The beginning of the text, enough to tell the format; undecodable bytes are replaced. Raises BadInputError."""
    data = _read_bytes(path, SNIFF_BYTES)
    if data.startswith(_UTF16_BOMS):
        return data.decode("utf-16", "replace")
    return data.removeprefix(_UTF8_BOM).decode("utf-8", "replace")


def _read_bytes(path: Path, size: int) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise BadInputError(f"{path.name} isn't a regular file")
        with path.open("rb") as file:
            magic = file.read(len(_GZIP_MAGIC))
            file.seek(0)
            return gzip.GzipFile("", mode="rb", fileobj=file).read(size) if magic == _GZIP_MAGIC else file.read(size)
    except FileNotFoundError as error:
        raise BadInputError(f"{path} doesn't exist; give a file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise BadInputError(f"{path.name} can't be read: {error}") from error


def _decode(data: bytes) -> str:
    """A byte-order mark decides; else UTF-8; else cp1252 if not one multi-byte character is valid UTF-8."""
    if data.startswith(_UTF16_BOMS):
        return data.decode("utf-16")
    data = data.removeprefix(_UTF8_BOM)
    text = data.decode("utf-8", "surrogateescape")
    is_damaged = has_surrogates(text)
    if not is_damaged or any(not character.isascii() and not has_surrogates(character) for character in set(text)):
        return text
    return data.decode("cp1252")


def has_surrogates(text: str) -> bool:
    """Whether the text holds undecodable bytes or lone surrogates, which no store takes."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
