"""What happened, as it happened: JSON lines, one file a witness."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class History:
    """Append-only; every line is in the file before ``add`` returns. Safe for any number of threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        file.touch()

    def add(self, what: str, **facts: Any) -> None:
        """``at`` is the time in seconds since 1970."""
        line = json.dumps({"at": round(time.time(), 3), "what": what, **facts})
        with self._lock, self._file.open("a", encoding="utf-8") as lines:
            lines.write(line + "\n")


def read_history(file: Path) -> list[dict[str, Any]]:
    """The lines in their order."""
    with file.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def write_history(file: Path, lines: Iterable[dict[str, Any]]) -> None:
    """A file of lines that are known already."""
    with file.open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(line) + "\n" for line in lines)
