"""The statements that a piece of code sends to PostgreSQL, as they are sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

_SCOPE = "set_config('app.scope'"


@contextmanager
def recorded(engine: Engine) -> Iterator[list[str]]:
    """Whatever this engine executes inside, with its values; not the statement that says for whom."""
    statements: list[str] = []

    def note(_: Any, cursor: Any, statement: str, parameters: Any, *__: Any) -> None:
        if _SCOPE not in statement:
            statements.append(cursor.mogrify(statement, parameters or None).decode())

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", note)
